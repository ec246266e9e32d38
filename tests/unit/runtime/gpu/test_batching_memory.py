"""An engine whose device has little memory is asked for less at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from yivideo_ray.errors import DeviceError, InternalError
from yivideo_ray.geometry import Box
from yivideo_ray.runtime.gpu.batching import HalvingEngine
from yivideo_ray.types import EngineFacts, Luma, Reading, TextBox


class SmallEngine:
    """Takes no more pictures than `room` at once."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.sizes: list[int] = []

    def load(self) -> EngineFacts:
        return EngineFacts("small", "none", "none", "d", "r")

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        self._take(images)
        return [(TextBox(Box(0, 0, int(image[0, 0]) + 1, 1), 1.0),) for image in images]

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        self._take(lines)
        return [Reading(str(line[0, 0]), 1.0) for line in lines]

    def close(self) -> None:
        self.room = 0

    def _take(self, images: Sequence[Luma]) -> None:
        self.sizes.append(len(images))
        if len(images) > self.room:
            raise DeviceError("full", code="DEVICE_OUT_OF_MEMORY")


def images(count: int) -> list[Luma]:
    return [np.full((2, 2), number, np.uint8) for number in range(count)]


@pytest.mark.parametrize(("room", "halved"), [(20, 0), (4, 1), (2, 2)])
def test_results_are_the_same_in_order_however_little_fits(room: int, halved: int) -> None:
    engine = HalvingEngine(SmallEngine(room), 8)
    assert [reading.text for reading in engine.recognize(images(20))] == [str(number) for number in range(20)]
    assert engine.halved == halved
    boxes = HalvingEngine(SmallEngine(min(room, 1)), 8).detect(images(3))
    assert [found.box.x1 for (found,) in boxes] == [1, 2, 3]


def test_the_batch_is_halved_twice_and_then_the_call_fails() -> None:
    small = SmallEngine(1)
    with pytest.raises(DeviceError):
        HalvingEngine(small, 8).recognize(images(20))
    assert small.sizes == [20, 4, 2]


def test_fewer_pictures_than_a_batch_are_halved_too() -> None:
    small = SmallEngine(1)
    assert len(HalvingEngine(small, 8).recognize(images(3))) == 3
    assert small.sizes == [3, 1, 1, 1]


def test_the_next_call_begins_with_the_whole_batch() -> None:
    small = SmallEngine(4)
    engine = HalvingEngine(small, 8)
    engine.recognize(images(6))
    small.sizes.clear()
    engine.recognize(images(4))
    assert small.sizes == [4]


def test_other_errors_are_not_cured_by_halving() -> None:
    class Broken(SmallEngine):
        def _take(self, images: Sequence[Luma]) -> None:
            self.sizes.append(len(images))
            raise InternalError("broken")

    broken = Broken(9)
    with pytest.raises(InternalError):
        HalvingEngine(broken, 8).recognize(images(9))
    assert broken.sizes == [9]


def test_nothing_in_gives_nothing_out() -> None:
    assert HalvingEngine(SmallEngine(1), 8).recognize([]) == []
