"""The six stages in order, in one process and without Ray: the page to read first.

    video -> extract_keyframes -> frames -> detect_subtitle_area -> area
    video, area -> crop_subtitle_images -> crops -> create_stitched_images -> sheets -> perform_ocr -> texts
    area, crops, texts -> postprocess_and_finalize -> layers, each with its cues

Each stage is a function in stages/ that knows nothing of the others. A StageRunner says where they run: InProcess runs
them here, one after the other; runtime.workflow.ray_stages runs them as Ray tasks around a GPU actor, many at a time.
Both give the same cues.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from yivideo_ray.config import Settings
from yivideo_ray.journal import ChunkLog, Journal
from yivideo_ray.media import plan_even_chunks
from yivideo_ray.ocr.contract import OcrModels
from yivideo_ray.types import (
    ChunkReport,
    ChunkSpan,
    Crop,
    CropMeta,
    CropText,
    EngineFacts,
    Layer,
    Luma,
    SampledFrame,
    Stage,
    SubtitleArea,
    VideoInfo,
)

if TYPE_CHECKING:
    from yivideo_ray.stages.crop_subtitle_images import GroupedCrop

__all__ = ["CHUNK_STAGES", "InProcess", "LoadModels", "Readings", "StageRunner", "find_area"]

CHUNK_STAGES = (Stage.CROP_SUBTITLE_IMAGES, Stage.CREATE_STITCHED_IMAGES, Stage.PERFORM_OCR)
"""The stages that work through the video chunk by chunk, and overlap."""

LoadModels = Callable[[], tuple[OcrModels, EngineFacts]]
"""Returns the models, ready, and what runs them. Errors: those of OcrEngine.load."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What stages 3 to 5 gave for a whole video: the crops in order, what was read in each (texts; none where the chain
    ends before), and the report on each of the chunks that the video was cut into."""

    crops: tuple[CropMeta, ...] = ()
    texts: tuple[CropText, ...] = ()
    spans: tuple[ChunkSpan, ...] = ()
    reports: tuple[ChunkReport, ...] = ()


class StageRunner(Protocol):
    """Where the stages of one video run. Each notes down in the workflow's journal when it begins and ends.

    engine: what runs the models; None until a stage has needed them. Errors: those of the stages, as YivideoError.
    """

    engine: EngineFacts | None

    async def extract_keyframes(self, *, quick: bool) -> tuple[Any, bool]:
        """Returns frames for detect_subtitle_area, and whether a longer look would give no more. quick: a first
        look."""
        ...

    async def detect_subtitle_area(self, frames: Any) -> SubtitleArea:
        """Returns the regions in which text is to be read. frames: what this runner's extract_keyframes gave."""
        ...

    async def read_crops(self, area: SubtitleArea, until: Stage) -> Readings:
        """Runs the chunk stages up to `until`. Of an area without bands they read nothing, and report on the chunks."""
        ...

    async def find_layers(
        self, area: SubtitleArea, crops: tuple[CropMeta, ...], texts: tuple[CropText, ...]
    ) -> tuple[Layer, ...]:
        """Returns the layers of text, the most probable subtitles first, each with its cues and whether it is taken.
        texts belong to crops by crop_id. Errors: ConfigError LAYER_UNKNOWN."""
        ...


async def find_area(stages: StageRunner) -> SubtitleArea:
    """Returns where the subtitles are, by a quick look at the video, and a full one where that is not conclusive."""
    from yivideo_ray.stages.detect_subtitle_area import is_conclusive

    frames, full = await stages.extract_keyframes(quick=True)
    area = await stages.detect_subtitle_area(frames)
    if not full and not is_conclusive(area):
        frames, _ = await stages.extract_keyframes(quick=False)
        area = await stages.detect_subtitle_area(frames)
    return area


