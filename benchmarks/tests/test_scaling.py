"""The simulated cluster: one core does all in turn, more share the chunks, and the last chunk sets a bound."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scaling.model import Times, cpu_stages_s, repeated, workflow_s

EVEN = Times((2.0,) * 8, (16,) * 8, stitch_s=0.0, device_s=0.5, handover_s=0.0)


def test_one_core_does_one_chunk_after_the_other() -> None:
    assert cpu_stages_s(EVEN, 1, 16) == 16.0


def test_even_chunks_scale_until_each_has_a_core() -> None:
    assert [cpu_stages_s(EVEN, nodes, 16) for nodes in (2, 4, 8, 64)] == [8.0, 4.0, 2.0, 2.0]


def test_a_core_without_work_waits_for_the_last_chunk() -> None:
    assert cpu_stages_s(EVEN, 3, 16) == 6.0


def test_handing_over_and_stitching_take_their_time() -> None:
    slow = replace(EVEN, handover_s=0.1, stitch_s=0.2)
    assert cpu_stages_s(slow, 1, 16) == pytest.approx(8 * 2.1 + 0.1 + 0.2)


def test_one_device_reads_group_after_group_behind_the_chunks() -> None:
    assert workflow_s(EVEN, 1, 16) == 16.5
    assert workflow_s(EVEN, 64, 16) == 2.0 + 8 * 0.5


def test_groups_reach_over_chunks_and_the_rest_is_one_too() -> None:
    few = replace(EVEN, chunks_s=(1.0, 1.0), crops=(10, 10), device_s=1.0)
    assert workflow_s(few, 1, 16) == 2.0 + 2 * 1.0


def test_a_longer_video_is_the_measured_chunks_over_and_over() -> None:
    longer = repeated(replace(EVEN, chunks_s=(1.0, 2.0), crops=(3, 4)), 5)
    assert longer.chunks_s == (1.0, 2.0, 1.0, 2.0, 1.0)
    assert longer.crops == (3, 4, 3, 4, 3)


@given(st.lists(st.floats(0.1, 9.0), min_size=1, max_size=30), st.integers(1, 40))
def test_no_number_of_nodes_beats_its_share_or_the_longest_chunk(chunks: list[float], nodes: int) -> None:
    times = Times(tuple(chunks), (16,) * len(chunks), 0.0, 0.0, 0.0)
    took = cpu_stages_s(times, nodes, 16)
    assert max(*chunks, sum(chunks) / nodes) - 1e-9 <= took <= sum(chunks) + 1e-9
