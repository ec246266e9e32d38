"""Calls that are made as one give each what it would have got alone, and fail alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from yivideo_ray.config import GpuSettings
from yivideo_ray.errors import DeviceError, InternalError
from yivideo_ray.ocr.testing.pattern import draw_pattern
from yivideo_ray.ocr.testing.scripted import Fault, Script, ScriptedEngine
from yivideo_ray.runtime.gpu.batching import ask, calls_together
from yivideo_ray.runtime.gpu.calls import Method
from yivideo_ray.types import EngineFacts, Luma, Reading, TextBox

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


def drawn(texts: Sequence[str]) -> list[Luma]:
    return [draw_pattern(text, margin_px=12) for text in texts]


@pytest.mark.parametrize("method", ["detect", "recognize"])
def test_each_gets_what_it_would_have_got_alone_and_the_engine_is_called_once(method: Method) -> None:
    engine = CountingEngine()
    pictures = [drawn(texts) for texts in TEXTS]
    alone = [getattr(engine, method)(images) for images in pictures]
    engine.calls.clear()
    assert ask(engine, method, pictures) == alone
    assert engine.calls == [(method, 6)]


def test_what_the_engine_refuses_is_the_error_of_the_one_that_asked_for_it() -> None:
    engine = CountingEngine(Fault(kind="INTERNAL", method="recognize", text="bad"))
    good, bad, other = ask(engine, "recognize", [drawn([text]) for text in ("good", "bad", "other")])
    assert isinstance(bad, InternalError)
    assert [reading.text for (reading,) in (good, other)] == ["good", "other"]


@pytest.mark.parametrize("times", [1, 2])
def test_a_lost_device_is_the_error_of_all(times: int) -> None:
    """Whether it is lost under all of them or under one that is tried alone."""
    faults = [Fault(kind="DEVICE_FAILED", method="recognize", text="bad")]
    if times == 2:
        faults.insert(0, Fault(kind="INTERNAL", method="recognize", text="bad", times=1))
    with pytest.raises(DeviceError):
        ask(CountingEngine(*faults), "recognize", [drawn(["good"]), drawn(["bad"])])


def test_one_call_alone_raises_its_error() -> None:
    with pytest.raises(InternalError):
        ask(CountingEngine(Fault(kind="INTERNAL")), "detect", [drawn(["any"])])


@pytest.mark.parametrize(("wanted", "device", "together"), [("auto", "gpu:0", 4), ("auto", "cpu", 1), (3, "cpu", 3)])
def test_a_gpu_serves_several_at_once_unless_the_settings_say_otherwise(
    wanted: str | int, device: str, together: int
) -> None:
    settings = GpuSettings(calls_together=wanted)
    assert calls_together(settings, EngineFacts("onnxruntime", device, "p", "d", "r")) == together
