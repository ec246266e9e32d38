"""Which chains of stages can run."""

import pytest

from yivideo_ray.errors import ConfigError
from yivideo_ray.runtime.workflow.chain import check_chain
from yivideo_ray.types import STAGES, Stage

EXTRACT, DETECT, CROP, STITCH, OCR, FINALIZE = STAGES


@pytest.mark.parametrize("length", range(1, 7))
def test_every_prefix_of_the_six_can_run(length: int) -> None:
    check_chain(STAGES[:length])


@pytest.mark.parametrize(
    ("chain", "missing"),
    [
        ((DETECT,), "sampled frames"),
        ((EXTRACT, CROP), "the subtitle area"),
        ((EXTRACT, DETECT, STITCH), "the crops' pictures"),
        ((EXTRACT, DETECT, CROP, OCR), "sheets"),
        ((EXTRACT, DETECT, CROP, STITCH, FINALIZE), "the texts read"),
        ((FINALIZE,), "the subtitle area"),
    ],
)
def test_a_gap_is_refused_with_the_name_of_what_is_missing(chain: tuple[Stage, ...], missing: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_chain(chain)
    assert caught.value.code.name == "CHAIN_INVALID"
    assert caught.value.facts["missing"] == missing
    assert missing in caught.value.message


@pytest.mark.parametrize("chain", [(), (DETECT, EXTRACT), (EXTRACT, EXTRACT)])
def test_no_stage_twice_none_out_of_order_and_at_least_one(chain: tuple[Stage, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        check_chain(chain)
    assert caught.value.code.name == "CHAIN_INVALID"


def test_starting_outside_the_chain_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        check_chain((EXTRACT, DETECT), CROP)
    assert caught.value.code.name == "CHAIN_INVALID"


@pytest.mark.parametrize("start_at", STAGES)
def test_what_starts_in_the_middle_has_its_inputs_from_the_book(start_at: Stage) -> None:
    check_chain(STAGES, start_at)
    check_chain(STAGES[STAGES.index(start_at) :], start_at)
