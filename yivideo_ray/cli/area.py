"""`yivideo area`: finds where the subtitles of a video are, and shows it on one of its frames.

The first two stages run as in any workflow; then the sampled frame with most text is fetched again and drawn on.
"""

from __future__ import annotations

import argparse
import json as jsonlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from yivideo_ray.cli.arguments import load, report, take_stdout
from yivideo_ray.errors import ConfigError, YivideoError
from yivideo_ray.files import write_atomically
from yivideo_ray.locations import location_named

if TYPE_CHECKING:
    from yivideo_ray.cli.arguments import Commands
    from yivideo_ray.config import Settings
    from yivideo_ray.geometry import Box
    from yivideo_ray.jobs import Outcome
    from yivideo_ray.locations import VideoLocation
    from yivideo_ray.runtime.session import Session
    from yivideo_ray.runtime.workflow.checkpoint import Book
    from yivideo_ray.runtime.workflow.own_files import OwnFiles

__all__ = ["add", "area", "picture_path", "put_in_place", "sentences"]

SUFFIX = ".area.png"
# The kind under which the database keeps which pictures are ours.
PICTURES = "pictures"
AREA_NOTES = """\
Green: the bands in which subtitles were found. Blue: those that area_detector.regions sets. Orange: other text, with
the reason why it is no subtitle. Violet: what area_detector.exclude leaves out. Standard error tells all boxes.

example: look only at the lower half, and not at a logo
  YIVIDEO_AREA_DETECTOR__REGIONS='[{"y0": 0.5}]' yivideo area film.mp4
  YIVIDEO_AREA_DETECTOR__EXCLUDE='[{"x0": 0.8, "y1": 0.2}]' yivideo area film.mp4 -o preview.png

A picture that yivideo drew of the video is replaced, unless it was changed since. Any other file is refused before any
work (OUTPUT_EXISTS), unless it may be replaced:
  yivideo area film.mp4 -o preview.png --overwrite
"""


