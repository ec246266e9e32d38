"""Phases shapes, edges and batch: what changing shapes cost, what is done beside the device, how many at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.gpu.fixtures import embedded, load
from benchmarks.gpu.machine import device_of
from benchmarks.gpu.rows import Row, Setup, ms
from benchmarks.instruments.usage import gpu_use
from yivideo_ray.config import OcrSettings
from yivideo_ray.ocr import onnx, shapes
from yivideo_ray.ocr.device_backend import DeviceBackend
from yivideo_ray.ocr.device_model import DeviceModel, Normalisation
from yivideo_ray.runtime.gpu.device import gpu_memory
from yivideo_ray.types import Luma

__all__ = ["batch", "distinct_shapes", "edges", "shapes_phase"]

PLAIN = Normalisation(255.0, (2.0,) * 3, (-1.0,) * 3)
A, B = (8, 48, 640), (8, 48, 960)
CALLS, LINES_A_CALL = 50, (20, 64)


def shapes_phase(setup: Setup) -> Iterator[Row]:
    given = load(setup.fixtures)
    for name, few in (("as on a CPU", False), ("full batches of few widths", True)):
        distinct, changes = distinct_shapes(given.lines, few)
        yield Row("shapes", f"distinct shapes in {CALLS} calls, {name}", str(distinct), f"{changes:.0%} change")
    device = device_of(setup)
    searches = ("HEURISTIC", "DEFAULT") if device is not onnx.CPU else ("none on a CPU",)
    for search in searches:
        option = {} if device is onnx.CPU else {"cudnn_conv_algo_search": search}
        variant = onnx.CPU if device is onnx.CPU else replace(device, options={**device.options, **option})
        yield from _planning(setup, variant, search)


def _planning(setup: Setup, device: onnx.Device, search: str) -> Iterator[Row]:
    path = embedded(setup.fixtures.parent)[1].directory / "inference.onnx"
    times = 2 if setup.quick else 20
    model = DeviceModel(path, device, 2, PLAIN)
    first, again = _seconds(model, [A]), _seconds(model, [A] * times)
    yield Row("shapes", f"first run of a shape, {search}", ms(first), f"again {ms(again)}")
    _seconds(model, [B])
    by_turns = _seconds(model, [A, B] * times)
    grouped = _seconds(model, [A] * times + [B] * times)
    model.close()
    setting = "a session for each shape is right" if sum(by_turns) < 1.2 * sum(grouped) else ""
    yield Row("shapes", f"A B A B, a session each, {search}", ms(by_turns), f"A A B B {ms(grouped)}", setting)
    session = onnx.new_session(path, 2, device)
    one = {shape: np.zeros((shape[0], 3, *shape[1:]), np.float32) for shape in (A, B)}

    def run(shape: tuple[int, int, int]) -> None:
        session.run(None, {session.get_inputs()[0].name: one[shape]})

    for shape in (A, B):
        run(shape)
    changing = _timed(run, [A, B] * times)
    staying = _timed(run, [A] * times + [B] * times)
    yield Row("shapes", f"A B A B, one session for all, {search}", ms(changing), f"A A B B {ms(staying)}")


def distinct_shapes(lines: Sequence[Luma], few: bool) -> tuple[int, float]:
    """Returns how many shapes recognition runs in, over calls of 20 to 64 lines, and in what share of its batches the
    shape is another one than in the batch before."""
    rng = np.random.default_rng(0)
    size = OcrSettings().batch_size
    widths = shapes.FEW_LINE_WIDTHS if few else shapes.LINE_WIDTHS
    run: list[tuple[int, int]] = []
    for _ in range(CALLS):
        call = rng.choice(len(lines), rng.integers(LINES_A_CALL[0], LINES_A_CALL[1] + 1))
        batches = shapes.batches((shapes.line_canvas(lines[index], widths) for index in call), lambda _: size)
        run += [(width, size if few else len(members)) for (width, _), members in batches]
    changes = sum(one != other for one, other in pairwise(run))
    return len(set(run)), changes / max(1, len(run) - 1)


def edges(setup: Setup) -> Iterator[Row]:
    given = load(setup.fixtures)
    backend = DeviceBackend(OcrSettings(), *embedded(setup.fixtures.parent), device_of(setup), warm_up_s=0.0)
    for name, pictures, kind, call in (
        ("lines", given.lines, backend._lines, backend.recognize),
        ("sheets", given.sheets, backend._pictures, backend.detect),
    ):
        call(pictures)
        with gpu_use() as use:
            (wall_s,) = _timed(call, [pictures])
        busy = "" if use.busy is None else f", GPU busy {use.busy:.0%}"
        yield Row("edges", f"{name} a second", f"{len(pictures) / wall_s:.0f}", f"{wall_s:.2f} s{busy}")
        yield from _split(name, pictures, kind)
    memory = gpu_memory() if setup.device == "gpu" else None
    if memory:
        sessions = len(backend._recognizer.shapes) + len(backend._detector.shapes)
        used = (memory["process_bytes"] or memory["used_bytes"]) / 2**20
        yield Row("edges", f"memory with {sessions} sessions", memory["name"], f"{used:.0f} MiB")
    backend.close()
    yield from _reduced(setup)


def _split(name: str, pictures: Sequence[Luma], kind: Any) -> Iterator[Row]:
    """Yields how long each of the steps takes for a full batch, one after the other."""
    size = kind.canvas(pictures[0])
    alike = [picture for picture in pictures if kind.canvas(picture) == size][: kind.batch]
    fitted: list[shapes.Fitted] = []
    canvases = np.full((kind.batch, size[1], size[0]), kind.padding, np.uint8)

    def prepare(_: int) -> None:
        fitted[:] = [kind.fit(picture) for picture in alike]
        for place, picture in enumerate(fitted):
            canvases[place] = picture.canvas

    prepared = _timed(prepare, range(5))
    outputs = kind.run(canvases)
    run = _timed(lambda _: kind.run(canvases), range(5))
    finished = _timed(lambda _: [kind.finish(*each) for each in zip(fitted, outputs, strict=False)], range(5))
    answer = f"prepare {ms(prepared)}, run {ms(run)}, finish {ms(finished)}"
    yield Row("edges", f"a batch of {name}, {len(alike)} of {kind.batch}", answer)


def _reduced(setup: Setup) -> Iterator[Row]:
    """Yields what it saves that the device reduces the probabilities."""
    from yivideo_ray.ocr.ctc import CtcDecoder
    from yivideo_ray.ocr.models import characters_in

    model = embedded(setup.fixtures.parent)[1]
    decoder = CtcDecoder([*characters_in(model), " "])
    seconds = {}
    for name, reduced_by in (("whole", None), ("reduced", decoder)):
        opened = DeviceModel(model.directory / "inference.onnx", device_of(setup), 2, PLAIN, reduced_by)
        _seconds(opened, [B])
        seconds[name] = _seconds(opened, [B] * 5)
        opened.close()
    yield Row("edges", "8 lines of 960, whole probabilities", ms(seconds["whole"]), f"reduced {ms(seconds['reduced'])}")


def batch(setup: Setup) -> Iterator[Row]:
    detection, recognition = (model.directory / "inference.onnx" for model in embedded(setup.fixtures.parent))
    quick = setup.quick or setup.device == "cpu"
    for name, path, sizes, counts, setting in (
        ("sheets", detection, ((736, 960),), (1, 2) if quick else (1, 2, 4, 8, 16, 32), "the batch of detection"),
        (
            "lines",
            recognition,
            ((48, 320),) if quick else ((48, 320), (48, 640), (48, 1280)),
            (1, 8) if quick else (1, 8, 16, 32, 64, 128, 256),
            "ocr.batch_size",
        ),
    ):
        for size in sizes:
            yield from _knee(name, DeviceModel(path, device_of(setup), 2, PLAIN), size, counts, setting)


def _knee(name: str, model: DeviceModel, size: tuple[int, int], counts: Sequence[int], setting: str) -> Iterator[Row]:
    """Yields a row for each batch size, and the smallest whose rate is nearly the best."""
    rates: dict[int, float] = {}
    what = f"{name} of {size[1]} x {size[0]}"
    for count in counts:
        _seconds(model, [(count, *size)])
        seconds = float(np.median(_seconds(model, [(count, *size)] * 3)))
        rates[count] = count / seconds
        yield Row("batch", f"{what}, {count} at a time", ms(seconds), f"{rates[count]:.0f} a second")
    model.close()
    best = next(count for count in counts if rates[count] >= 0.9 * max(rates.values()))
    yield Row("batch", f"{what}, smallest batch near the best rate", str(best), setting=f"{setting}: {best}")


def _seconds(model: DeviceModel, given: Sequence[tuple[int, int, int]]) -> list[float]:
    return _timed(lambda shape: model.run(np.zeros(shape, np.uint8)), given)


def _timed(call: Callable[[Any], Any], given: Sequence[Any]) -> list[float]:
    seconds = []
    for each in given:
        began = time.perf_counter()
        call(each)
        seconds.append(time.perf_counter() - began)
    return seconds
