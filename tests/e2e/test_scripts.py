"""Drawn lines in each script that the model doesn't know are told by the real model's readings; others are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.support.script_lines import READABLE, UNREADABLE_LINES, draw_script_line
from yivideo_ray.config import Settings
from yivideo_ray.geometry import Box
from yivideo_ray.ocr import OcrEngine, create_engine
from yivideo_ray.stages.create_stitched_images import create_stitched_images
from yivideo_ray.stages.perform_ocr import perform_ocr
from yivideo_ray.text.line_classes import UNREADABLE, unreadable_class
from yivideo_ray.types import Crop, CropMeta, Luma, TextLine

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def engine() -> Iterator[OcrEngine]:
    engine = create_engine(Settings.model_validate({"gpu": {"device": "cpu"}}))
    engine.load()
    yield engine
    engine.close()


def read(engine: OcrEngine, pictures: Sequence[Luma]) -> list[TextLine]:
    """Returns the lines found in pictures, one after the other in time."""
    crops = []
    for number, picture in enumerate(pictures):
        height, width = picture.shape
        at = 100 * number
        meta = CropMeta(str(number), 0, Box(0, 0, width, height), 1.0, at, at, at + 50, 50, 50, 900)
        crops.append(Crop(meta, picture))
    return [line for text in perform_ocr(create_stitched_images(crops), engine) for line in text.lines]


def script_of(lines: Sequence[TextLine]) -> str | None:
    return unreadable_class([line.scores for line in lines], [line.box.width / line.box.height for line in lines])


def test_there_are_lines_for_all_that_is_unreadable() -> None:
    assert set(UNREADABLE_LINES) == set(UNREADABLE)


@pytest.mark.parametrize("script", UNREADABLE)
def test_lines_in_a_script_that_the_model_lacks_are_told_by_its_name(engine: OcrEngine, script: str) -> None:
    font, texts = UNREADABLE_LINES[script]
    lines = read(engine, [draw_script_line(font, text) for text in texts])
    assert script_of(lines) == script, [(line.text, line.confidence) for line in lines]


@pytest.mark.parametrize("language", READABLE)
def test_lines_that_the_model_reads_are_not_called_unreadable_alone_or_together(
    engine: OcrEngine, language: str
) -> None:
    font, texts = READABLE[language]
    lines = read(engine, [draw_script_line(font, text) for text in texts])
    assert len(lines) == len(texts)
    assert [script_of([line]) for line in lines] == [None] * len(lines)
    assert script_of(lines) is None
