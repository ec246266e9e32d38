"""onnxruntime: sessions with the options that PaddleOCR does not pass on, the device they run on, and what a model file
says of itself."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnxruntime

from yivideo_ray.errors import DeviceError
from yivideo_ray.ocr import libraries
from yivideo_ray.ocr.faults import LIBRARIES_REMEDY

__all__ = ["CPU", "CUDA", "Device", "cuda_offered", "metadata", "new_session", "require_provider"]

_log = logging.getLogger(__name__)

# The environment says so too (privacy.SWITCHES), but not to an onnxruntime that was loaded before this package.
onnxruntime.disable_telemetry_events()


@dataclass(frozen=True, slots=True, eq=False)
class Device:
    """Where sessions run: the execution provider, its options, and what onnxruntime calls its memory."""

    provider: str
    memory: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def named(self) -> str:
        """The device as EngineFacts has it."""
        return "cpu" if self.memory == "cpu" else "gpu:0"


CPU = Device("CPUExecutionProvider", "cpu")
CUDA = Device(
    "CUDAExecutionProvider",
    "cuda",
    {
        "device_id": "0",
        # An exhaustive search would run for each shape, and take seconds.
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
        # TF32 has 10 bits of mantissa: readings near a threshold would differ from those of a CPU.
        "use_tf32": "0",
    },
)


def cuda_offered() -> bool:
    """Says whether this build of onnxruntime can use CUDA; whether it works shows only when a session runs."""
    # First of all: a build may offer CUDA only where its libraries are loaded.
    libraries.load_cuda()
    return CUDA.provider in onnxruntime.get_available_providers()


def metadata(model: Path) -> dict[str, str]:
    """Returns what a model file says of itself, such as the characters that it knows."""
    options = onnxruntime.SessionOptions()
    # The model is opened and never run.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(model), options, providers=[CPU.provider])
    return dict(session.get_modelmeta().custom_metadata_map)


def new_session(
    model: Path | bytes, threads: int, device: Device = CPU, *, one_shape: bool = False
) -> onnxruntime.InferenceSession:
    """Returns a session of a model, a file or its content, on a device.

    one_shape: all its inputs will have the same shape, and many such sessions are open: they share their memory.
    Errors: DeviceError DEVICE_UNAVAILABLE if the session reports another provider.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take the cores from the decoders that run beside.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # A pattern is kept for each input shape, and with changing shapes the arena never stops growing.
    options.enable_mem_pattern = one_shape
    if one_shape and _memory_is_shared(device):
        options.add_session_config_entry("session.use_env_allocators", "1")
    providers: list[Any] = [(device.provider, device.options)]
    if device is not CPU:
        providers.append(CPU.provider)
    session = onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model),
        options,
        providers=providers,
        # Else a session whose device fails would print that, and answer from the CPU from then on.
        enable_fallback=0,
    )
    try:
        require_provider(session, device)
    except DeviceError as error:
        # onnxruntime only logs that CUDA could not be loaded, and goes on with the CPU.
        raise DeviceError(f"onnxruntime could not use the GPU. {error.message}", remedy=LIBRARIES_REMEDY) from error
    return session


def require_provider(session: onnxruntime.InferenceSession, device: Device) -> None:
    """Errors: DeviceError DEVICE_FAILED if another provider than the device's runs the session by now."""
    offered = session.get_providers()
    if offered[0] != device.provider:
        raise DeviceError(f"{', '.join(offered)} runs the model in place of {device.provider}.", code="DEVICE_FAILED")


@functools.cache
def _memory_is_shared(device: Device) -> bool:
    """Gives sessions of a device one arena, once per process; says whether it could."""
    is_cpu = device.memory == "cpu"
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu" if is_cpu else "Cuda",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        int(device.options.get("device_id", "0")),
        onnxruntime.OrtMemType.DEFAULT,
    )
    # 1 is kSameAsRequested.
    arena = onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1})
    options = {} if is_cpu else {"device_id": device.options["device_id"]}
    try:
        onnxruntime.create_and_register_allocator_v2(device.provider, memory, options, arena)
    except Exception as error:
        # onnxruntime's errors have no class in common.
        _log.warning("Sessions on %s don't share their memory: %s", device.named, error)
        return False
    return True
