"""One video in this process: probed, taken through the six stages, and given back as a result. Nothing is written."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

from yivideo_ray.config import Settings, load_settings
from yivideo_ray.jobs import EventKind, Outcome
from yivideo_ray.journal import Journal, OnEvent
from yivideo_ray.locations import location_named
from yivideo_ray.media import probe
from yivideo_ray.ocr import load_engine
from yivideo_ray.ocr.contract import OcrEngine, OcrModels
from yivideo_ray.ocr.languages import require_readable
from yivideo_ray.pipeline import InProcess, Readings, find_area
from yivideo_ray.progress import ending_sentence
from yivideo_ray.stages.completeness import is_to_be_decoded, judge
from yivideo_ray.stages.postprocess_and_finalize.layer_warnings import warnings_of
from yivideo_ray.subtitles.result import Result, result_of
from yivideo_ray.types import STAGES, EngineFacts, Stage, cues_of

__all__ = ["extract"]


def extract(
    video: str | os.PathLike[str],
    *,
    settings: Settings | None = None,
    models: OcrModels | None = None,
    on_progress: OnEvent | None = None,
) -> Result:
    """Returns the subtitles of a video, a path or an address that storage.allowed_urls allows.

        result = extract("film.mp4")
        Path("film.srt").write_text(result.as_text("srt"), encoding="utf-8")

    settings: None for the defaults with the environment's on top (load_settings). models: some of your own that are
    loaded already and stay so (None: the settings' own, loaded for this video). on_progress is called with each Event,
    from the calling thread. Works on one core or a few; for many videos at a time, Session.

    Errors: YivideoError: InputError for what is no video that can be read, ConfigError, ModelError, DeviceError.
    """
    return asyncio.run(_extract(video, settings or load_settings(), models, on_progress or _ignore))


async def _extract(
    video: str | os.PathLike[str], settings: Settings, models: OcrModels | None, on_event: OnEvent
) -> Result:
    location = location_named(os.fspath(video))
    if models is None:
        require_readable(settings)
    info = await asyncio.to_thread(probe, location, settings.decoder, settings.storage.allowed_urls)
    journal = Journal(f"extract-{time.time_ns():x}", str(location), info.duration_s, on_event)
    journal.emit(EventKind.WORKFLOW_STARTED)
    for warning in info.warnings:
        journal.warn(warning)
    own: list[OcrEngine] = []
    stages = InProcess(info, settings, journal, _models(settings, models, own))
    journal.plan(STAGES)
    try:
        area = await find_area(stages)
        decodes = await is_to_be_decoded(info, area, settings.decoder, journal)
        readings = await stages.read_crops(area, Stage.PERFORM_OCR) if decodes else Readings()
        decoded_s, partial = await judge(info, readings.spans, readings.reports, settings.decoder, journal)
        journal.start(Stage.POSTPROCESS_AND_FINALIZE, **settings.postprocessor.model_dump(mode="json"))
        layers = await stages.find_layers(area, readings.crops, readings.texts)
        for warning in warnings_of(layers, info, settings.postprocessor):
            journal.warn(warning)
        cues = cues_of(layers)
        journal.finish(Stage.POSTPROCESS_AND_FINALIZE, cues=len(cues))
    finally:
        for loaded in own:
            loaded.close()
    outcome = Outcome(
        workflow_id=journal.workflow_id,
        video=location,
        stages=tuple(journal.stages.values()),
        info=info,
        area=area,
        layers=layers,
        cues=cues,
        engine=stages.engine,
        partial=partial,
        decoded_s=decoded_s,
        expected_s=info.duration_s,
        warnings=tuple(journal.warnings),
    )
    journal.emit(EventKind.WORKFLOW_FINISHED, message=ending_sentence(outcome), succeeded=True)
    return result_of(outcome)


def _models(
    settings: Settings, models: OcrModels | None, own: list[OcrEngine]
) -> Callable[[], tuple[OcrModels, EngineFacts]]:
    """Returns how the stages come to their models; an engine that is loaded for them is entered into own."""

    def load() -> tuple[OcrModels, EngineFacts]:
        if models is not None:
            return models, EngineFacts(type(models).__name__, "own", "own", "own", "own")
        loaded, facts = load_engine(settings)
        own.append(loaded)
        return loaded, facts

    return load


def _ignore(_: object) -> None:
    """For those who don't watch."""
