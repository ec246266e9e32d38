"""Phase correct: are the device's answers those of the CPU?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.gpu.fixtures import embedded, load
from benchmarks.gpu.machine import device_of
from benchmarks.gpu.rows import Row, Setup
from yivideo_ray.config import OcrSettings
from yivideo_ray.ocr import onnx
from yivideo_ray.ocr.device_backend import DeviceBackend
from yivideo_ray.types import Reading, TextBox

__all__ = ["correct"]

# Drawn lines hold some that a model is unsure of: of those rounding alone changes the text.
TEXTS_EQUAL = 0.98
IOU_AT_LEAST = 0.8


def correct(setup: Setup) -> Iterator[Row]:
    given = load(setup.fixtures)
    device = device_of(setup)
    variants = {"as set": device}
    if device is not onnx.CPU and not setup.quick:
        variants["with TF32"] = replace(device, options={**device.options, "use_tf32": "1"})
    for name, variant in variants.items():
        backend = DeviceBackend(OcrSettings(), *embedded(setup.fixtures.parent), variant, warm_up_s=0.0)
        first = backend.recognize(given.lines)
        wrong = _compared("lines", name, first, given.readings)
        yield replace(wrong, setting="use_tf32 1 changes no more than this" if name == "with TF32" else "")
        yield _boxes(name, backend.detect(given.sheets), given.boxes)
        again = backend.recognize(given.lines)
        yield Row("correct", f"the same twice, {name}", "equal" if again == first else "differs", failed=again != first)
        few = given.lines[:8]
        alone = [backend.recognize([line])[0] for line in few]
        yield _compared("8 lines alone and in a batch", name, alone, first[: len(few)])
        backend.close()


def _compared(what: str, variant: str, found: Sequence[Reading], expected: Sequence[Reading]) -> Row:
    equal = sum(one.text == other.text for one, other in zip(found, expected, strict=True))
    apart = max(abs(one.confidence - other.confidence) for one, other in zip(found, expected, strict=True))
    figure = f"confidence apart {apart:.4f} at most"
    share = equal / len(expected)
    answer = f"{equal} of {len(expected)} texts equal"
    return Row("correct", f"{what}, {variant}", answer, figure, failed=share < TEXTS_EQUAL)


def _boxes(variant: str, found: Sequence[tuple[TextBox, ...]], expected: Sequence[tuple[TextBox, ...]]) -> Row:
    # By place: of few lines too many or too few, each other one still has its own.
    pairs = [
        max((one.box.iou(other.box) for other in others), default=0.0)
        for boxes, others in zip(expected, found, strict=True)
        for one in boxes
    ]
    near = sum(iou >= IOU_AT_LEAST for iou in pairs)
    counts = sum(map(len, found)), sum(map(len, expected))
    answer = f"{near} of {len(pairs)} boxes found again, {counts[0]} in place of {counts[1]}"
    wrong = near < TEXTS_EQUAL * len(pairs) or abs(counts[0] - counts[1]) > (1 - TEXTS_EQUAL) * counts[1]
    return Row("correct", f"boxes, {variant}", answer, f"IoU {min(pairs):.2f} at least", failed=wrong)
