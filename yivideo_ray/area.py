"""What `yivideo area` does: finds where the subtitles of a video are, and shows it on one of its frames.

The first two stages run as in any workflow; then the sampled frame with most text is fetched again and drawn on.
"""

from __future__ import annotations

import json as jsonlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from yivideo_ray import media
from yivideo_ray.config import Settings
from yivideo_ray.errors import ConfigError, InputError, YivideoError
from yivideo_ray.geometry import Box
from yivideo_ray.jobs import Job, Outcome
from yivideo_ray.preview import draw, marks
from yivideo_ray.runtime.outputs import output_path, require_writable
from yivideo_ray.runtime.session import session
from yivideo_ray.stages.extract_keyframes import whole_frames
from yivideo_ray.subtitles.document import area_document, text
from yivideo_ray.subtitles.files import write_atomically
from yivideo_ray.subtitles.strokes import analysis_scale, stroke_mask
from yivideo_ray.types import STAGES, Stage, SubtitleArea, VideoInfo
from yivideo_ray.urls import Place

__all__ = ["area", "picture_path", "sentences", "telling_frame"]

SUFFIX = ".area.png"
FIRST_STAGES = STAGES[:2]


def area(
    video: Place,
    output: Path | None,
    settings: Settings,
    tell: Callable[[str], None],
    json_to: IO[str] | None = None,
) -> None:
    """Draws the subtitle area of a video into a PNG, tells what was found, and writes the area as JSON if asked to.

    output: the PNG or a directory for it (None: beside the video; for an address the current directory).
    Errors: YivideoError.
    """
    picture = picture_path(video, output)
    require_writable(picture.parent)
    # A run writes a JSON result, which must not replace the one of a run of all stages.
    with tempfile.TemporaryDirectory(prefix="yivideo-") as aside, session(settings) as opened:
        (outcome,) = opened.run([Job(video, FIRST_STAGES, output_dir=Path(aside))], lambda _: None)
    if outcome.error is not None:
        failed = outcome.error
        raise YivideoError(failed["message"], code=failed["code"], remedy=failed["remedy"])
    assert outcome.info is not None, "a workflow that succeeded has probed its video"
    assert outcome.area is not None, "the second stage makes an area"
    sampled, thorough = _sampled(outcome)
    frame = telling_frame(outcome.info, outcome.area, sampled, settings, glance=not thorough)
    drawn = marks(outcome.area, settings.area_detector, outcome.info.bounds)
    write_atomically(picture, draw(frame.bgr(), drawn))
    for sentence in sentences(outcome, settings):
        tell(f"{video.name}: {sentence}")
    shown_s = outcome.info.seconds(frame.pts)
    tell(f"{video.name}: {picture} shows the frame at {shown_s:.2f} s")
    if json_to is not None:
        page = _page(outcome, settings) | {"picture": text(str(picture)), "frame_pts": frame.pts, "frame_s": shown_s}
        json_to.write(jsonlib.dumps(page, ensure_ascii=False, indent=2) + "\n")


def picture_path(video: Place, output: Path | None) -> Path:
    """Returns where the picture goes. Errors: ConfigError CONFIG_INVALID if that is where the video is."""
    picture = output
    if picture is None or picture.is_dir():
        picture = output_path(Job(video, output_dir=output), SUFFIX)
    if isinstance(video, Path) and picture.resolve() == video.resolve():
        raise ConfigError(f"The picture would overwrite {video}.", remedy="Name another file with -o.")
    return picture


def _sampled(outcome: Outcome) -> tuple[Sequence[int], bool]:
    """Returns the pts of the frames in which the area was looked for, and whether the look was thorough."""
    extracted = next(record for record in outcome.stages if record.stage is Stage.EXTRACT_KEYFRAMES)
    # What an earlier version kept of a run that was interrupted was always thorough, and does not say so.
    return extracted.output["pts"], extracted.output.get("thorough", True)


def telling_frame(
    info: VideoInfo, found: SubtitleArea, sampled: Iterable[int], settings: Settings, *, glance: bool = False
) -> media.VideoFrame:
    """Returns the sampled frame that shows most text in the bands, all of them together; without bands, the one in
    the middle. glance: the frames were sampled at one. Errors: those of opening a file, and InputError INPUT_CHANGED.
    """
    wanted = frozenset(sampled)
    # A region that the settings force may hold nothing but background.
    bands = [band for band in found.bands if band.evidence.samples_with_text] or found.bands

    def frames() -> Iterator[media.VideoFrame]:
        return (frame for frame in whole_frames(info, settings, glance=glance) if frame.pts in wanted)

    # Two passes, for large frames can't all be kept.
    strokes = {frame.pts: [_strokes(frame, band.box, band.line_height_px) for band in bands] for frame in frames()}
    if not strokes:
        raise InputError("No frame of the video could be decoded.", code="INPUT_CORRUPT")
    most = [max(1, *counts) for counts in zip(*strokes.values(), strict=True)]
    telling = sorted(strokes)[len(strokes) // 2]
    if most:
        # A band full of letters counts as much as another, whatever its size.
        telling = max(strokes, key=lambda pts: sum(n / m for n, m in zip(strokes[pts], most, strict=True)))
    return next(frame for frame in frames() if frame.pts == telling)


def _strokes(frame: media.VideoFrame, box: Box, line_height_px: float) -> int:
    return int(stroke_mask(frame.luma(box), analysis_scale(line_height_px)).sum())


def sentences(outcome: Outcome, settings: Settings) -> Iterator[str]:
    """Yields what was found, a line for each thing."""
    for warning in outcome.warnings:
        yield f"warning: {warning}"
    found = outcome.area or SubtitleArea(())
    if not found.bands:
        yield "no subtitles were found"
    for band in found.bands:
        seen = band.evidence
        yield (
            f"band {band.name}: {_corners(band.box)}, text in {seen.samples_with_text} of {seen.samples} samples, "
            f"lines {band.line_height_px:.0f} px high ({seen.reason})"
        )
    for region in found.rejected:
        reason = region.reason.value.replace("_", " ")
        yield f"no subtitle: {_corners(region.box)}, {reason}, text in {region.samples_with_text} samples"
    for number, excluded in enumerate(settings.area_detector.exclude, 1):
        yield (
            f"not looked at: area_detector.exclude {number}, "
            f"x {excluded.x0:g} to {excluded.x1:g}, y {excluded.y0:g} to {excluded.y1:g} of the frame"
        )


def _corners(box: Box) -> str:
    return f"x {box.x0} to {box.x1}, y {box.y0} to {box.y1}"


def _page(outcome: Outcome, settings: Settings) -> dict[str, Any]:
    detector = settings.area_detector.model_dump(mode="json")
    return {
        "video": text(str(outcome.video)),
        "workflow_id": outcome.workflow_id,
        "subtitle_area": area_document(outcome.area or SubtitleArea(())),
        "regions": detector["regions"],
        "exclude": detector["exclude"],
        "warnings": [text(warning) for warning in outcome.warnings],
    }
