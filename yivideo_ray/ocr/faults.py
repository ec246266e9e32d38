"""Turns what the inference engines raise into errors of ours. The only place that reads foreign messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from yivideo_ray.errors import DeviceError, InternalError, YivideoError

__all__ = ["translate", "translated"]

_OUT_OF_MEMORY = re.compile(
    r"out of memory|failed to allocate memory|available memory of \d+ is smaller than requested"
    r"|resource ?exhausted|bad_alloc|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|_ALLOC_FAILED",
    re.IGNORECASE,
)
# After these a CUDA context is unusable for ever ("sticky"), or may be: only a fresh process is safe.
_DEVICE_FAILED = re.compile(
    r"illegal (memory access|address|instruction)|CUDNN_STATUS_|CUBLAS_STATUS_|CUDNN failure|CUBLAS failure"
    r"|CUDA (failure|error) ?\(?\d+|cudaError|unspecified launch failure|device-side assert|uncorrectable ECC"
    r"|misaligned address|GPU is lost|driver shutting down",
    re.IGNORECASE,
)


def translate(error: BaseException) -> YivideoError:
    """Returns the error of ours that stands for a foreign one: out of memory, device failed, or internal."""
    if isinstance(error, YivideoError):
        return error
    text = " ".join(str(error).split())
    sentence = f"{type(error).__name__}: {text[:500]}"
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(text):
        return DeviceError(f"The device has no memory left for this call ({sentence}).", code="DEVICE_OUT_OF_MEMORY")
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
