"""Whether a chain of stages can run: each stage needs what one before it makes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from yivideo_ray.errors import ConfigError
from yivideo_ray.types import STAGES, Stage

__all__ = ["check_chain"]

NEEDS: dict[Stage, dict[Stage, str]] = {
    Stage.EXTRACT_KEYFRAMES: {},
    Stage.DETECT_SUBTITLE_AREA: {Stage.EXTRACT_KEYFRAMES: "sampled frames"},
    Stage.CROP_SUBTITLE_IMAGES: {Stage.DETECT_SUBTITLE_AREA: "the subtitle area"},
    Stage.CREATE_STITCHED_IMAGES: {Stage.CROP_SUBTITLE_IMAGES: "the crops' pictures"},
    Stage.PERFORM_OCR: {Stage.CREATE_STITCHED_IMAGES: "sheets"},
    Stage.POSTPROCESS_AND_FINALIZE: {
        Stage.DETECT_SUBTITLE_AREA: "the subtitle area",
        Stage.CROP_SUBTITLE_IMAGES: "the crops' times",
        Stage.PERFORM_OCR: "the texts read",
    },
}
"""What each stage needs, by the stage that makes it."""


def check_chain(chain: Sequence[Stage], start_at: Stage | None = None) -> None:
    """Errors: ConfigError CHAIN_INVALID for stages out of order, for one whose input none before it makes, and for a
    start_at that is not in the chain. Where a run starts in the middle, the book of an earlier one has the inputs.
    """
    _require_order(chain)
    if start_at is not None:
        if start_at not in chain:
            raise ConfigError(
                f"The chain does not hold {start_at}, where it is to start.",
                code="CHAIN_INVALID",
                remedy="Name one of the chain's stages with --from.",
            )
        return
    for place, stage in enumerate(chain):
        for maker, what in NEEDS[stage].items():
            if maker not in chain[:place]:
                raise ConfigError(
                    f"{stage} needs {what}, and {maker} is not before it.",
                    code="CHAIN_INVALID",
                    stage=stage.value,
                    missing=what,
                )


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
