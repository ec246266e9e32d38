"""The stages as Ray tasks. Stateless shells: what they do is in stages/.

Those that hand on pixels return something small first and the pixels second, so that whoever waits for the first never
pulls the second; crop_chunk gives out such pairs while it works. Those that need the models get the handle of the actor
that has them, and leave their CPU to others while it works for them. A worker that dies is replaced by Ray four times;
an error that a stage raises is never tried again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ray

from yivideo_ray.config import AreaDetectorSettings, DecoderSettings, PostprocessorSettings, Settings
from yivideo_ray.runtime.gpu.calls import Reply, Ticket
from yivideo_ray.types import (
    ChunkReport,
    ChunkSpan,
    Crop,
    CropMeta,
    CropText,
    Layer,
    Luma,
    SampledFrame,
    Sheet,
    SubtitleArea,
    VideoInfo,
)

__all__ = [
    "Look",
    "ask_gpu",
    "crop_chunk",
    "crop_chunk_on_gpu",
    "extract",
    "finalize",
    "find_area",
    "read",
    "stitch",
    "to_stitch",
]

NICENESS = 15
CPU_TASK: dict[str, Any] = {"num_cpus": 1, "max_retries": 4, "retry_exceptions": False}


def _begin() -> None:
    """Has a task take one CPU, as Ray counts it, and that behind those who answer: the service and the GPU actor."""
    import cv2

    # OpenCV would take all of them.
    cv2.setNumThreads(1)
    # Of this thread, and of those that it starts.
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))


@dataclass(frozen=True, slots=True)
class Look:
    """A part of the sampled frames without their pictures: the pts and the scale of each. The rest as in Samples."""

    pts: tuple[int, ...]
    scales: tuple[float, ...]
    full: bool
    holes: int
    corrupt_packets: int


def _extract(info: VideoInfo, settings: Settings, part: tuple[int, int], quick: bool) -> tuple[Look, tuple[Luma, ...]]:
    """Returns a part of the sampled frames, and their pictures."""
    from yivideo_ray.stages.extract_keyframes import extract_keyframes

    _begin()
    samples = extract_keyframes(info, settings, part, quick=quick)
    frames = samples.frames
    look = Look(
        tuple(frame.pts for frame in frames),
        tuple(frame.scale for frame in frames),
        samples.full,
        samples.holes,
        samples.corrupt_packets,
    )
    return look, tuple(frame.luma for frame in frames)


def _crop_chunk(
    info: VideoInfo, span: ChunkSpan, area: SubtitleArea, settings: DecoderSettings
) -> Iterator[tuple[CropMeta, ...] | tuple[Luma, ...] | ChunkReport]:
    """Yields the metas and the images of each part of the chunk's crops, as they are found, and at last its report."""
    from yivideo_ray.stages.crop_subtitle_images import ChunkCrops

    _begin()
    crops = ChunkCrops(info, span, area, settings)
    for metas, images in crops:
        yield metas
        yield images
    yield crops.report


def _crop_chunk_on_gpu(
    gpu: tuple[str, float], info: VideoInfo, span: ChunkSpan, area: SubtitleArea, settings: DecoderSettings
) -> Iterator[tuple[CropMeta, ...] | tuple[Luma, ...] | ChunkReport]:
    """Does what _crop_chunk does with a GPU: what CUDA_VISIBLE_DEVICES is to its actor, and after how many seconds a
    decoder hangs. That takes the process along, and Ray has the chunk decoded by another one."""
    from yivideo_ray.runtime.gpu.device import HangGuard, take_gpu

    visible, limit_s = gpu
    take_gpu(visible)
    with HangGuard(limit_s).watch():
        yield from _crop_chunk(info, span, area, settings)


def _ask_gpu(visible: str, info: VideoInfo, settings: DecoderSettings) -> str:
    """Returns what media.gpu_refusal says of the GPU that an actor sees as `visible`."""
    from yivideo_ray.media import gpu_refusal
    from yivideo_ray.runtime.gpu.device import take_gpu

    take_gpu(visible)
    return gpu_refusal(info, settings)


