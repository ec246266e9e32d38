"""What every OCR engine promises, shown for each of them: onnxruntime, paddle, scripted."""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.support.fonts import font_named, latin_font
from yivideo_ray.config import Settings
from yivideo_ray.errors import InternalError
from yivideo_ray.geometry import Box
from yivideo_ray.ocr import OcrEngine, create_engine
from yivideo_ray.ocr.testing.pattern import draw_pattern
from yivideo_ray.types import EngineFacts, Luma

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ENGINES = ["onnxruntime", "paddle", "scripted"]
TEXTS = ["We'll meet at 10:30", "今天天气很好", "Hello 世界", "Nobody knows", "去市场买东西"]


def written(text: str, height_px: int = 48) -> Luma:
    """Returns a line of light text with a dark outline on grey, as a subtitle is drawn."""
    size = round(height_px * 0.7)
    font = latin_font(size) if text.isascii() else font_named("cjk_sans", size)
    probe = ImageDraw.Draw(Image.new("L", (1, 1)))
    x0, y0, x1, y1 = probe.textbbox((0, 0), text, font=font, stroke_width=2)
    image = Image.new("L", (round(x1 - x0) + 16, height_px), 100)
    top = (height_px - (y1 - y0)) / 2 - y0
    ImageDraw.Draw(image).text((8 - x0, top), text, font=font, fill=235, stroke_width=2, stroke_fill=16)
    return np.asarray(image)


def patterned(text: str, height_px: int = 48) -> Luma:
    return draw_pattern(text, height_px=height_px - 8, margin_px=4)


@dataclass(frozen=True)
class Subject:
    name: str
    engine: OcrEngine
    facts: EngineFacts
    draw: Callable[[str], Luma]


def settings(name: str, work_dir: Path) -> Settings:
    return Settings.model_validate(
        {"ocr": {"engine": name}, "gpu": {"device": "cpu"}, "storage": {"work_dir": work_dir}}
    )


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module", params=ENGINES)
def name(request: pytest.FixtureRequest) -> str:
    if request.param == "paddle" and importlib.util.find_spec("paddle") is None:
        pytest.skip("paddlepaddle is not installed (extra [paddle])")
    return str(request.param)


@pytest.fixture(scope="module")
def subject(name: str, work_dir: Path) -> Iterator[Subject]:
    engine = create_engine(settings(name, work_dir))
    facts = engine.load()
    yield Subject(name, engine, facts, patterned if name == "scripted" else written)
    engine.close()


def on_page(lines: list[Luma], width: int = 960, height: int = 384) -> tuple[Luma, list[Box]]:
    """Returns a grey page with the lines below each other, and their boxes."""
    page = np.full((height, width), 100, np.uint8)
    boxes = []
    for index, line in enumerate(lines):
        y0, x0 = 24 + index * 110, 40
        page[y0 : y0 + line.shape[0], x0 : x0 + line.shape[1]] = line
        boxes.append(Box(x0, y0, x0 + line.shape[1], y0 + line.shape[0]))
    return page, boxes


def test_it_is_an_engine_and_says_what_runs_it(subject: Subject) -> None:
    assert isinstance(subject.engine, OcrEngine)
    assert subject.facts.engine == subject.name
    assert all((subject.facts.device, subject.facts.provider))
    assert all((subject.facts.detection_model, subject.facts.recognition_model))
    assert pickle.loads(pickle.dumps(subject.facts)) == subject.facts


def test_each_line_is_read_right_in_the_order_given(subject: Subject) -> None:
    readings = subject.engine.recognize([subject.draw(text) for text in TEXTS])
    found = [reading.text.replace(" ", "") for reading in readings]
    assert found == [text.replace(" ", "") for text in TEXTS]
    for reading in readings:
        assert reading.confidence > 0.8
        assert "".join(char.text for char in reading.chars) == "".join(reading.text.split())


def test_places_of_characters_grow_and_lie_within_the_line(subject: Subject) -> None:
    for text in TEXTS:
        chars = subject.engine.recognize([subject.draw(text)])[0].chars
        assert all(0 <= char.x0 < char.x1 <= 1 for char in chars)
        assert [char.x0 for char in chars] == sorted(char.x0 for char in chars)
        assert chars[0].x0 < 0.25
        assert chars[-1].x1 > 0.75
        assert chars[0].space_before == 0.0


def test_a_space_shows_before_the_character_that_follows_it(subject: Subject) -> None:
    chars = subject.engine.recognize([subject.draw("Nobody knows")])[0].chars
    assert [index for index, char in enumerate(chars) if char.space_before > 0.5] == [6]


