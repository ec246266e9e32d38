"""The start of an actor's engine: on which device, what counts as a failed start, and a GPU that was lost. No Ray."""

from __future__ import annotations

from collections.abc import Callable

from yivideo_ray.config import Settings
from yivideo_ray.errors import DeviceError, YivideoError
from yivideo_ray.ocr.contract import OcrEngine
from yivideo_ray.runtime.gpu.batching import HalvingEngine
from yivideo_ray.runtime.gpu.ledger import Ledger
from yivideo_ray.types import EngineFacts

__all__ = ["is_on_gpu", "load_engine"]


def is_on_gpu(facts: EngineFacts | None) -> bool:
    """Returns whether a GPU runs the models."""
    return facts is not None and facts.device.startswith("gpu")


def load_engine(
    settings: Settings, ledger: Ledger, create: Callable[[Settings], OcrEngine]
) -> tuple[HalvingEngine, EngineFacts]:
    """Returns the engine and what runs its models, after a real inference; the ledger learns how it went.

    Where gpu.device is auto, an actor that has run on a GPU doesn't go on on the CPU after a restart, unless
    gpu.fallback lets it: a sick GPU would be a slow CPU from then on, and nobody told.
    Errors: those of OcrEngine.load; DeviceError ENGINE_NOT_STARTING, and DEVICE_FAILED for a GPU that was lost.
    """
    gpu = settings.gpu
    ledger.begin_start()
    insists = gpu.device == "auto" and gpu.fallback == "none" and ledger.ran_on_gpu
    if insists:
        settings = settings.model_copy(update={"gpu": gpu.model_copy(update={"device": "gpu"})})
    try:
        engine = HalvingEngine(create(settings), settings.ocr.batch_size)
        facts = engine.load()
    except Exception as error:
        ours = _lost(error) if insists and isinstance(error, DeviceError) else error
        ledger.start_failed(ours.message if isinstance(ours, YivideoError) else repr(ours))
        if ours is error:
            raise
        raise ours from error
    ledger.started(on_gpu=is_on_gpu(facts))
    return engine, facts


def _lost(error: DeviceError) -> DeviceError:
    return DeviceError(
        f"The GPU that ran the models can't be used any more: {error.message}",
        code="DEVICE_FAILED",
        remedy="Look at the driver's log. gpu.fallback: cpu lets the CPU go on.",
    )