def to_stitch(crops: Iterable[tuple[CropMeta, Any, int]]) -> tuple[Any, ...]:
    """Returns what stitch and read take for crops, each with the ObjectRef of pictures and its place among these: every
    ObjectRef comes once."""
    metas: list[CropMeta] = []
    picks: list[tuple[int, int]] = []
    parts: dict[Any, int] = {}
    for meta, part, place in crops:
        metas.append(meta)
        picks.append((parts.setdefault(part, len(parts)), place))
    return tuple(metas), picks, *parts


def _stitch(
    metas: Sequence[CropMeta], picks: Sequence[tuple[int, int]], *images: Sequence[Luma]
) -> tuple[tuple[tuple[int, int], ...], tuple[Sheet, ...]]:
    """Returns the sheets' sizes (width, height), and the sheets. (i, j) in picks means images[i][j]."""
    from yivideo_ray.stages.create_stitched_images import create_stitched_images

    _begin()
    crops = [Crop(meta, images[source][index]) for meta, (source, index) in zip(metas, picks, strict=True)]
    sheets = create_stitched_images(crops)
    return tuple((sheet.image.shape[1], sheet.image.shape[0]) for sheet in sheets), sheets


def _find_area(
    actor: Any,
    ticket: Ticket,
    info: VideoInfo,
    settings: AreaDetectorSettings,
    parts: Sequence[tuple[Look, Any]],
) -> Reply:
    """Returns the subtitle area as the reply's value. parts are those of the sampled frames, each with the ObjectRef of
    its pictures."""
    from yivideo_ray.runtime.gpu.engine import ActorEngine
    from yivideo_ray.stages.detect_subtitle_area import detect_subtitle_area

    _begin()
    pictures = [ref for _, ref in parts]
    frames = tuple(
        SampledFrame(pts, luma, scale)
        for (look, _), images in zip(parts, ray.get(pictures), strict=True)
        for pts, luma, scale in zip(look.pts, images, look.scales, strict=True)
    )
    models = ActorEngine(actor, ticket, stored=pictures)
    return models.reply(detect_subtitle_area(info, frames, models, settings))


def _read(
    actor: Any, ticket: Ticket, metas: Sequence[CropMeta], picks: Sequence[tuple[int, int]], *images: Sequence[Luma]
) -> Reply:
    """Returns the number of sheets and the texts of a group of crops as the reply's value; arguments as _stitch."""
    from yivideo_ray.runtime.gpu.engine import ActorEngine
    from yivideo_ray.stages.perform_ocr import perform_ocr

    _, sheets = _stitch(metas, picks, *images)
    models = ActorEngine(actor, ticket)
    return models.reply((len(sheets), perform_ocr(sheets, models)))


def _finalize(
    info: VideoInfo,
    area: SubtitleArea,
    crops: Sequence[CropMeta],
    texts: Sequence[CropText],
    settings: PostprocessorSettings,
) -> tuple[Layer, ...]:
    """Returns the layers of text in the video, with their cues."""
    from yivideo_ray.stages.postprocess_and_finalize import postprocess_and_finalize

    return postprocess_and_finalize(info, area, crops, texts, settings)


# Any: Ray's types know neither several returns nor options made of a dictionary.
extract: Any = ray.remote(num_returns=2, **CPU_TASK)(_extract)
crop_chunk: Any = ray.remote(num_returns="streaming", **CPU_TASK)(_crop_chunk)
crop_chunk_on_gpu: Any = ray.remote(num_returns="streaming", **CPU_TASK)(_crop_chunk_on_gpu)
ask_gpu: Any = ray.remote(**CPU_TASK)(_ask_gpu)
stitch: Any = ray.remote(num_returns=2, **CPU_TASK)(_stitch)
find_area: Any = ray.remote(**CPU_TASK)(_find_area)
read: Any = ray.remote(**CPU_TASK)(_read)
finalize: Any = ray.remote(**CPU_TASK)(_finalize)
