"""Whether the whole video could be read: by what sampling met, how far the file goes, and what the chunks decoded.

A damaged or truncated video is partial whatever was found in it. Where nothing was found no chunk is decoded, unless
there is a doubt: then decoding tells what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError, ResultWarning, WarningCode
from yivideo_ray.executors import AbandonableThreads
from yivideo_ray.journal import Journal
from yivideo_ray.media import reaches_end, tolerance_s
from yivideo_ray.types import ChunkReport, ChunkSpan, Stage, SubtitleArea, VideoInfo

__all__ = ["Completeness", "completeness", "is_to_be_decoded", "judge", "judge_look"]


async def is_to_be_decoded(info: VideoInfo, area: SubtitleArea, settings: DecoderSettings, journal: Journal) -> bool:
    """Returns whether the chunks have to be decoded: there is something to read, or the video may be damaged.

    Errors: those of opening a file, and InputError INPUT_CHANGED.
    """
    return bool(area.bands) or bool(await _damage(info, settings, journal))


async def judge_look(info: VideoInfo, settings: DecoderSettings, journal: Journal) -> bool:
    """Returns whether a video of which frames were sampled and no chunk is decoded is there in part only, which is a
    warning. Errors: those of opening a file, InputError INPUT_CHANGED; with settings.strict INPUT_CORRUPT.
    """
    reasons = await _damage(info, settings, journal)
    if reasons:
        _report(reasons, {"expected_s": info.duration_s}, settings, journal)
    return bool(reasons)


async def judge(
    info: VideoInfo,
    spans: Sequence[ChunkSpan],
    reports: Sequence[ChunkReport],
    settings: DecoderSettings,
    journal: Journal,
) -> tuple[float | None, bool]:
    """Returns how many seconds of the video were decoded (None: no chunk was), and whether that is a part of it only,
    which is a warning. Errors: those of opening a file; InputError INPUT_CORRUPT where nothing was decoded, and for a
    part with settings.strict.
    """
    if not spans:
        return None, False
    if not any(report.frames for report in reports):
        raise InputError("No frame of the video could be decoded.", code="INPUT_CORRUPT")
    whole = completeness(info, spans, reports)
    if (
        whole.short_s
        and not info.track_duration
        and await AbandonableThreads("completeness", 1).run(reaches_end, info, settings)
    ):
        whole = completeness(info, spans, reports, sound_goes_on=True)
    if whole.reasons:
        facts = {"decoded_s": whole.decoded_s, "expected_s": whole.expected_s}
        _report(whole.reasons, facts, settings, journal)
    return whole.decoded_s, bool(whole.reasons)


async def _damage(info: VideoInfo, settings: DecoderSettings, journal: Journal) -> list[str]:
    """Returns how a video is damaged, as far as that can be told without decoding more than the samples."""
    record = journal.stages.get(Stage.EXTRACT_KEYFRAMES)
    looked = {} if record is None else record.output
    reasons = []
    if looked.get("holes"):
        reasons.append(f"there is nothing at {looked['holes']} of the places sampled")
    if looked.get("corrupt_packets"):
        reasons.append(f"{looked['corrupt_packets']} of the packets sampled are damaged")
    if not await AbandonableThreads("completeness", 1).run(reaches_end, info, settings):
        reasons.append("the file ends before its headers say")
    return reasons


def _report(reasons: Sequence[str], facts: dict[str, Any], settings: DecoderSettings, journal: Journal) -> None:
    sentence = f"The video is damaged or not complete: {', and '.join(reasons)}."
    if settings.strict:
        raise InputError(sentence, code="INPUT_CORRUPT", **facts)
    journal.warn(ResultWarning(WarningCode.VIDEO_INCOMPLETE, sentence, facts))


@dataclass(frozen=True, slots=True)
class Completeness:
    """decoded_s of expected_s seconds (None: the container doesn't say), of which short_s are missing behind the last
    frame, more than is usual; reasons is empty for a whole video."""

    decoded_s: float
    expected_s: float | None
    short_s: float
    reasons: tuple[str, ...]


def completeness(
    info: VideoInfo, spans: Sequence[ChunkSpan], reports: Sequence[ChunkReport], *, sound_goes_on: bool = False
) -> Completeness:
    """Returns how much of the video the chunks decoded; reports belong to spans, same order. sound_goes_on: what is
    missing at the end is none of the picture."""
    decoded_s = _covered_s(info, reports)
    last_pts = max((report.end_pts for report in reports if report.end_pts is not None), default=info.first_pts)
    shown_s = float((last_pts - info.first_pts) * info.time_base)
    expected_s = shown_s if sound_goes_on else info.duration_s
    reasons = []
    corrupt = sum(report.corrupt_packets for report in reports)
    if corrupt:
        reasons.append(f"{corrupt} packets are damaged")
    early = not sound_goes_on and _ends_early(spans, reports)
    if early:
        reasons.append("the file ends before its headers say")
    missing_s = 0.0 if expected_s is None else expected_s - decoded_s
    if missing_s > tolerance_s(info):
        reasons.append(f"{missing_s:.1f} s of {expected_s:.1f} s could not be decoded")
    short_s = 0.0 if expected_s is None else expected_s - shown_s
    short = early or short_s > tolerance_s(info)
    return Completeness(round(decoded_s, 3), info.duration_s, short_s if short else 0.0, tuple(reasons))


def _ends_early(spans: Sequence[ChunkSpan], reports: Sequence[ChunkReport]) -> bool:
    """Returns whether the file came to its end before the last chunk's start.

    A chunk of its own without frames proves nothing: with key frames far apart, the one before has them.
    """
    last = spans[-1].start_pts
    ends = [report.end_pts for report in reports if report.end_pts is not None]
    return last is not None and any(report.reached_end for report in reports) and max(ends, default=last - 1) < last


def _covered_s(info: VideoInfo, reports: Sequence[ChunkReport]) -> float:
    """Returns the length in seconds of the union of what the chunks decoded."""
    stretches = sorted(
        (report.first_pts, report.end_pts)
        for report in reports
        if report.first_pts is not None and report.end_pts is not None
    )
    ticks, reached = 0, None
    for first, end in stretches:
        start = first if reached is None else max(first, reached)
        ticks += max(0, end - start)
        reached = end if reached is None else max(reached, end)
    return float(ticks * info.time_base)
