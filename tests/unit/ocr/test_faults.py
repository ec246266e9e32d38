"""Every kind of failure that the inference engines are known to report becomes one of our errors."""

from __future__ import annotations

import pickle

import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import EPFail

from yivideo_ray.errors import DeviceError, InternalError, ModelError, YivideoError
from yivideo_ray.ocr.faults import translate, translated

OUT_OF_MEMORY = [
    RuntimeError(
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Exception during initialization: bfc_arena.cc:376 "
        "Failed to allocate memory for requested buffer of size 268435456"
    ),
    RuntimeError("Available memory of 5242880 is smaller than requested bytes of 16777216"),
    RuntimeError("CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; file=cuda_allocator.cc ; line=60"),
    RuntimeError("CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED ; GPU=0"),
    RuntimeError("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0"),
    RuntimeError("ResourceExhaustedError: \n\nOut of memory error on GPU 0. Cannot allocate 2.5GB memory on GPU 0"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("CUDNN_FE failure 5003: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0"),
    EPFail(
        "[ONNXRuntimeError] : 11 : EP_FAIL : CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size)"
    ),
    MemoryError("Unable to allocate 9.00 GiB for an array"),
    MemoryError(),
]
DEVICE_FAILED = [
    RuntimeError("CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; expr=cudaStreamSynchronize"),
    RuntimeError("CUDA failure 719: unspecified launch failure ; GPU=0"),
    RuntimeError("CUDA failure 999: unknown error ; GPU=0"),
    RuntimeError("CUDNN failure 8: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0"),
    RuntimeError("CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0"),
    OSError("(External) CUDA error(700), an illegal memory access was encountered. [Hint: 'cudaErrorIllegalAddress'"),
    OSError("(External) CUDA error(214), uncorrectable ECC error encountered."),
    SystemError("(Fatal) Operator conv2d raises: cudaErrorLaunchFailure"),
    EPFail(
        "[ONNXRuntimeError] : 11 : EP_FAIL : Non-zero status code returned while running Conv node. Name:'Conv.0' "
        "Status Message: Failed to initialize CUDNN Frontend"
    ),
    EPFail(
        "[ONNXRuntimeError] : 11 : EP_FAIL : Non-zero status code returned while running FusedConv node. "
        "Name:'p2o.Conv.3' Status Message: OP not supported by CUDNN Frontend"
    ),
    RuntimeError("CUDNN_FE failure 11: CUDNN_BACKEND_API_FAILED ; GPU=0 ; hostname=h ; file=conv.cc ; line=224"),
    RuntimeError("cuBLAS error: 14"),
    RuntimeError("[cuDNN Frontend] Error: No valid execution plans built. cuDNN frontend error 9"),
    RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered"),
    RuntimeError("cuvidMapVideoFrame failed: CUDA_ERROR_LAUNCH_FAILED"),
    RuntimeError("CUDA failure 719: unspecified launch failure ; GPU=0 ; expr=cudaEventRecord(event, stream)"),
    RuntimeError("CUDA failure 46: all CUDA-capable devices are busy or unavailable ; GPU=0 ; expr=cudaSetDevice(0)"),
    RuntimeError("CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; expr=cudaSetDevice(device_id)"),
    RuntimeError("NVRM: Xid (PCI:0000:19:00): 79, pid=1234, GPU has fallen off the bus."),
    RuntimeError("NVRM: Xid (PCI:0000:19:00): 94, pid=1234, Contained: SM (0x1). RST: No, D-RST: No"),
    RuntimeError("GPU is lost"),
]
# The installation doesn't fit the machine: another process would fail in the same way.
UNAVAILABLE = [
    RuntimeError(
        "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Non-zero status code returned while running Conv node. "
        "Status Message: cuDNN is unavailable or disabled"
    ),
    RuntimeError(
        "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=0 ; expr=cudaSetDevice(0)"
    ),
    RuntimeError("CUDA failure 803: system has unsupported display driver / cuda driver combination ; GPU=0"),
    RuntimeError("CUDA failure 209: no kernel image is available for execution on the device ; GPU=0"),
    RuntimeError(
        "Failed to load library libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: "
        "cannot open shared object file: No such file or directory"
    ),
    OSError("libcudnn.so.9: cannot open shared object file: No such file or directory"),
]
INTERNAL = [
    RuntimeError("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions for input: x"),
    ValueError("operands could not be broadcast together"),
    KeyError("rec_text"),
    # Neither "cuda" nor a number make a fault of the device.
    ValueError("ocr.engine: no such engine, cuda"),
    AssertionError(),
]


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        *((error, DeviceError, "DEVICE_OUT_OF_MEMORY") for error in OUT_OF_MEMORY),
        *((error, DeviceError, "DEVICE_FAILED") for error in DEVICE_FAILED),
        *((error, DeviceError, "DEVICE_UNAVAILABLE") for error in UNAVAILABLE),
        *((error, InternalError, "INTERNAL") for error in INTERNAL),
    ],
)
def test_a_foreign_error_becomes_one_of_ours_with_its_cause(
    error: Exception, kind: type[YivideoError], code: str
) -> None:
    with pytest.raises(kind) as raised, translated():
        raise error
    assert raised.value.code.name == code
    assert raised.value.retryable == (code not in ("INTERNAL", "DEVICE_UNAVAILABLE"))
    assert raised.value.__cause__ is error
    assert type(error).__name__ in raised.value.message
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


def test_our_own_errors_pass_through() -> None:
    error = ModelError("No such model.")
    assert translate(error) is error
    with pytest.raises(ModelError) as raised, translated():
        raise error
    assert raised.value is error


def test_a_long_message_is_cut_to_one_line() -> None:
    message = translate(RuntimeError("x\n" * 5000)).message
    assert "\n" not in message
    assert len(message) < 700


def test_what_the_libraries_lack_is_said_with_where_to_look() -> None:
    assert all("yivideo doctor" in translate(error).remedy for error in UNAVAILABLE)
