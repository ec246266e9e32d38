"""Which stages a workflow runs and what it takes from the record. Pure: no Ray, no files.

Pixels are never recorded: a stage that is to run and needs frames, crops or sheets has the stages that make them
run again. The area, the crops' times and the texts are recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from yivideo_ray.errors import ConfigError
from yivideo_ray.types import STAGES, Stage

__all__ = ["Artifact", "Plan", "plan"]


class Artifact(StrEnum):
    """What stages hand to one another."""

    FRAMES = "sampled frames"
    AREA = "the subtitle area"
    IMAGES = "the crops' pictures"
    CROPS = "the crops' times"
    SHEETS = "sheets"
    TEXTS = "the texts read"


NEEDS: dict[Stage, tuple[Artifact, ...]] = {
    Stage.EXTRACT_KEYFRAMES: (),
    Stage.DETECT_SUBTITLE_AREA: (Artifact.FRAMES,),
    Stage.CROP_SUBTITLE_IMAGES: (Artifact.AREA,),
    Stage.CREATE_STITCHED_IMAGES: (Artifact.IMAGES,),
    Stage.PERFORM_OCR: (Artifact.SHEETS,),
    Stage.POSTPROCESS_AND_FINALIZE: (Artifact.AREA, Artifact.CROPS, Artifact.TEXTS),
}
MAKER: dict[Artifact, Stage] = {
    Artifact.FRAMES: Stage.EXTRACT_KEYFRAMES,
    Artifact.AREA: Stage.DETECT_SUBTITLE_AREA,
    Artifact.IMAGES: Stage.CROP_SUBTITLE_IMAGES,
    Artifact.CROPS: Stage.CROP_SUBTITLE_IMAGES,
    Artifact.SHEETS: Stage.CREATE_STITCHED_IMAGES,
    Artifact.TEXTS: Stage.PERFORM_OCR,
}
RECORDED = frozenset({Artifact.AREA, Artifact.CROPS, Artifact.TEXTS})


@dataclass(frozen=True, slots=True)
class Plan:
    """run: the stages to run, in order. load: what the record gives instead. again: the stages in run that come
    before start_at, because what they make is pixels."""

    run: tuple[Stage, ...]
    load: frozenset[Artifact]
    again: tuple[Stage, ...] = ()


def plan(chain: Sequence[Stage], start_at: Stage | None, have: AbstractSet[Artifact]) -> Plan:
    """Returns what to run and what to load. have is what the record of this very video holds.

    Errors: ConfigError CHAIN_INVALID (names the missing input), RECORD_MISSING (names what the record lacks).
    """
    _require_order(chain)
    if start_at is None:
        for place, stage in enumerate(chain):
            for artifact in NEEDS[stage]:
                if MAKER[artifact] not in chain[:place]:
                    raise ConfigError(
                        f"{stage} needs {artifact}, and {MAKER[artifact]} is not before it.",
                        code="CHAIN_INVALID",
                        stage=stage.value,
                        missing=artifact.value,
                    )
        return Plan(tuple(chain), frozenset())
    if start_at not in chain:
        raise ConfigError(
            f"The chain does not hold {start_at}, where it is to start.",
            code="CHAIN_INVALID",
            remedy="Name one of the chain's stages with --from.",
        )
    wanted = list(chain[chain.index(start_at) :])
    run, load = set(wanted), set[Artifact]()
    while wanted:
        for artifact in NEEDS[wanted.pop()]:
            maker = MAKER[artifact]
            if maker in run:
                continue
            if artifact not in RECORDED:
                run.add(maker)
                wanted.append(maker)
            elif artifact in have:
                load.add(artifact)
            else:
                raise ConfigError(
                    f"The record of this video does not hold {artifact}, which {maker} makes.",
                    code="RECORD_MISSING",
                    missing=artifact.value,
                )
    # A stage that runs again makes afresh what the record could have given.
    load = {artifact for artifact in load if MAKER[artifact] not in run}
    again = tuple(stage for stage in STAGES if stage in run and STAGES.index(stage) < STAGES.index(start_at))
    return Plan(tuple(stage for stage in STAGES if stage in run), frozenset(load), again)


def _require_order(chain: Sequence[Stage]) -> None:
    if not chain:
        raise ConfigError("The chain names no stage.", code="CHAIN_INVALID")
    places = [STAGES.index(stage) for stage in chain]
    if places != sorted(set(places)):
        raise ConfigError(
            f"The chain {', '.join(chain)} repeats stages or turns their order round.",
            code="CHAIN_INVALID",
            remedy=f"Name each stage once, in this order: {', '.join(STAGES)}.",
        )
