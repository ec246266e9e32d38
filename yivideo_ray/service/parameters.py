"""Which settings a single workflow may have for itself, stage by stage. What the GPU actor and the cluster run by is
everybody's, and in config.yml alone."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from yivideo_ray.config import Settings
from yivideo_ray.errors import ConfigError
from yivideo_ray.types import Stage

__all__ = ["SETTABLE", "with_parameters"]

SETTABLE: Mapping[Stage, Mapping[str, tuple[str, str]]] = {
    Stage.EXTRACT_KEYFRAMES: {
        name: ("area_detector", name) for name in ("samples", "sample_interval_s", "frame_side_px")
    },
    Stage.DETECT_SUBTITLE_AREA: {name: ("area_detector", name) for name in ("regions", "exclude")},
    Stage.CROP_SUBTITLE_IMAGES: {"strict": ("decoder", "strict")},
    Stage.CREATE_STITCHED_IMAGES: {},
    Stage.PERFORM_OCR: {},
    Stage.POSTPROCESS_AND_FINALIZE: {
        **{
            name: ("postprocessor", name)
            for name in (
                "min_confidence",
                "min_duration_ms",
                "merge_gap_ms",
                "space_probability",
                "review_confidence",
                "layers",
            )
        },
        **{name: ("subtitles", name) for name in ("formats", "split_by_script", "script_languages")},
    },
}
"""A stage's parameters, and for each the section and key of the settings that it stands for."""


# What a request may not ask more of than the service's own settings do: it costs decoding, memory and time of others.
_AT_MOST = {("area_detector", "samples"), ("area_detector", "frame_side_px")}
_AT_LEAST = {("area_detector", "sample_interval_s")}


def with_parameters(
    settings: Settings, chain: Sequence[Stage], parameters: Mapping[str, Mapping[str, Any]]
) -> Settings:
    """Returns the settings with a workflow's own parameters in their places.

    parameters: stage name to parameter to value. Errors: ConfigError CONFIG_INVALID for a stage or parameter that is
    none (names the nearest), for a stage that the chain leaves out, and for a value that the setting doesn't take.
    """
    changes: dict[str, dict[str, Any]] = defaultdict(dict)
    names: dict[tuple[str, str], str] = {}
    for stage_name, values in parameters.items():
        stage = _stage(stage_name, chain)
        for name, value in values.items():
            section, key = _place(stage, name)
            changes[section][key] = value
            names[section, key] = f"{stage.value}.{name}"
    updates: dict[str, Any] = {}
    for section, changed in changes.items():
        before = getattr(settings, section)
        try:
            updates[section] = type(before).model_validate(_merged(before.model_dump(), changed))
        except ValidationError as error:
            raise ConfigError(_sentence(error, section, names), remedy="Correct the parameter.") from error
        for key in changed:
            _require_modest(before, updates[section], (section, key), names)
    return settings.model_copy(update=updates)


def _require_modest(before: Any, after: Any, place: tuple[str, str], names: Mapping[tuple[str, str], str]) -> None:
    """Raises ConfigError CONFIG_INVALID if a parameter asks for more work than the service's setting."""
    own, asked = getattr(before, place[1]), getattr(after, place[1])
    if (place in _AT_MOST and asked > own) or (place in _AT_LEAST and asked < own):
        bound = "at most" if place in _AT_MOST else "at least"
        raise ConfigError(
            f"{names[place]}: it must be {bound} {own:g} here, got {asked:g}.",
            remedy=f"Correct the parameter, or have {'.'.join(place)} changed in the service's settings.",
        )


def _stage(name: str, chain: Sequence[Stage]) -> Stage:
    try:
        stage = Stage(name)
    except ValueError:
        near = difflib.get_close_matches(name, [known.value for known in Stage], n=1, cutoff=0.0)
        raise ConfigError(
            f"Parameters are given for {name!r}, which is no stage; did you mean {near[0]}?",
            remedy=f"The stages are {', '.join(Stage)}.",
        ) from None
    if stage not in chain:
        raise ConfigError(
            f"Parameters are given for {stage}, which the chain leaves out.",
            remedy="Leave them out, or name the stage.",
        )
    return stage


def _place(stage: Stage, name: str) -> tuple[str, str]:
    known = SETTABLE[stage]
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    hint = f"did you mean {near[0]}?" if near else "it has none."
    raise ConfigError(
        f"{stage} has no parameter {name!r}: {hint}",
        remedy=f"Its parameters are {', '.join(known)}."
        if known
        else "Leave it out; config.yml holds what is for all.",
    )


def _merged(before: dict[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the section with what changed; a mapping given changes only the keys that it names."""
    merged = dict(before)
    for key, value in changed.items():
        both = isinstance(value, Mapping) and isinstance(before[key], Mapping)
        merged[key] = {**before[key], **value} if both else value
    return merged


def _sentence(error: ValidationError, section: str, names: Mapping[tuple[str, str], str]) -> str:
    item = error.errors(include_url=False)[0]
    where = [str(part) for part in item["loc"]]
    place = ".".join([names.get((section, where[0]), where[0]) if where else section, *where[1:]])
    problem = item["msg"].removeprefix("Value error, ")
    shown = repr(item["input"])
    return f"{place}: {problem[:1].lower()}{problem[1:]}, got {shown if len(shown) <= 60 else f'{shown[:57]}...'}."
