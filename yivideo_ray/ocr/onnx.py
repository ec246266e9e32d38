"""onnxruntime: sessions with the options that PaddleOCR does not pass on, the device they run on, and what a model file
says of itself."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import onnxruntime

from yivideo_ray.errors import DeviceError

__all__ = ["CUDA", "FIRST_SESSION", "cuda_offered", "metadata", "new_session"]

CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
_log = logging.getLogger(__name__)

# The environment says so too (privacy.SWITCHES), but not to an onnxruntime that was loaded before this package.
onnxruntime.disable_telemetry_events()

FIRST_SESSION: dict[str, Any] = {"graph_optimization_level": 0, "intra_op_num_threads": 1}
"""The engine_config for the session that PaddleOCR opens itself and that is replaced at once: cheap to open."""


def cuda_offered() -> bool:
    """Says whether this build of onnxruntime can use CUDA; whether it works shows only when a session runs."""
    if CUDA not in onnxruntime.get_available_providers():
        return False
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is not None:
        # CUDA's libraries may come as Python packages, which the loader does not find by itself.
        preload()
    return True


def metadata(model: Path) -> dict[str, str]:
    """Returns what a model file says of itself, such as the characters that it knows."""
    options = onnxruntime.SessionOptions()
    # The model is opened and never run.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(model), options, providers=[_CPU])
    return dict(session.get_modelmeta().custom_metadata_map)


def new_session(model: Path, threads: int, *, gpu: bool) -> onnxruntime.InferenceSession:
    """Returns a session on the CPU or on the first visible GPU.

    Errors: DeviceError DEVICE_UNAVAILABLE if the GPU was asked for and the session reports another provider.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take the cores from the decoders that run beside.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # A pattern is kept for each input shape, and with changing shapes the arena never stops growing.
    options.enable_mem_pattern = False
    providers: list[Any] = [_CPU]
    if gpu:
        # An exhaustive search would run for each new shape, and take seconds.
        cuda = {"device_id": 0, "cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}
        providers.insert(0, (CUDA, cuda))
    session = onnxruntime.InferenceSession(str(model), options, providers=providers)
    if gpu and session.get_providers()[0] != CUDA:
        # onnxruntime only logs that CUDA could not be loaded, and goes on with the CPU.
        raise DeviceError(f"onnxruntime could not use CUDA; it offers {', '.join(session.get_providers())}.")
    return session
