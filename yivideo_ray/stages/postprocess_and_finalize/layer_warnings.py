"""What a person should know of the layers that were found: text that was seen and not taken, that was taken or left
with little confidence, and that could not be read. Each warning names the option that decides otherwise. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from yivideo_ray.config import PostprocessorSettings
from yivideo_ray.errors import ResultWarning, WarningCode
from yivideo_ray.geometry import Box
from yivideo_ray.stages.postprocess_and_finalize.layer_decision import DOUBT
from yivideo_ray.types import Layer, Stage, UnreadableText, VideoInfo

__all__ = ["first_text", "warnings_of"]

# A text that stands for this share of a video is there all along: fades and the ends of a clip aside.
_ALL_ALONG = 0.9
_EXAMPLE_CHARS = 40


def warnings_of(layers: Sequence[Layer], info: VideoInfo, settings: PostprocessorSettings) -> tuple[ResultWarning, ...]:
    """Returns the warnings on the layers of a video, which are numbered and decided on by these settings.

    A layer that settings.layers names, or leaves out by name, is in no doubt: somebody has decided.
    """
    found = [*_unreadable(layers, info)]
    if not any(layer.taken and layer.cues for layer in layers):
        found += _none_chosen(layers, info, settings)
    if settings.layers == "auto":
        # That of the most probable one is told already.
        told = {warning.facts.get("layer") for warning in found}
        doubtful = (layer for layer in layers if layer.cues and _is_in_doubt(layer) and layer.number not in told)
        found += [_in_doubt(layer, layers, info) for layer in doubtful]
        found += [_still(layer, layers, info) for layer in layers if layer.taken and _stands_all_along(layer, info)]
    return tuple(found)


def _unreadable(layers: Iterable[Layer], info: VideoInfo) -> Iterator[ResultWarning]:
    by_script: dict[str, list[tuple[Layer, UnreadableText]]] = {}
    for layer in layers:
        for shown in layer.unreadable:
            by_script.setdefault(shown.script, []).append((layer, shown))
    for script, texts in by_script.items():
        first = min((shown for _, shown in texts), key=lambda shown: shown.start_pts)
        at_s = info.seconds(first.start_pts)
        yield ResultWarning(
            WarningCode.UNREADABLE_SCRIPT,
            f"Text in what looks like {script} was seen {len(texts)} times, first at {_clock(at_s)}, "
            f"{_place(first.box)}. The models don't know this script, so it was not read. The JSON result has all "
            "places and times under unreadable.",
            {
                "script": script,
                "texts": len(texts),
                "layers": sorted({layer.number for layer, _ in texts}),
                "at_s": round(at_s, 3),
                "box": first.box,
            },
        )


def _none_chosen(layers: Sequence[Layer], info: VideoInfo, settings: PostprocessorSettings) -> Iterator[ResultWarning]:
    """Yields a warning if there is text that could have been taken, or that was not read well enough for that."""
    best = next((layer for layer in layers if layer.cues and not layer.taken), None)
    unread = next((layer for layer in layers if not layer.cues and not layer.unreadable), None)
    if best is not None and (unread is None or unread.probability <= best.probability):
        others = "one" if best is not layers[0] else "the most probable" if len(layers) > 1 else "the only one"
        of_all = f" of {len(layers)} layers, " if len(layers) > 1 else ", "
        yield ResultWarning(
            WarningCode.NONE_CHOSEN,
            f"Text was seen, and no layer of it was taken for subtitles. Layer {best.number}, {others}{of_all}"
            f"{first_text(best, info)}, is subtitles with a probability of {best.probability:.2f}. "
            f"{_option([best.number])} takes it.",
            {**_facts(best, info), "seen": len(layers), "layers": [best.number]},
        )
    elif unread is not None:
        yield ResultWarning(
            WarningCode.NONE_CHOSEN,
            f"Text was seen {_place(unread.box)}, but none of it was read with a confidence of "
            f"{settings.min_confidence:g} (postprocessor.min_confidence) and shown for {settings.min_duration_ms:g} ms "
            "(postprocessor.min_duration_ms).",
            {"seen": len(layers), "layers": [], "box": unread.box},
        )


def _is_in_doubt(layer: Layer) -> bool:
    return DOUBT <= layer.probability <= 1 - DOUBT


def _in_doubt(layer: Layer, layers: Sequence[Layer], info: VideoInfo) -> ResultWarning:
    was, though, rest = ("taken", "no subtitles", _without(layer, layers))
    if not layer.taken:
        was, though, rest = ("not taken", "subtitles", _with(layer, layers))
    sentence, numbers = rest
    return ResultWarning(
        WarningCode.LAYER_IN_DOUBT,
        f"Layer {layer.number}, {first_text(layer, info)}, was {was} and may be {though}: its probability is "
        f"{layer.probability:.2f}. {sentence}",
        {**_facts(layer, info), "layers": numbers},
    )


def _still(layer: Layer, layers: Sequence[Layer], info: VideoInfo) -> ResultWarning:
    sentence, numbers = _without(layer, layers)
    return ResultWarning(
        WarningCode.STILL_TEXT,
        f"Layer {layer.number}, {first_text(layer, info)}, stands for all of the video and was taken. {sentence}",
        {**_facts(layer, info), "layers": numbers},
    )


def _stands_all_along(layer: Layer, info: VideoInfo) -> bool:
    return info.duration_s is not None and any(
        (cue.end_pts - cue.start_pts) * info.time_base >= _ALL_ALONG * info.duration_s for cue in layer.cues
    )


def _with(layer: Layer, layers: Sequence[Layer]) -> tuple[str, list[int]]:
    """Returns how to take a layer beside those that are taken, and their numbers then."""
    numbers = sorted({layer.number, *(other.number for other in layers if other.taken)})
    return f"{_option(numbers)} takes it.", numbers


def _without(layer: Layer, layers: Sequence[Layer]) -> tuple[str, list[int]]:
    """Returns how to leave a layer out, and the numbers of those that are taken then; there may be none to take."""
    others = [other for other in layers if other is not layer and other.cues]
    taken = [other.number for other in others if other.taken]
    if taken:
        return f"{_option(taken)} leaves it out.", taken
    if others:
        return f"{_option([others[0].number])} takes another one instead.", [others[0].number]
    return "There is no other text.", []


def _option(numbers: Iterable[int]) -> str:
    return f"--layers {','.join(map(str, numbers))} --from {Stage.POSTPROCESS_AND_FINALIZE}"


def first_text(layer: Layer, info: VideoInfo) -> str:
    """Returns the first text of a layer that has cues, with when and where it is, as a part of a sentence."""
    return f'"{_example(layer)}" at {_clock(info.seconds(layer.cues[0].start_pts))}, {_place(layer.box)}'


def _facts(layer: Layer, info: VideoInfo) -> dict[str, Any]:
    return {
        "layer": layer.number,
        "probability": layer.probability,
        "taken": layer.taken,
        "text": layer.cues[0].text,
        "at_s": round(info.seconds(layer.cues[0].start_pts), 3),
        "box": layer.box,
    }


def _example(layer: Layer) -> str:
    text = " / ".join(layer.cues[0].lines)
    return text if len(text) <= _EXAMPLE_CHARS else f"{text[: _EXAMPLE_CHARS - 3].rstrip()}..."


def _place(box: Box) -> str:
    return f"x {box.x0} to {box.x1}, y {box.y0} to {box.y1}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