def add(commands: Commands) -> None:
    """Adds the subcommand."""
    command = commands.add_parser(
        "area",
        help="show where the subtitles of a video are",
        description="Draws where VIDEO's subtitles were found, and what was rejected and why, on one of its frames.",
        epilog=AREA_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("video", type=location_named, metavar="VIDEO", help="a video file or address")
    command.add_argument("-o", "--output", type=Path, metavar="PNG", help="the picture (else VIDEO.area.png beside it)")
    command.add_argument("--overwrite", action="store_true", help="replace the file, whoever wrote it")
    command.add_argument("--config", type=Path, metavar="FILE", help="settings in YAML")
    command.add_argument("--json", action="store_true", help="the area as one JSON object on standard output")
    command.set_defaults(command=_area)


def _area(options: argparse.Namespace) -> int:
    machine = take_stdout()
    json_to = machine if options.json else None
    area(options.video, options.output, load(options.config), report, json_to, overwrite=options.overwrite)
    machine.flush()
    return 0


def area(
    video: VideoLocation,
    output: Path | None,
    settings: Settings,
    report: Callable[[str], None],
    json_to: IO[str] | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Draws the subtitle area of a video into a PNG, tells what was found, and writes the area as JSON if asked to.

    output: the PNG or a directory for it (None: beside the video; for an address the current directory). overwrite: a
    file that is there may be replaced, whoever wrote it.
    Errors: YivideoError.
    """
    from yivideo_ray.codec import text
    from yivideo_ray.preview import draw, marks, telling_frame
    from yivideo_ray.runtime.session import Session
    from yivideo_ray.runtime.workflow.outputs import require_writable

    picture = picture_path(video, output)
    require_writable(picture.parent)
    with Session(settings) as opened:
        if os.path.lexists(picture):
            _require_replaceable(picture, _book(opened, video, picture), overwrite=overwrite)
        outcome = _find(opened, video)
        assert outcome.info is not None, "a workflow that succeeded has probed its video"
        assert outcome.area is not None, "the second stage makes an area"
        sampled, full = _sampled(outcome)
        frame = telling_frame(outcome.info, outcome.area, sampled, settings, quick=not full)
        drawn = draw(frame.bgr(), marks(outcome.area, settings.area_detector, outcome.info.bounds))
        put_in_place(picture, drawn, _book(opened, video, picture), overwrite=overwrite)
    for sentence in sentences(outcome, settings):
        report(f"{video.name}: {sentence}")
    shown_s = outcome.info.seconds(frame.pts)
    report(f"{video.name}: {picture} shows the frame at {shown_s:.2f} s")
    if json_to is not None:
        page = _page(outcome, settings) | {"picture": text(str(picture)), "frame_pts": frame.pts, "frame_s": shown_s}
        json_to.write(jsonlib.dumps(page, ensure_ascii=False, indent=2) + "\n")


def _find(opened: Session, video: VideoLocation) -> Outcome:
    """Returns the outcome of the first two stages. Errors: YivideoError."""
    from yivideo_ray.jobs import Job
    from yivideo_ray.types import STAGES

    # A run writes a JSON result, which must not replace the one of a run of all stages.
    with tempfile.TemporaryDirectory(prefix="yivideo-") as aside:
        (outcome,) = opened.run([Job(video, STAGES[:2], output_dir=Path(aside))], lambda _: None)
    if outcome.error is not None:
        failed = outcome.error
        raise YivideoError(failed["message"], code=failed["code"], remedy=failed["remedy"])
    return outcome


def _book(opened: Session, video: VideoLocation, picture: Path) -> Book:
    """Returns the book that knows which pictures of the video are ours in a directory."""
    from yivideo_ray.runtime.workflow.checkpoint import Book
    from yivideo_ray.runtime.workflow.own_files import record_name

    return Book(opened.open_database(), record_name(video, picture.parent))


def _require_replaceable(picture: Path, book: Book, *, overwrite: bool) -> OwnFiles:
    """Returns which pictures are ours. Errors: OutputError OUTPUT_EXISTS, OUTPUT_NOT_WRITABLE."""
    from yivideo_ray.runtime.workflow.own_files import require_replaceable

    own = book.own_files(PICTURES)
    require_replaceable([picture], own, overwrite=overwrite)
    return own


def put_in_place(picture: Path, data: bytes, book: Book, *, overwrite: bool) -> None:
    """Writes the picture, and keeps in its directory's book that it is ours. Errors: OutputError OUTPUT_EXISTS,
    OUTPUT_NOT_WRITABLE, STORAGE_FULL."""
    from yivideo_ray.runtime.workflow.own_files import Digest

    own = _require_replaceable(picture, book, overwrite=overwrite)
    new = {picture: Digest.of(data)}
    # First, so that one who is killed before the last line has a picture that the next call knows.
    book.keep_own_files(own.replacing(new), PICTURES)
    write_atomically(picture, data)
    others, _ = own.others(picture.parent, new)
    book.keep_own_files(own.replaced(new, "", others), PICTURES)


def picture_path(video: VideoLocation, output: Path | None) -> Path:
    """Returns where the picture goes. Errors: ConfigError CONFIG_INVALID if that is where the video is."""
    from yivideo_ray.jobs import Job
    from yivideo_ray.runtime.workflow.outputs import output_path

    picture = output
    if picture is None or picture.is_dir():
        picture = output_path(Job(video, output_dir=output), SUFFIX)
    if isinstance(video, Path) and picture.resolve() == video.resolve():
        raise ConfigError(f"The picture would overwrite {video}.", remedy="Name another file with -o.")
    return picture


def _sampled(outcome: Outcome) -> tuple[Sequence[int], bool]:
    """Returns the pts of the frames in which the area was looked for, and whether the look was full."""
    from yivideo_ray.types import Stage

    extracted = next(record for record in outcome.stages if record.stage is Stage.EXTRACT_KEYFRAMES)
    # What an earlier version kept of a run that was interrupted was always full, and does not say so.
    return extracted.output["pts"], extracted.output.get("thorough", True)


def sentences(outcome: Outcome, settings: Settings) -> Iterator[str]:
    """Yields what was found, a line for each thing."""
    for warning in outcome.warnings:
        yield f"warning: {warning.message}"
    bands = outcome.area.bands if outcome.area else ()
    if not bands:
        yield "no subtitles were found"
    for band in bands:
        seen = band.evidence
        yield (
            f"band {band.name}: {_corners(band.box)}, text in {seen.samples_with_text} of {seen.samples} samples, "
            f"lines {band.line_height_px:.0f} px high ({seen.reason})"
        )
    for region in outcome.area.rejected if outcome.area else ():
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
    from yivideo_ray.codec import text
    from yivideo_ray.progress import plain_warning
    from yivideo_ray.subtitles.result import area_document
    from yivideo_ray.types import SubtitleArea

    detector = settings.area_detector.model_dump(mode="json")
    return {
        "video": text(str(outcome.video)),
        "workflow_id": outcome.workflow_id,
        "subtitle_area": area_document(outcome.area or SubtitleArea(())),
        "regions": detector["regions"],
        "exclude": detector["exclude"],
        "warnings": [plain_warning(warning) for warning in outcome.warnings],
    }
