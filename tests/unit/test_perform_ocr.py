"""Every line of every crop is found where it is, in reading order, and recognised once for as long as it stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from yivideo_ray.geometry import Box
from yivideo_ray.ocr.pattern import draw_pattern
from yivideo_ray.ocr.scripted import Script, ScriptedEngine
from yivideo_ray.stages.create_stitched_images import create_stitched_images
from yivideo_ray.stages.perform_ocr import perform_ocr
from yivideo_ray.types import Crop, CropMeta, Luma, Reading


class CountingEngine(ScriptedEngine):
    def __init__(self) -> None:
        super().__init__(Script())
        self.recognised = 0

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        self.recognised += len(lines)
        return super().recognize(lines)


@pytest.fixture
def engine() -> CountingEngine:
    engine = CountingEngine()
    engine.load()
    return engine


def crop(texts: Sequence[str], start: int, end: int, ground: int = 60) -> Crop:
    image = np.full((60 * len(texts) + 20, 700), ground, np.uint8)
    for row, text in enumerate(texts):
        if text:
            pattern = draw_pattern(text, margin_px=4)
            image[10 + 60 * row : 10 + 60 * row + pattern.shape[0], 40 : 40 + pattern.shape[1]] = pattern
    box = Box(100, 500, 100 + image.shape[1], 500 + image.shape[0])
    meta = CropMeta(f"0-{start}", 0, box, 1.0, start, start, end, end - start, end - start, 500)
    return Crop(meta, image)


def read(crops: Sequence[Crop], engine: ScriptedEngine) -> dict[str, list[str]]:
    return {
        text.crop_id: [line.text for line in text.lines] for text in perform_ocr(create_stitched_images(crops), engine)
    }


def test_lines_come_from_the_top_for_each_crop(engine: CountingEngine) -> None:
    crops = [crop(["first", "second"], 0, 10), crop([""], 10, 20), crop(["third"], 20, 30)]
    assert read(crops, engine) == {"0-0": ["first", "second"], "0-10": [], "0-20": ["third"]}


def test_boxes_are_in_crop_coordinates(engine: CountingEngine) -> None:
    crops = [crop(["some"], 0, 10), crop(["other"], 10, 20)]
    for text in perform_ocr(create_stitched_images(crops), engine):
        (line,) = text.lines
        assert abs(line.box.x0 - 44) <= 12
        assert abs(line.box.y0 - 14) <= 4
        assert abs(line.box.y1 - 50) <= 4


def test_a_line_that_stays_over_two_crops_is_recognised_once(engine: CountingEngine) -> None:
    crops = [crop(["stays", "goes"], 0, 10), crop(["stays", "come"], 10, 20)]
    assert read(crops, engine) == {"0-0": ["stays", "goes"], "0-10": ["stays", "come"]}
    assert engine.recognised == 3


def test_the_same_text_after_a_gap_is_recognised_again(engine: CountingEngine) -> None:
    assert read([crop(["twice"], 0, 10), crop(["twice"], 15, 20)], engine) == {"0-0": ["twice"], "0-15": ["twice"]}
    assert engine.recognised == 2


def test_no_sheets_make_no_text(engine: CountingEngine) -> None:
    assert perform_ocr((), engine) == ()


def test_a_crop_scaled_to_its_sheet_keeps_its_coordinates(engine: CountingEngine, tmp_path: Path) -> None:
    wide = crop(["wide"], 0, 10)
    image = np.full((wide.image.shape[0], 2560), 60, np.uint8)
    image[:, :700] = wide.image
    (text,) = perform_ocr(create_stitched_images([Crop(wide.meta, image)]), engine)
    (line,) = text.lines
    assert line.text == "wide"
    assert abs(line.box.x0 - 44) <= 16
