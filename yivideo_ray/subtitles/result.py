"""The result of a workflow, as its JSON file has it: the cues, and everything that is known about how they came to be.

The dataclasses are the document: fields are its keys, in their order, and its JSON schema comes from them. Boxes are
(x0, y0, x1, y1) in frame coordinates; times in seconds are those that players show, from where the file begins; pts are
the stream's, in units of time_base.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from yivideo_ray import __version__, types
from yivideo_ray.codec import as_plain, json_schema, plain, text
from yivideo_ray.errors import warning_of
from yivideo_ray.jobs import Outcome, StageRecord, TrackOutput
from yivideo_ray.progress import plain_record, plain_warning
from yivideo_ray.stages.postprocess_and_finalize.review import MEANINGS, in_order

__all__ = [
    "READABLE_VERSIONS",
    "SCHEMA_VERSION",
    "Cue",
    "Result",
    "area_document",
    "installed_versions",
    "result_document",
    "result_of",
    "result_schema",
]

SCHEMA_VERSION = 2
"""Grows when a key changes its meaning or goes away; new keys may appear at any time. 1: warnings were sentences."""
READABLE_VERSIONS = (1, 2)

REPORTED = ("ray", "paddleocr", "paddlex", "paddlepaddle", "onnxruntime", "onnxruntime-gpu", "av", "numpy")

Corners = tuple[int, int, int, int]


def _told(warning: Any) -> dict[str, Any]:
    return plain_warning(warning_of(warning))


# Version 1 is read as well.
Told = Annotated[
    dict[str, Any],
    BeforeValidator(_told),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            "required": ["code", "message"],
            "additionalProperties": True,
        }
    ),
]
"""A warning: a stable code, one plain sentence, and beside them facts for programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One subtitle: shown from start_s until end_s, which is the first moment without it; the pts are exact.

    text is its lines with line breaks between. box and band say where it stands, layer the number of the layer that it
    is of (None: a result of before there were layers); frames and crops count what it rests on; needs_review names why
    a person should look at it (Result.review_reasons explains; mostly empty).
    """

    number: int
    start_s: float
    end_s: float
    start_pts: int
    end_pts: int
    time_base: str
    text: str
    lines: tuple[str, ...]
    confidence: float
    box: Corners
    band: str
    layer: int | None = None
    frames: int
    crops: int
    needs_review: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """What speaks for (weight above 0) or against a layer: a feature, what it adds to the log odds, and in words."""

    feature: str
    weight: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Text of one kind in one place; types.Layer says what each field means. Only cues of layers that are taken are
    among the result's."""

    number: int
    probability: float
    taken: bool
    reasons: tuple[Reason, ...]
    box: Corners
    line_height_px: float
    cues: tuple[Cue, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Text in a script that the models don't know, of a layer: the script's likely name, its place and its times."""

    script: str
    box: Corners
    start_s: float
    end_s: float
    layer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """Facts about the video; types.VideoInfo says what each means. Fractions are text such as "1/25".

    start_pts is its first_pts. origin_s: None in a document of an earlier version, whose times count from there.
    """

    path: str
    size_bytes: int
    container: str
    codec: str
    pixel_format: str
    stream_index: int
    coded_width: int
    coded_height: int
    width: int
    height: int
    rotation_deg: int
    sample_aspect_ratio: str
    time_base: str
    start_pts: int
    origin_s: str | None = None
    duration_s: float | None
    frame_rate: str | None
    interlaced: bool
    warnings: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class UnreadVideo:
    """A video that could not be looked at."""

    path: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a band rests on: of how many sampled frames how many showed text there, and how often it changed."""

    samples: int
    samples_with_text: int
    distinct_texts: int
    mean_score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of the frame in which subtitles appear and disappear."""

    name: str
    box: Corners
    line_height_px: int | float
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Rejected:
    """Text in the frame that is not a subtitle, with the reason: types.RejectionReason, or of an earlier version."""

    box: Corners
    reason: str
    samples_with_text: int


@dataclass(frozen=True, slots=True)
class Area:
    """Where the subtitles are."""

    bands: tuple[Band, ...]
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True)
class Models:
    """The names of the models that were used."""

    detection: str | None
    recognition: str | None


@dataclass(frozen=True, slots=True)
class Track:
    """One language's share of the subtitles, where they were split by script."""

    language: str
    scripts: tuple[str, ...]
    cues: int
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a workflow ended. partial: only decoded_s of expected_s seconds of the video could be decoded, and the cues
    cover that part. layers is all text that was read, by kind and place; cues are those of the layers that are taken.
    engine, device and provider are what really ran the models."""

    schema_version: int
    workflow_id: str
    status: Literal["SUCCESS", "FAILED"]
    error: dict[str, Any] | None
    partial: bool
    decoded_s: float | None
    expected_s: float | None
    warnings: tuple[Told, ...]
    video: Video | UnreadVideo
    subtitle_area: Area | None
    layers: tuple[Layer, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    engine: str | None
    device: str | None
    provider: str | None
    models: Models
    versions: dict[str, str]
    stages: tuple[StageRecord, ...]
    outputs: tuple[str, ...]
    tracks: tuple[Track, ...]
    review_reasons: dict[str, str]
    cues: tuple[Cue, ...]

    def as_text(self, subtitle_format: str = "srt") -> str:
        """Returns the cues as a subtitle file has them: srt, vtt, ass or txt.

        Errors: ConfigError CONFIG_INVALID for another format, and where the video could not be read (`error` says why).
        """
        from yivideo_ray.subtitles.result_reading import subtitles_of

        return subtitles_of(self, subtitle_format)


def result_of(outcome: Outcome, versions: Mapping[str, str] | None = None) -> Result:
    """Returns an outcome as its result; all text in it can be encoded as UTF-8. versions are what to report besides the
    engine's own (None: what is installed)."""
    info, engine = outcome.info, outcome.engine
    reasons = {reason for cue in outcome.cues for reason in cue.needs_review}
    return Result(
        schema_version=SCHEMA_VERSION,
        workflow_id=outcome.workflow_id,
        status="SUCCESS" if outcome.succeeded else "FAILED",
        error=plain(outcome.error),
        partial=outcome.partial,
        decoded_s=outcome.decoded_s,
        expected_s=outcome.expected_s,
        warnings=tuple(plain_warning(warning) for warning in outcome.warnings),
        video=UnreadVideo(text(str(outcome.video))) if info is None else _video(info),
        subtitle_area=None if outcome.area is None else _area(outcome.area),
        layers=() if info is None else tuple(_layer(layer, info) for layer in outcome.layers),
        unreadable=() if info is None else tuple(_unreadable(outcome.layers, info)),
        engine=engine.engine if engine else None,
        device=engine.device if engine else None,
        provider=engine.provider if engine else None,
        models=Models(engine.detection_model, engine.recognition_model) if engine else Models(None, None),
        versions={
            **(installed_versions() if versions is None else versions),
            **dict(engine.versions if engine else ()),
        },
        stages=tuple(plain_record(record) for record in outcome.stages),
        outputs=tuple(text(str(path)) for path in outcome.outputs),
        tracks=tuple(_track(track) for track in outcome.tracks),
        review_reasons={reason.value: MEANINGS[reason] for reason in in_order(reasons)},
        cues=() if info is None else tuple(_cue(number, cue, info) for number, cue in enumerate(outcome.cues, 1)),
    )


def result_document(outcome: Outcome, versions: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Returns result_of as plain values for json.dumps."""
    document: dict[str, Any] = as_plain(result_of(outcome, versions))
    return document


def result_schema() -> dict[str, Any]:
    """Returns the JSON schema of a result."""
    return json_schema(Result)


def area_document(area: types.SubtitleArea) -> dict[str, Any]:
    """Returns an area as the result has it, as plain values."""
    document: dict[str, Any] = as_plain(_area(area))
    return document


@cache
def installed_versions() -> dict[str, str]:
    """Returns the versions of this package, of Python and of those libraries that decide results."""
    found = {"yivideo-ray": __version__, "python": platform.python_version()}
    for name in REPORTED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _cue(number: int, cue: types.Cue, info: types.VideoInfo) -> Cue:
    return Cue(
        number=number,
        start_s=round(info.seconds(cue.start_pts), 6),
        end_s=round(info.seconds(cue.end_pts), 6),
        start_pts=cue.start_pts,
        end_pts=cue.end_pts,
        time_base=str(info.time_base),
        text=text(cue.text),
        lines=tuple(text(line) for line in cue.lines),
        confidence=round(cue.confidence, 4),
        box=cue.box.corners,
        band=cue.band,
        layer=cue.layer,
        frames=cue.frames,
        crops=cue.crops,
        needs_review=tuple(reason.value for reason in cue.needs_review),
    )


def _layer(layer: types.Layer, info: types.VideoInfo) -> Layer:
    return Layer(
        number=layer.number,
        probability=layer.probability,
        taken=layer.taken,
        reasons=tuple(Reason(reason.feature, reason.weight, reason.words) for reason in layer.reasons),
        box=layer.box.corners,
        line_height_px=layer.line_height_px,
        cues=tuple(_cue(number, replace(cue, layer=layer.number), info) for number, cue in enumerate(layer.cues, 1)),
    )


def _unreadable(layers: Iterable[types.Layer], info: types.VideoInfo) -> Iterator[Unreadable]:
    for layer in layers:
        for shown in layer.unreadable:
            start_s, end_s = (round(info.seconds(pts), 6) for pts in (shown.start_pts, shown.end_pts))
            yield Unreadable(text(shown.script), shown.box.corners, start_s, end_s, layer.number)


def _video(info: types.VideoInfo) -> Video:
    return Video(
        path=text(info.path),
        size_bytes=info.size_bytes,
        container=info.container,
        codec=info.codec,
        pixel_format=info.pixel_format,
        stream_index=info.stream_index,
        coded_width=info.coded_width,
        coded_height=info.coded_height,
        width=info.width,
        height=info.height,
        rotation_deg=info.rotation_deg,
        sample_aspect_ratio=str(info.sample_aspect_ratio),
        time_base=str(info.time_base),
        start_pts=info.first_pts,
        origin_s=str(info.origin_s),
        duration_s=info.duration_s,
        frame_rate=None if info.frame_rate is None else str(info.frame_rate),
        interlaced=info.interlaced,
        warnings=tuple(plain_warning(warning) for warning in info.warnings),
    )


def _area(area: types.SubtitleArea) -> Area:
    return Area(
        tuple(
            Band(
                band.name,
                band.box.corners,
                band.line_height_px,
                Evidence(**asdict(band.evidence)),
            )
            for band in area.bands
        ),
        tuple(Rejected(region.box.corners, region.reason.value, region.samples_with_text) for region in area.rejected),
    )


def _track(track: TrackOutput) -> Track:
    return Track(track.language, track.scripts, track.cues, tuple(text(str(path)) for path in track.files))
