"""`yivideo area`: shows on frames of a video which layers of text were seen in it, what was taken of them, and why.

The stages run as in any workflow, and what an earlier run has read is taken; then frames that show the layers are
fetched again and drawn on. With --regions only the first two stages run: it shows where text is looked for.
"""

from __future__ import annotations

import argparse
import json as jsonlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
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
    from yivideo_ray.types import Layer, VideoInfo

__all__ = ["add", "area", "frames_looked_at", "picture_path", "put_in_place", "sentences"]

SUFFIX = ".area.png"
# The kind under which the database keeps which pictures are ours.
PICTURES = "pictures"
AREA_NOTES = """\
Green: the layers of text that are taken for subtitles. Orange: the others. Each has its number, the probability that it
is subtitles, and what weighs most for or against that. Violet: what area_detector.exclude leaves out. Standard error
tells all of them. Others are taken with yivideo run --layers.

The video is read as by yivideo run, which then has nothing to read any more; one that was read is not read again.
  yivideo area film.mp4 --regions    in seconds: only where text is looked for, and what is not looked at and why

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
        help="show which text is seen in a video, and what is taken of it",
        description="Draws on frames of VIDEO which layers of text were seen, which are taken for subtitles, and why.",
        epilog=AREA_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("video", type=location_named, metavar="VIDEO", help="a video file or address")
    command.add_argument("-o", "--output", type=Path, metavar="PNG", help="the picture (else VIDEO.area.png beside it)")
    command.add_argument("--regions", action="store_true", help="only where text is looked for; nothing is read")
    command.add_argument("--overwrite", action="store_true", help="replace the file, whoever wrote it")
    command.add_argument("--config", type=Path, metavar="FILE", help="settings in YAML")
    command.add_argument("--json", action="store_true", help="the same as one JSON object on standard output")
    command.set_defaults(command=_area)


def _area(options: argparse.Namespace) -> int:
    machine = take_stdout()
    json_to = machine if options.json else None
    settings, regions = load(options.config), options.regions
    area(options.video, options.output, settings, report, json_to, regions=regions, overwrite=options.overwrite)
    machine.flush()
    return 0


def area(
    video: VideoLocation,
    output: Path | None,
    settings: Settings,
    report: Callable[[str], None],
    json_to: IO[str] | None = None,
    *,
    regions: bool = False,
    overwrite: bool = False,
) -> None:
    """Draws the layers of a video into a PNG, tells what was found, and writes it as JSON if asked to.

    output: the PNG or a directory for it (None: beside the video; for an address the current directory). regions: only
    where text is looked for. overwrite: a file that is there may be replaced, whoever wrote it.
    Errors: YivideoError.
    """
    from yivideo_ray.codec import text
    from yivideo_ray.runtime.session import Session
    from yivideo_ray.runtime.workflow.outputs import require_writable

    picture = picture_path(video, output)
    require_writable(picture.parent)
    with Session(settings) as opened:
        book = _book(opened, video, picture)
        _require_replaceable(picture, book, overwrite=overwrite)
        outcome = _find(opened, video, regions=regions)
        assert outcome.info is not None, "a workflow that succeeded has probed its video"
        drawn, shown = _regions(outcome, settings) if regions else _layers(outcome, settings)
        put_in_place(picture, drawn, book, overwrite=overwrite)
    for sentence in sentences(outcome, settings, regions=regions):
        report(f"{video.name}: {sentence}")
    at_s = [outcome.info.seconds(pts) for pts in shown]
    frames = "the frame" if len(at_s) == 1 else "frames"
    report(f"{video.name}: {picture} shows {frames} at {', '.join(f'{seconds:.2f}' for seconds in at_s)} s")
    if json_to is not None:
        frames_shown = [{"pts": pts, "s": seconds} for pts, seconds in zip(shown, at_s, strict=True)]
        page = _page(outcome, settings) | {"picture": text(str(picture)), "frames": frames_shown}
        json_to.write(jsonlib.dumps(page, ensure_ascii=False, indent=2) + "\n")


def _layers(outcome: Outcome, settings: Settings) -> tuple[bytes, tuple[int, ...]]:
    """Returns the picture of the layers, and the pts of the frames on it."""
    from yivideo_ray.preview import draw_layers

    assert outcome.info is not None, "a workflow that succeeded has probed its video"
    return draw_layers(outcome.info, outcome.layers, settings)


def _regions(outcome: Outcome, settings: Settings) -> tuple[bytes, tuple[int, ...]]:
    """Returns the picture of the regions that are looked at, and the pts of its frame."""
    from yivideo_ray.preview import draw, marks, telling_frame

    assert outcome.info is not None, "a workflow that succeeded has probed its video"
    assert outcome.area is not None, "the second stage makes an area"
    sampled, full = frames_looked_at(outcome)
    frame = telling_frame(outcome.info, outcome.area, sampled, settings, quick=not full)
    drawn = marks(outcome.area, settings.area_detector, outcome.info.bounds)
    return draw((frame.bgr(), drawn)), (frame.pts,)


def _find(opened: Session, video: VideoLocation, *, regions: bool) -> Outcome:
    """Returns the outcome of all stages, or of the first two alone. Errors: YivideoError."""
    from yivideo_ray.cli.display import LiveTable
    from yivideo_ray.jobs import Job
    from yivideo_ray.types import STAGES

    # Reading takes a while, and a person who waits sees how far it is.
    watching = LiveTable(sys.stderr, [str(video)]) if sys.stderr.isatty() and not regions else nullcontext()
    # A run writes results, which must not replace those of one that was asked for.
    with tempfile.TemporaryDirectory(prefix="yivideo-") as aside, watching as shown:
        job = Job(video, STAGES[:2] if regions else STAGES, output_dir=Path(aside))
        (outcome,) = opened.run([job], (lambda _: None) if shown is None else shown.take)
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


def frames_looked_at(outcome: Outcome) -> tuple[Sequence[int], bool]:
    """Returns the pts of the frames in which the area was looked for, and whether the look was full."""
    from yivideo_ray.types import Stage

    extracted = next(record for record in outcome.stages if record.stage is Stage.EXTRACT_KEYFRAMES)
    # Earlier versions called it thorough, and what the first ones kept of an interrupted run was always full.
    kept = extracted.output
    return kept["pts"], kept.get("full", kept.get("thorough", True))


def sentences(outcome: Outcome, settings: Settings, *, regions: bool = False) -> Iterator[str]:
    """Yields what was found, a line for each thing."""
    for warning in outcome.warnings:
        yield f"warning: {warning.message}"
    yield from _told_regions(outcome) if regions else _told_layers(outcome)
    for number, excluded in enumerate(settings.area_detector.exclude, 1):
        yield (
            f"not looked at: area_detector.exclude {number}, "
            f"x {excluded.x0:g} to {excluded.x1:g}, y {excluded.y0:g} to {excluded.y1:g} of the frame"
        )


def _told_layers(outcome: Outcome) -> Iterator[str]:
    assert outcome.info is not None, "a workflow that succeeded has probed its video"
    if not outcome.layers:
        yield "no text was seen"
    for layer in outcome.layers:
        yield _told_layer(layer, outcome.info)


def _told_layer(layer: Layer, info: VideoInfo) -> str:
    from yivideo_ray.stages.postprocess_and_finalize.layer_warnings import first_text

    taken = "taken" if layer.taken else "not taken"
    if layer.cues:
        shown = f"{len(layer.cues)} cues, first {first_text(layer, info)}"
    elif layer.unreadable:
        shown = (
            f"{len(layer.unreadable)} texts in {layer.unreadable[0].script}, which can't be read, {_corners(layer.box)}"
        )
    else:
        shown = f"no cue, {_corners(layer.box)}"
    why = ", ".join(reason.words for reason in layer.reasons)
    return f"layer {layer.number}: {taken}, probability {layer.probability:.2f}, {shown} ({why})"


def _told_regions(outcome: Outcome) -> Iterator[str]:
    bands = outcome.area.bands if outcome.area else ()
    if not bands:
        yield "no text was seen that is to be read"
    for band in bands:
        seen = band.evidence
        yield (
            f"looked at: {band.name}, {_corners(band.box)}, text in {seen.samples_with_text} of {seen.samples} "
            f"samples, lines {band.line_height_px:.0f} px high ({seen.reason})"
        )
    for region in outcome.area.rejected if outcome.area else ():
        reason = region.reason.value.replace("_", " ")
        yield f"not looked at: {_corners(region.box)}, {reason}, text in {region.samples_with_text} samples"


def _corners(box: Box) -> str:
    return f"x {box.x0} to {box.x1}, y {box.y0} to {box.y1}"


def _page(outcome: Outcome, settings: Settings) -> dict[str, Any]:
    from yivideo_ray.subtitles.result import result_document

    document = result_document(outcome, {})
    detector = settings.area_detector.model_dump(mode="json")
    return {
        "video": document["video"]["path"],
        **{name: document[name] for name in ("workflow_id", "subtitle_area", "layers", "unreadable", "warnings")},
        "regions": detector["regions"],
        "exclude": detector["exclude"],
    }
