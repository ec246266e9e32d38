"""Every kind of failure that the inference engines are known to report becomes one of our errors."""

from __future__ import annotations

import pickle

import pytest

from yivideo_ray.errors import DeviceError, InternalError, ModelError, YivideoError
from yivideo_ray.ocr.adapter import translate, translated

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
]
INTERNAL = [
    RuntimeError("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions for input: x"),
    ValueError("operands could not be broadcast together"),
    KeyError("rec_text"),
    AssertionError(),
]


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        *((error, DeviceError, "DEVICE_OUT_OF_MEMORY") for error in OUT_OF_MEMORY),
        *((error, DeviceError, "DEVICE_FAILED") for error in DEVICE_FAILED),
        *((error, InternalError, "INTERNAL") for error in INTERNAL),
    ],
)
def test_a_foreign_error_becomes_one_of_ours_with_its_cause(
    error: Exception, kind: type[YivideoError], code: str
) -> None:
    with pytest.raises(kind) as raised, translated():
        raise error
    assert raised.value.code.name == code
    assert raised.value.retryable == (code != "INTERNAL")
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
