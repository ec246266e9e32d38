"""Errors of the inference libraries, told apart by what they say: no memory left, a device that failed, libraries that
are not there, or a fault of ours.

onnxruntime, CUDA, cuDNN, cuBLAS and the driver have no common error classes, only texts; the tests hold real ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from yivideo_ray.errors import DeviceError, InternalError, YivideoError

__all__ = ["LIBRARIES_REMEDY", "translate", "translated"]

LIBRARIES_REMEDY = "yivideo doctor names the driver and the libraries that are missing; docs/gpu.md says how they come."

_OUT_OF_MEMORY = re.compile(
    r"out of memory|failed to allocate memory|available memory of \d+ is smaller than requested"
    r"|resource ?exhausted|bad_alloc|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|_ALLOC(ATION)?_FAILED",
    re.IGNORECASE,
)
# What no new process mends: the installation doesn't fit the machine.
_UNUSABLE = re.compile(
    r"cuDNN is (unavailable|disabled)|driver version is insufficient|unsupported display driver"
    r"|no kernel image is available|forward compatibility was attempted|cudaErrorInsufficientDriver"
    r"|lib(cuda|cu[a-z]+|nv[a-z-]+|onnxruntime_providers_\w+)\.so[.\d]*:? (cannot open shared object|is not found)",
    re.IGNORECASE,
)
# After these a CUDA context is unusable for ever ("sticky"), or may be: only a fresh process is safe.
_DEVICE_FAILED = re.compile(
    r"illegal (memory access|address|instruction)|CUDNN_STATUS_|CUBLAS_STATUS_|(CUDNN(_FE)?|CUBLAS) failure"
    r"|cu(DNN|BLAS|FFT)( frontend)? error|CUDA (failure|error) ?\(?\d+|CUDA_ERROR_|cudaError|EP_FAIL|\bXid\b"
    r"|unspecified launch failure|device-side assert|uncorrectable ECC|misaligned address"
    r"|GPU (is lost|has fallen off)|driver shutting down",
    re.IGNORECASE,
)


def translate(error: BaseException) -> YivideoError:
    """Returns the error of ours that stands for a foreign one: DEVICE_OUT_OF_MEMORY (with less it may work),
    DEVICE_UNAVAILABLE (the libraries or the driver can't serve), DEVICE_FAILED (this process is lost), or INTERNAL."""
    if isinstance(error, YivideoError):
        return error
    text = " ".join(str(error).split())
    sentence = f"{type(error).__name__}: {text[:500]}"
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(text):
        return DeviceError(f"The device has no memory left for this call ({sentence}).", code="DEVICE_OUT_OF_MEMORY")
    if _UNUSABLE.search(text):
        return DeviceError(f"The GPU can't be used ({sentence}).", remedy=LIBRARIES_REMEDY)
    if _DEVICE_FAILED.search(text):
        return DeviceError(f"The device failed ({sentence}).", code="DEVICE_FAILED")
    return InternalError(f"The OCR engine failed ({sentence}).")


@contextmanager
def translated() -> Iterator[None]:
    """Raises foreign errors of its block as errors of ours, with the original as cause."""
    try:
        yield
    except YivideoError:
        raise
    except Exception as error:
        raise translate(error) from error
