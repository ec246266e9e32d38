"""Which stages run, and what the record has to hold."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yivideo_ray.errors import ConfigError
from yivideo_ray.runtime.workflow.plan import MAKER, NEEDS, RECORDED, Artifact, plan
from yivideo_ray.types import STAGES, Stage

EXTRACT, DETECT, CROP, STITCH, OCR, FINALIZE = STAGES


@pytest.mark.parametrize("length", range(1, 7))
def test_every_prefix_of_the_six_runs_as_it_is(length: int) -> None:
    assert plan(STAGES[:length], None, set()).run == STAGES[:length]


@pytest.mark.parametrize(
    ("chain", "missing"),
    [
        ((DETECT,), Artifact.FRAMES),
        ((EXTRACT, CROP), Artifact.AREA),
        ((EXTRACT, DETECT, STITCH), Artifact.IMAGES),
        ((EXTRACT, DETECT, CROP, OCR), Artifact.SHEETS),
        ((EXTRACT, DETECT, CROP, STITCH, FINALIZE), Artifact.TEXTS),
        ((FINALIZE,), Artifact.AREA),
    ],
)
def test_a_gap_is_refused_with_the_name_of_what_is_missing(chain: tuple[Stage, ...], missing: Artifact) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(chain, None, RECORDED)
    assert caught.value.code.name == "CHAIN_INVALID"
    assert caught.value.facts["missing"] == missing.value
    assert missing.value in caught.value.message


@pytest.mark.parametrize("chain", [(), (DETECT, EXTRACT), (EXTRACT, EXTRACT)])
def test_no_stage_twice_none_out_of_order_and_at_least_one(chain: tuple[Stage, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(chain, None, set())
    assert caught.value.code.name == "CHAIN_INVALID"


def test_starting_outside_the_chain_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        plan((EXTRACT, DETECT), CROP, RECORDED)
    assert caught.value.code.name == "CHAIN_INVALID"


def test_the_last_stage_alone_runs_from_a_full_record() -> None:
    found = plan(STAGES, FINALIZE, RECORDED)
    assert found.run == (FINALIZE,)
    assert found.load == RECORDED
    assert found.again == ()


@pytest.mark.parametrize("start_at", [CROP, STITCH, OCR])
def test_pictures_are_made_again_with_the_recorded_area(start_at: Stage) -> None:
    found = plan(STAGES, start_at, RECORDED)
    assert found.run == (CROP, STITCH, OCR, FINALIZE)
    assert found.load == {Artifact.AREA}
    assert found.again == tuple(itertools.takewhile(lambda stage: stage is not start_at, (CROP, STITCH, OCR)))


def test_detection_from_the_record_reads_its_frames_again() -> None:
    assert plan(STAGES, DETECT, set()).run == STAGES


@pytest.mark.parametrize(("start_at", "missing"), [(CROP, Artifact.AREA), (OCR, Artifact.AREA)])
def test_a_record_that_lacks_something_is_named(start_at: Stage, missing: Artifact) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(STAGES, start_at, RECORDED - {missing})
    assert caught.value.code.name == "RECORD_MISSING"
    assert caught.value.facts["missing"] == missing.value


chains = st.sets(st.sampled_from(STAGES), min_size=1).map(lambda found: tuple(sorted(found, key=STAGES.index)))


@given(chains, st.none() | st.sampled_from(STAGES), st.sets(st.sampled_from(sorted(RECORDED))))
def test_whatever_is_planned_has_every_input(
    chain: tuple[Stage, ...], start_at: Stage | None, have: set[Artifact]
) -> None:
    try:
        found = plan(chain, start_at, have)
    except ConfigError:
        return
    assert found.load <= have
    for place, stage in enumerate(found.run):
        for artifact in NEEDS[stage]:
            assert artifact in found.load or MAKER[artifact] in found.run[:place]