class InProcess:
    """Runs the stages here, one after the other. load_models is called when a stage first needs them."""

    def __init__(self, info: VideoInfo, settings: Settings, journal: Journal, load_models: LoadModels) -> None:
        self.engine: EngineFacts | None = None
        self._info = info
        self._settings = settings
        self._journal = journal
        self._load_models = load_models
        self._models: OcrModels | None = None

    async def extract_keyframes(self, *, quick: bool) -> tuple[tuple[SampledFrame, ...], bool]:
        from yivideo_ray.stages.extract_keyframes import extract_keyframes

        self._journal.begin_extraction(self._settings.area_detector)
        samples = await asyncio.to_thread(extract_keyframes, self._info, self._settings, quick=quick)
        self._journal.finish_extraction(
            [frame.pts for frame in samples.frames],
            full=samples.full,
            holes=samples.holes,
            corrupt_packets=samples.corrupt_packets,
        )
        return samples.frames, samples.full

    async def detect_subtitle_area(self, frames: Sequence[SampledFrame]) -> SubtitleArea:
        from yivideo_ray.stages.detect_subtitle_area import detect_subtitle_area

        detector = self._settings.area_detector
        self._journal.begin_detection(detector)
        area = await asyncio.to_thread(detect_subtitle_area, self._info, frames, await self._ready(), detector)
        self._journal.finish_detection(area)
        return area

    async def read_crops(self, area: SubtitleArea, until: Stage) -> Readings:
        from yivideo_ray.stages.crop_subtitle_images import ChunkCrops, CropGroups

        pipeline, decoder = self._settings.pipeline, self._settings.decoder.model_copy(update={"backend": "cpu"})
        log = ChunkLog(self._journal, self._info, pipeline, until)
        spans = await asyncio.to_thread(plan_even_chunks, self._info, pipeline.chunk_s, 1, decoder)
        log.begin(len(spans))
        groups: CropGroups[list[Luma]] = CropGroups(pipeline.crops_per_call)
        reports: list[ChunkReport] = []
        texts: list[CropText] = []
        for span in spans:
            crops, images = ChunkCrops(self._info, span, area, decoder), list[Luma]()
            parts = iter(crops)
            while part := await asyncio.to_thread(next, parts, None):
                images.extend(part[1])
                groups.take(part[0], images)
                texts += await self._read(groups.full(), until, log)
            log.end_chunk(crops.report, len(groups.end_chunk(crops.report)))
            reports.append(crops.report)
        texts += await self._read(groups.full(rest=True), until, log)
        log.finish_crops()
        log.finish_reading()
        return Readings(tuple(groups.metas), tuple(texts), spans, tuple(reports))

    async def _read(
        self, groups: Iterable[list[GroupedCrop[list[Luma]]]], until: Stage, log: ChunkLog
    ) -> list[CropText]:
        from yivideo_ray.stages.create_stitched_images import create_stitched_images
        from yivideo_ray.stages.perform_ocr import perform_ocr

        found: list[CropText] = []
        for group in groups if until is not Stage.CROP_SUBTITLE_IMAGES else ():
            log.begin_group(reading=until is Stage.PERFORM_OCR)
            sheets = create_stitched_images([Crop(crop.meta, crop.source[crop.index]) for crop in group])
            texts: tuple[CropText, ...] = ()
            if until is Stage.PERFORM_OCR:
                texts = await asyncio.to_thread(perform_ocr, sheets, await self._ready())
            found += texts
            log.end_group([crop.meta for crop in group], texts, sheets=len(sheets))
        return found

    async def find_layers(
        self, area: SubtitleArea, crops: tuple[CropMeta, ...], texts: tuple[CropText, ...]
    ) -> tuple[Layer, ...]:
        from yivideo_ray.stages.postprocess_and_finalize import postprocess_and_finalize

        settings = self._settings.postprocessor
        return await asyncio.to_thread(postprocess_and_finalize, self._info, area, crops, texts, settings)

    async def _ready(self) -> OcrModels:
        if self._models is not None:
            return self._models
        models, facts = await asyncio.to_thread(self._load_models)
        self._journal.emit_engine(facts, self._settings.gpu, "the engine finds no GPU")
        self._models, self.engine = models, facts
        return models
