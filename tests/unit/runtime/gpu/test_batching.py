"""Calls that are served as one give each what it would have got alone, and fail alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.text_pictures import sheets
from yivideo_ray.errors import DeviceError, InternalError
from yivideo_ray.ocr.contract import answered
from yivideo_ray.ocr.testing.scripted import Fault, Script, ScriptedEngine
from yivideo_ray.runtime.gpu.batching import serve, work_together
from yivideo_ray.runtime.gpu.calls import CallKind, Ticket
from yivideo_ray.stages.perform_ocr import reading
from yivideo_ray.types import Luma, Reading, Sheet, TextBox

TEXTS = (("first", "second", "third"), ("alone",), (), ("second", "other"))


class CountingEngine(ScriptedEngine):
    """Keeps how many pictures each of its calls had."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(Script(faults=faults))
        self.calls: list[tuple[str, int]] = []
        self.load()

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        self.calls.append(("detect", len(images)))
        return super().detect(images)

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        self.calls.append(("recognize", len(lines)))
        return super().recognize(lines)


def call(number: int, texts: Sequence[str]) -> tuple[Ticket, tuple[tuple[Sheet, ...]]]:
    return Ticket(CallKind.PERFORM_OCR, f"w{number}", f"w{number}/0", number), (sheets(*texts),)


def test_each_gets_what_it_would_have_got_alone_and_the_engine_is_called_as_for_one() -> None:
    engine = CountingEngine()
    alone = [answered(reading(sheets(*texts)), engine) for texts in TEXTS]
    lines = sum(size for method, size in engine.calls if method == "recognize")
    engine.calls.clear()
    found = serve(engine, [call(number, texts) for number, texts in enumerate(TEXTS)])
    assert found == alone
    assert [[text.reading.text for text in read.texts] for read in found] == [list(texts) for texts in TEXTS]
    assert [size for method, size in engine.calls if method == "recognize"] == [lines]


def test_lines_are_read_when_all_have_found_theirs() -> None:
    class Shy(CountingEngine):
        """Sees the word "shy" only when it looks for the second time."""

        def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
            found = super().detect(images)
            return found if len(self.calls) > 1 else [(), *found[1:]]

    engine = Shy()
    found = serve(engine, [call(0, ["shy"]), call(1, ["bold"])])
    assert [[text.reading.text for text in read.texts] for read in found] == [["shy"], ["bold"]]
    assert engine.calls == [("detect", 2), ("detect", 1), ("recognize", 2)]


def test_what_the_engine_refuses_is_the_error_of_the_one_that_asked_for_it() -> None:
    engine = CountingEngine(Fault(kind="INTERNAL", method="recognize", text="bad"))
    good, bad, other = serve(engine, [call(number, [text]) for number, text in enumerate(("good", "bad", "other"))])
    assert isinstance(bad, InternalError)
    assert [read.texts[0].reading.text for read in (good, other)] == ["good", "other"]


@pytest.mark.parametrize("times", [1, 2])
def test_a_lost_device_is_the_error_of_all(times: int) -> None:
    """Whether it is lost under all of them or under one that is tried alone."""
    faults = [Fault(kind="DEVICE_FAILED", method="recognize", text="bad")]
    if times == 2:
        faults.insert(0, Fault(kind="INTERNAL", method="recognize", text="bad", times=1))
    with pytest.raises(DeviceError):
        serve(CountingEngine(*faults), [call(0, ["good"]), call(1, ["bad"])])


def test_a_work_that_fails_by_itself_leaves_the_others_alone() -> None:
    def failing() -> Any:
        yield from reading(sheets("read"))
        raise InternalError("broken")

    broken, read = work_together([failing(), reading(sheets("fine"))], CountingEngine())
    assert isinstance(broken, InternalError)
    assert [text.reading.text for text in read.texts] == ["fine"]


def test_one_call_alone_raises_its_error() -> None:
    with pytest.raises(InternalError):
        serve(CountingEngine(Fault(kind="INTERNAL")), [call(0, ["any"])])
