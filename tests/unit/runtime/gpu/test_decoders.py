"""Which GPU decodes the next chunk, and when one decodes no more."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

import pytest

from yivideo_ray.config import GpuSettings
from yivideo_ray.runtime.gpu.decoders import FAULTS_ALLOWED, LANES, DecoderGpu, GpuDecoders


def actor(node: str, visible: str, ready: bool = True) -> dict[str, Any]:
    return {"ready": ready, "node": node, "visible_gpus": visible}


def decoders(*actors: dict[str, Any], lanes: Any = 2) -> tuple[GpuDecoders, int]:
    async def status() -> list[dict[str, Any]]:
        return list(actors)

    made = GpuDecoders(GpuSettings(decode_lanes=lanes), status)
    return made, asyncio.run(made.find())


def lane(made: GpuDecoders) -> DecoderGpu:
    with made.lane() as gpu:
        assert gpu is not None
        return gpu


@pytest.mark.parametrize(
    ("actors", "room"),
    [
        ([], 0),
        ([actor("n", "")], 0),
        ([actor("n", "-1")], 0),
        ([{"state": "silent", "ready": False}, actor("n", "3", ready=False)], 0),
        ([actor("n", "0"), actor("n", "0")], 2),
        ([actor("n", "0"), actor("n", "1"), actor("m", "0")], 6),
    ],
)
def test_each_gpu_has_its_lanes_once_however_many_actors_share_it(actors: list[dict[str, Any]], room: int) -> None:
    made, found = decoders(*actors)
    assert found == room
    with made.lane() as gpu:
        assert (gpu is not None) == (room > 0)


def test_cuda_has_lanes_where_the_settings_name_none() -> None:
    assert decoders(actor("n", "0"), lanes="auto")[1] == LANES


def test_the_gpu_with_the_fewest_chunks_gets_the_next() -> None:
    made, _ = decoders(actor("n", "0"), actor("n", "1"), actor("m", "0"))
    with ExitStack() as stack:
        taken = [stack.enter_context(made.lane()) for _ in range(6)]
        assert all(taken.count(gpu) == 2 for gpu in taken)
        first = taken[0]
        assert first is not None
        first.running -= 1
        assert lane(made) is first


def test_after_a_fault_processes_are_fresh_and_after_three_in_a_row_the_gpu_decodes_no_more() -> None:
    made, _ = decoders(actor("n", "0"), actor("n", "1"))
    bad = lane(made)
    names = {bad.processes}
    for _ in range(FAULTS_ALLOWED):
        assert not made.fault
        made.note(bad, bad.generation, "it burns")
        names.add(bad.processes)
    assert made.fault == "it burns"
    assert len(names) == FAULTS_ALLOWED + 1
    assert lane(made) is not bad
    assert asyncio.run(made.find()) == 2


def test_what_ran_beside_a_fault_counts_with_it_and_a_success_strikes_it_out() -> None:
    made, _ = decoders(actor("n", "0"))
    gpu = lane(made)
    for _ in range(2 * FAULTS_ALLOWED):
        began = gpu.generation
        # Four chunks at a time meet the same.
        for _ in range(4):
            made.note(gpu, began, "a hiccup")
        made.note(gpu, gpu.generation, "")
    assert not made.fault
    assert lane(made) is gpu
