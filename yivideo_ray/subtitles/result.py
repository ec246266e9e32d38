"""The JSON result of one workflow: everything that is known about how its cues came to be."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from yivideo_ray import __version__
from yivideo_ray.codec import plain, text
from yivideo_ray.geometry import Box
from yivideo_ray.jobs import Outcome, StageRecord
from yivideo_ray.stages.postprocess_and_finalize.review import MEANINGS, in_order
from yivideo_ray.types import Cue, ReviewReason, SubtitleArea, VideoInfo

__all__ = ["SCHEMA_VERSION", "area_document", "installed_versions", "result_document"]

SCHEMA_VERSION = 1
"""Grows when a key changes its meaning or goes away; new keys may appear at any time."""

REPORTED = ("ray", "paddleocr", "paddlex", "paddlepaddle", "onnxruntime", "onnxruntime-gpu", "av", "numpy")


def result_document(outcome: Outcome, versions: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Returns the outcome as plain values for json.dumps; all text in it can be encoded as UTF-8.

    Boxes are [x0, y0, x1, y1] in frame coordinates, times in seconds count from the first frame shown, and pts are the
    stream's, in units of time_base. review_reasons explains those that some cue has. versions are what to report
    besides the engine's own (None: what is installed).
    """
    info, engine = outcome.info, outcome.engine
    facts = engine.as_dict() if engine is not None else {}
    return {
        "schema_version": SCHEMA_VERSION,
        "workflow_id": outcome.workflow_id,
        "status": "SUCCESS" if outcome.succeeded else "FAILED",
        "error": plain(outcome.error),
        "partial": outcome.partial,
        "decoded_s": outcome.decoded_s,
        "expected_s": outcome.expected_s,
        "warnings": [text(warning) for warning in outcome.warnings],
        "video": _video(info) if info is not None else {"path": text(str(outcome.video))},
        "subtitle_area": area_document(outcome.area) if outcome.area is not None else None,
        "engine": facts.get("engine"),
        "device": facts.get("device"),
        "provider": facts.get("provider"),
        "models": {
            "detection": facts.get("detection_model"),
            "recognition": facts.get("recognition_model"),
        },
        "versions": {**(installed_versions() if versions is None else versions), **facts.get("versions", {})},
        "stages": [_stage(record) for record in outcome.stages],
        "outputs": [text(str(path)) for path in outcome.outputs],
        "tracks": [
            {
                "language": track.language,
                "scripts": list(track.scripts),
                "cues": track.cues,
                "files": [text(str(path)) for path in track.files],
            }
            for track in outcome.tracks
        ],
        "review_reasons": {reason.value: MEANINGS[reason] for reason in in_order(_reasons(outcome.cues))},
        "cues": [_cue(number, cue, info) for number, cue in enumerate(outcome.cues, 1)] if info is not None else [],
    }


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


def _reasons(cues: Iterable[Cue]) -> Iterator[ReviewReason]:
    for cue in cues:
        yield from cue.needs_review


def _box(box: Box) -> list[int]:
    return [box.x0, box.y0, box.x1, box.y1]


def _cue(number: int, cue: Cue, info: VideoInfo) -> dict[str, Any]:
    return {
        "number": number,
        "start_s": round(info.seconds(cue.start_pts), 6),
        "end_s": round(info.seconds(cue.end_pts), 6),
        "start_pts": cue.start_pts,
        "end_pts": cue.end_pts,
        "time_base": str(info.time_base),
        "text": text(cue.text),
        "lines": [text(line) for line in cue.lines],
        "confidence": round(cue.confidence, 4),
        "box": _box(cue.box),
        "band": cue.band,
        "frames": cue.frames,
        "crops": cue.crops,
        "needs_review": [reason.value for reason in cue.needs_review],
    }


def _video(info: VideoInfo) -> dict[str, Any]:
    return {
        "path": text(info.path),
        "size_bytes": info.size_bytes,
        "container": info.container,
        "codec": info.codec,
        "pixel_format": info.pixel_format,
        "stream_index": info.stream_index,
        "coded_width": info.coded_width,
        "coded_height": info.coded_height,
        "width": info.width,
        "height": info.height,
        "rotation_deg": info.rotation_deg,
        "sample_aspect_ratio": str(info.sample_aspect_ratio),
        "time_base": str(info.time_base),
        "start_pts": info.start_pts,
        "duration_s": info.duration_s,
        "frame_rate": None if info.frame_rate is None else str(info.frame_rate),
        "interlaced": info.interlaced,
        "warnings": [text(warning) for warning in info.warnings],
    }


def area_document(area: SubtitleArea) -> dict[str, Any]:
    """Returns an area as plain values; boxes are [x0, y0, x1, y1] in frame coordinates."""
    return {
        "bands": [
            {
                "name": band.name,
                "box": _box(band.box),
                "line_height_px": band.line_height_px,
                "evidence": {
                    "samples": band.evidence.samples,
                    "samples_with_text": band.evidence.samples_with_text,
                    "distinct_texts": band.evidence.distinct_texts,
                    "mean_score": band.evidence.mean_score,
                    "reason": band.evidence.reason,
                },
            }
            for band in area.bands
        ],
        "rejected": [
            {"box": _box(region.box), "reason": region.reason.value, "samples_with_text": region.samples_with_text}
            for region in area.rejected
        ],
    }


def _stage(record: StageRecord) -> dict[str, Any]:
    return {
        "stage": record.stage.value,
        "status": record.status.value,
        "input_params": plain(record.input_params),
        "output": plain(record.output),
        "error": plain(record.error),
        "duration": record.duration,
    }