def test_a_line_reads_the_same_alone_and_among_others(subject: Subject) -> None:
    lines = [subject.draw(text) for text in TEXTS]
    mixed = subject.engine.recognize([*lines, np.zeros((30, 2000), np.uint8), *reversed(lines)])
    for line, first, last in zip(lines, mixed, reversed(mixed), strict=False):
        alone = subject.engine.recognize([line])[0]
        assert alone.text == first.text == last.text
        assert first.confidence == pytest.approx(alone.confidence, abs=1e-3)
        for one, other in zip(alone.chars, first.chars, strict=True):
            assert (one.text, one.x0, one.x1) == (other.text, other.x0, other.x1)


def test_lines_of_a_page_are_boxed_from_top_to_bottom_and_read(subject: Subject) -> None:
    lines = [subject.draw(text) for text in TEXTS[:3]]
    page, drawn = on_page(lines)
    found = [text_box.box for text_box in subject.engine.detect([page])[0]]
    assert len(found) == len(drawn)
    for box, expected in zip(found, drawn, strict=True):
        assert box.iou(expected) > 0.5
        assert box.clip(Box(0, 0, 960, 384)) == box
    readings = subject.engine.recognize([page[box.y0 : box.y1, box.x0 : box.x1] for box in found])
    assert [reading.text.replace(" ", "") for reading in readings] == [text.replace(" ", "") for text in TEXTS[:3]]


def test_pages_of_many_sizes_keep_their_order(subject: Subject) -> None:
    line = subject.draw("Nobody knows")
    pages = []
    for index in range(9):
        page, _ = on_page([line] * (index % 3), width=500 + 150 * (index % 4), height=384)
        pages.append(page)
    assert [len(boxes) for boxes in subject.engine.detect(pages)] == [index % 3 for index in range(9)]


def test_an_empty_batch_gives_nothing(subject: Subject) -> None:
    assert subject.engine.detect([]) == []
    assert subject.engine.recognize([]) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 7), (4000, 40), (40, 9000), (2200, 4100)])
def test_any_size_is_taken(subject: Subject, shape: tuple[int, int]) -> None:
    image = np.full(shape, 90, np.uint8)
    (boxes,) = subject.engine.detect([image])
    (reading,) = subject.engine.recognize([image])
    assert all(found.box.clip(Box(0, 0, shape[1], shape[0])) == found.box for found in boxes)
    assert boxes == ()
    # Some models see a character in anything, and say how little they believe it.
    assert reading.text == "" or reading.confidence < 0.3


def test_noise_gives_results_within_bounds(subject: Subject) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (200, 700), np.uint8)
    (boxes,) = subject.engine.detect([noise])
    assert all(found.box.area and 0 <= found.score <= 1 for found in boxes)
    (reading,) = subject.engine.recognize([noise])
    assert 0 <= reading.confidence <= 1


def test_read_only_and_strided_pictures_are_taken(subject: Subject) -> None:
    line = subject.draw("Nobody knows")
    large = np.repeat(np.repeat(line, 2, axis=0), 2, axis=1)
    large.flags.writeable = False
    view = large[::2, ::2]
    assert subject.engine.recognize([view]) == subject.engine.recognize([line])
    assert subject.engine.detect([view]) == subject.engine.detect([line])


def test_the_same_input_gives_the_same_output_and_is_not_changed(subject: Subject) -> None:
    page, _ = on_page([subject.draw(text) for text in TEXTS[:3]])
    before = page.copy()
    assert subject.engine.detect([page]) == subject.engine.detect([page])
    assert subject.engine.recognize([page[:100]]) == subject.engine.recognize([page[:100]])
    assert np.array_equal(page, before)


def test_results_survive_pickling(subject: Subject) -> None:
    page, _ = on_page([subject.draw("Nobody knows")])
    found = subject.engine.detect([page]), subject.engine.recognize([page[24:72, 40:500]])
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.float32), np.zeros((0, 4), np.uint8)]
)
def test_what_is_no_grey_picture_is_refused(subject: Subject, bad: Luma) -> None:
    with pytest.raises(InternalError):
        subject.engine.detect([bad])
    with pytest.raises(InternalError):
        subject.engine.recognize([bad])


def test_calls_before_load_and_after_close_are_refused(name: str, work_dir: Path) -> None:
    engine = create_engine(settings(name, work_dir))
    with pytest.raises(InternalError):
        engine.detect([])
    engine.load()
    with pytest.raises(InternalError):
        engine.load()
    engine.close()
    engine.close()
    for call in (lambda: engine.detect([]), lambda: engine.recognize([]), engine.load):
        with pytest.raises(InternalError):
            call()
