"""What a workflow's result gives: subtitles in any format, and a picture of the layers of text on frames of the video.
Made from the JSON document."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from yivideo_ray.config import AreaDetectorSettings, Settings
from yivideo_ray.errors import InputError, ServiceError
from yivideo_ray.http.allowlist import allowed_path
from yivideo_ray.media import probe
from yivideo_ray.preview import draw, draw_layers, marks, telling_frame
from yivideo_ray.service.contract import WorkflowState, WorkflowView
from yivideo_ray.subtitles.formats import WRITERS
from yivideo_ray.subtitles.result_reading import ResultValues, read_result
from yivideo_ray.types import Stage

__all__ = ["Format", "preview", "subtitles"]

Format = Literal["srt", "vtt", "ass", "txt", "json"]


def subtitles(view: WorkflowView, name: Format, language: str | None, settings: Settings) -> bytes:
    """Returns the subtitles in a format, those of one language if it is named; json: the whole result document, which
    every chain has.

    Reads files: not for the event loop. Errors: ServiceError RESULT_NOT_READY, RESULT_NOT_WRITTEN.
    """
    path = _document(view)
    result = _read(path)
    if name == "json":
        if language is not None:
            raise ServiceError(
                "The document is of all languages.", code="REQUEST_INVALID", remedy="Leave out language."
            )
        return path.read_bytes()
    if not result.finalized:
        raise ServiceError(
            "The workflow's chain makes no subtitles.",
            code="RESULT_NOT_WRITTEN",
            remedy=f"Run a chain that ends with {Stage.POSTPROCESS_AND_FINALIZE.value}.",
        )
    cues = result.cues
    if language is not None:
        languages = settings.subtitles.script_languages.model_dump()
        tracks = {
            track.language: track.cues for track in result.tracks(languages, settings.postprocessor.merge_gap_ms / 1000)
        }
        if language not in tracks:
            raise ServiceError(
                f"There are no subtitles in the language {language!r}.",
                code="RESULT_NOT_WRITTEN",
                remedy=f"There are some in: {', '.join(tracks) or 'none'}.",
            )
        cues = tracks[language]
    return WRITERS[name](cues, result.info).encode("utf-8")


def preview(view: WorkflowView, settings: Settings) -> bytes:
    """Returns a PNG of frames of the video with the layers of text drawn on them; of a chain that reads none, a frame
    with the regions that are looked at. Decodes: takes seconds, and is not for the event loop.

    Errors: ServiceError RESULT_NOT_READY, RESULT_NOT_WRITTEN, VIDEO_SWEPT; InputError if the video is gone, has
    changed, or is where the service may not read any more.
    """
    result = _read(_document(view))
    if result.area is None:
        raise ServiceError(
            "The workflow's chain finds no area.",
            code="RESULT_NOT_WRITTEN",
            remedy=f"Run a chain with {Stage.DETECT_SUBTITLE_AREA.value}.",
        )
    if view.video_swept is not None:
        raise ServiceError("The video was an upload, and was removed to make room.", code="VIDEO_SWEPT")
    uploads = settings.storage.work_dir.expanduser() / "uploads"
    if isinstance(view.video, Path) and not view.video.is_relative_to(uploads):
        allowed_path(str(view.video), settings.storage.allowed_roots)
    info = probe(view.video, settings.decoder, settings.storage.allowed_urls)
    if info.size_bytes != result.info.size_bytes:
        raise InputError("The video has changed since the workflow ended.", code="INPUT_CHANGED")
    own = settings.model_copy(update={"area_detector": _detector(view, settings.area_detector)})
    if result.layers:
        return draw_layers(info, result.layers, own)[0]
    frame = telling_frame(info, result.area, result.sampled, own)
    return draw((frame.bgr(), marks(result.area, own.area_detector, info.bounds)))


def _document(view: WorkflowView) -> Path:
    if view.state is not WorkflowState.SUCCESS or view.result is None:
        raise ServiceError(f"The workflow is {view.state.value}; it has no result.", code="RESULT_NOT_READY")
    return view.result


def _read(path: Path) -> ResultValues:
    try:
        return read_result(path)
    except InputError as error:
        # Deleted or replaced by somebody: the workflow is still known, its result is not there.
        raise ServiceError(error.message, code="RESULT_NOT_WRITTEN", remedy="Run the workflow again.") from error


def _detector(view: WorkflowView, default: AreaDetectorSettings) -> AreaDetectorSettings:
    """Returns the settings that the workflow's own area was found with."""
    used = {record.stage: record.input_params for record in view.stages}.get(Stage.DETECT_SUBTITLE_AREA, {})
    known = {name: value for name, value in used.items() if name in AreaDetectorSettings.model_fields}
    return AreaDetectorSettings.model_validate({**default.model_dump(), **known})
