"""Every line of every crop is found where it is, in reading order, and recognised once for as long as it stays.

An unsure line is looked at twice more, and the majority is what it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.support.fonts import latin_font
from tests.support.text_pictures import background, write
from yivideo_ray.geometry import Box
from yivideo_ray.ocr.testing.pattern import draw_pattern
from yivideo_ray.ocr.testing.scripted import Script, ScriptedEngine
from yivideo_ray.stages.create_stitched_images import create_stitched_images
from yivideo_ray.stages.perform_ocr import perform_ocr
from yivideo_ray.types import CharReading, Crop, CropMeta, CropText, Luma, Reading, TextBox


class CountingEngine(ScriptedEngine):
    def __init__(self) -> None:
        super().__init__(Script())
        self.recognised = 0

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        self.recognised += len(lines)
        return super().recognize(lines)


class WaveringEngine(CountingEngine):
    """Gives the next of some readings for each picture, and keeps the pictures."""

    def __init__(self, *looks: Reading) -> None:
        super().__init__()
        self.pictures: list[Luma] = []
        self._looks = iter(looks)
        self.load()

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        self.recognised += len(lines)
        self.pictures += lines
        return [next(self._looks) for _ in lines]


def look(text: str, confidence: float = 0.99, least: float | None = None) -> Reading:
    """A reading with this confidence in the mean, `least` that in its last character."""
    shares = [index / len(text) for index in range(len(text) + 1)]
    sure = [confidence] * (len(text) - 1) + [confidence if least is None else least]
    chars = tuple(
        CharReading(char, char_sure, x0, x1, 0.0)
        for char, char_sure, x0, x1 in zip(text, sure, shares[:-1], shares[1:], strict=True)
    )
    return Reading(text, confidence, chars)


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


def read_texts(crops: Sequence[Crop], engine: ScriptedEngine) -> tuple[CropText, ...]:
    return perform_ocr(create_stitched_images(crops), engine)


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


class PlacedEngine(WaveringEngine):
    """Finds the boxes it is told in pictures of some least width, nothing in others, and keeps the pictures' shapes."""

    def __init__(self, *looks: Reading, boxes: Sequence[Box], least_width: int = 0, most_width: int = 10_000) -> None:
        super().__init__(*looks)
        self.shapes: list[tuple[int, ...]] = []
        self._boxes, self._widths = boxes, range(least_width, most_width)

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        self.shapes += [image.shape for image in images]
        return [
            tuple(TextBox(box, 0.9) for box in self._boxes) if image.shape[1] in self._widths else ()
            for image in images
        ]


def shining(seed: int, text: str) -> Luma:
    """A line before bright spots that lie elsewhere for each seed, none of them beside it."""
    spots = np.random.default_rng(seed).random((96 // 6, 240 // 6)) < 0.15
    ground = np.full((96, 640), 60, np.uint8)
    ground[:, 200:440] += np.kron(spots, np.full((6, 6), 60, np.uint8))
    return write(ground, text)


@pytest.mark.parametrize(("second", "recognised"), [("They never told us why", 1), ("They never held us why", 2)])
def test_a_line_that_stays_is_known_again_through_what_shines_between_its_letters(second: str, recognised: int) -> None:
    engine = PlacedEngine(look("first"), look("second"), boxes=[Box(120, 33, 365, 57), Box(120, 117, 365, 141)])
    texts = ("They never told us why", second)
    crops = [Crop(crop([""], 10 * n, 10 * n + 10).meta, shining(n, text)) for n, text in enumerate(texts)]
    perform_ocr(create_stitched_images(crops), engine)
    assert engine.recognised == recognised


def boxed(text: str, ground: int) -> Luma:
    """A line of dark letters in a light box: all of the box but its letters is strokes, whatever the letters are."""
    image = Image.new("L", (640, 96), ground)
    draw = ImageDraw.Draw(image)
    draw.rectangle((110, 40, 530, 80), fill=225)
    draw.text((320, 60), text, font=latin_font(26), anchor="mm", fill=30)
    return np.asarray(image)


@pytest.mark.parametrize(("word", "recognised"), [("cold", 1), ("bold", 2), ("take", 2)])
def test_dark_letters_that_change_in_a_light_box_are_recognised_again(word: str, recognised: int) -> None:
    engine = PlacedEngine(look("first"), look("second"), boxes=[Box(90, 33, 390, 57), Box(90, 117, 390, 141)])
    crops = [
        Crop(crop([""], 10 * n, 10 * n + 10).meta, boxed(f"They {text} us why in the end", 100 + 40 * n))
        for n, text in enumerate(("cold", word))
    ]
    perform_ocr(create_stitched_images(crops), engine)
    assert engine.recognised == recognised


def test_a_short_word_that_takes_anothers_place_is_recognised_on_its_own() -> None:
    engine = PlacedEngine(look("Go!"), look("Oh!"), boxes=[Box(215, 33, 266, 57), Box(215, 117, 266, 141)])
    crops = [
        Crop(crop([""], 10 * n, 10 * n + 10).meta, write(background(0), text)) for n, text in enumerate(("Go!", "Oh!"))
    ]
    perform_ocr(create_stitched_images(crops), engine)
    assert engine.recognised == 2


@pytest.mark.parametrize(("least", "text"), [(0.3, "She"), (0.9, "MShe")])
def test_an_unsure_character_beyond_the_line_that_was_found_is_dropped(least: float, text: str) -> None:
    # A bright bar as high as a letter stands left of the line that detection found, near enough to belong to it.
    image = np.full((100, 400), 60, np.uint8)
    image[40:70, 80:84] = 235
    image[40:70, 120:300:8] = 235
    boxes = [Box(75, 28, 225, 56)]
    chars = look("MShe", 0.99).chars
    reading = Reading("MShe", 0.99, (replace(chars[0], confidence=least, x0=0.0, x1=0.1), *chars[1:]))
    engine = PlacedEngine(*([reading] * 3), boxes=boxes)
    meta = crop([""], 0, 10).meta
    assert read([Crop(meta, image)], engine) == {"0-0": [text]}


def test_a_line_that_is_found_twice_is_one() -> None:
    engine = PlacedEngine(look("whole line"), boxes=[Box(75, 28, 160, 56), Box(72, 27, 225, 57)])
    assert read([crop([""], 0, 10)], engine) == {"0-0": ["whole line"]}


def test_a_line_that_is_found_in_parts_is_one() -> None:
    engine = PlacedEngine(look("all of it"), boxes=[Box(120, 33, 250, 57), Box(240, 34, 365, 57)])
    crops = [Crop(crop([""], 0, 10).meta, write(background(0), "They never told us why"))]
    (text,) = perform_ocr(create_stitched_images(crops), engine)
    assert [line.text for line in text.lines] == ["all of it"]
    assert text.lines[0].box.x0 < 180
    assert text.lines[0].box.x1 > 460


def test_two_lines_side_by_side_stay_two() -> None:
    picture = write(write(background(0), "Left", middle=(180, 60)), "Right", middle=(460, 60))
    engine = PlacedEngine(look("Left"), look("Right"), boxes=[Box(115, 33, 155, 57), Box(320, 33, 370, 57)])
    (text,) = perform_ocr(create_stitched_images([Crop(crop([""], 0, 10).meta, picture)]), engine)
    assert [line.text for line in text.lines] == ["Left", "Right"]


def test_a_small_crop_in_which_nothing_is_found_is_looked_at_again_at_full_size() -> None:
    engine = PlacedEngine(look("I"), boxes=[Box(40, 30, 60, 70)], most_width=200)
    small, large = crop([""], 0, 10), crop([""], 10, 20)
    small = Crop(small.meta, np.ascontiguousarray(small.image[:, :120]))
    assert read([small, large], engine) == {"0-0": ["I"], "0-10": []}
    assert engine.shapes[1:] == [small.image.shape]


def high_crop(text: str) -> Crop:
    picture = write(np.pad(background(0), ((0, 44), (0, 0)), mode="reflect")[:, :600], text, middle=(240, 60))
    return Crop(replace(crop([""], 0, 10).meta, box=Box(100, 500, 700, 640)), np.ascontiguousarray(picture))


def test_what_is_too_high_for_a_line_takes_none_beside_it_along() -> None:
    engine = PlacedEngine(look("all of it"), boxes=[Box(120, 33, 250, 57), Box(245, 5, 330, 90)])
    (text,) = perform_ocr(create_stitched_images([high_crop("They never told us")]), engine)
    assert [line.text for line in text.lines] == ["all of it"]
    assert text.lines[0].box.height < 40


def test_a_crop_in_which_all_is_too_high_for_a_line_is_looked_at_again_at_full_size() -> None:
    # The same box is 96 pixels high where the picture was shrunk, and 72 where it was not.
    engine = PlacedEngine(look("There."), boxes=[Box(100, 20, 300, 92)])
    assert read([high_crop("There.")], engine) == {"0-0": ["There."]}
    assert engine.shapes[1:] == [(140, 600)]


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


def test_an_unsure_line_is_read_three_times_and_the_majority_wins() -> None:
    engine = WaveringEngine(look("hcuse", 0.9), look("house", 0.9), look("house", 0.8))
    assert read([crop(["line"], 0, 10)], engine) == {"0-0": ["house"]}
    assert engine.recognised == 3


def test_two_looks_that_disagree_do_not_change_an_unsure_line() -> None:
    engine = WaveringEngine(look("house", 0.9), look("hcuse", 0.8), look("hoose", 0.8))
    assert read([crop(["line"], 0, 10)], engine) == {"0-0": ["house"]}


def test_one_unsure_character_makes_a_line_unsure() -> None:
    engine = WaveringEngine(look("housc", 0.98, least=0.5), look("house"), look("house"))
    assert read([crop(["line"], 0, 10)], engine) == {"0-0": ["house"]}


def test_a_sure_line_is_read_once() -> None:
    engine = WaveringEngine(look("house", 0.98))
    assert read([crop(["line"], 0, 10)], engine) == {"0-0": ["house"]}
    assert engine.recognised == 1


def test_a_line_in_which_nothing_was_read_is_not_read_again() -> None:
    engine = WaveringEngine(Reading("", 0.0))
    assert read([crop(["line"], 0, 10)], engine) == {"0-0": []}
    assert engine.recognised == 1


def test_the_second_look_is_narrower_and_the_third_from_farther_off() -> None:
    engine = WaveringEngine(look("line", 0.5), look("line"), look("line"))
    read([crop(["line"], 0, 10)], engine)
    (height, width), second, third = (picture.shape for picture in engine.pictures)
    assert second[0] == height
    assert 0.8 * width < second[1] < 0.9 * width
    assert third[0] - height == third[1] - width > 0


def test_each_unsure_line_gets_the_looks_at_itself() -> None:
    first = [look("sure"), look("cat", 0.9), look("firm"), look("hen", 0.9)]
    again = [look("cut"), look("cut"), look("ham"), look("ham")]
    engine = WaveringEngine(*first, *again)
    assert read([crop(["a", "b", "c", "d"], 0, 10)], engine) == {"0-0": ["sure", "cut", "firm", "ham"]}


def test_a_crop_counts_the_pictures_of_its_lines_that_were_recognised() -> None:
    engine = WaveringEngine(look("sure"), look("cat", 0.9), look("firm"), look("cut"), look("cut"))
    texts = read_texts([crop(["a", "b"], 0, 10), crop([""], 10, 20), crop(["c"], 20, 30)], engine)
    assert [text.recognised for text in texts] == [4, 0, 1]
    assert engine.recognised == 5


def test_a_line_that_stays_counts_once_where_its_clearest_picture_is(engine: CountingEngine) -> None:
    texts = read_texts([crop(["stays"], 0, 10), crop(["stays", "come"], 10, 40)], engine)
    assert [len(text.lines) for text in texts] == [1, 2]
    assert [text.recognised for text in texts] == [0, 2]
    assert engine.recognised == 2


def test_an_unsure_line_that_stays_is_read_three_times_in_all_and_mended_in_both_crops() -> None:
    engine = WaveringEngine(look("hcuse", 0.9), look("house", 0.9), look("house", 0.8))
    texts = read_texts([crop(["stays"], 0, 10), crop(["stays"], 10, 20)], engine)
    assert [[line.text for line in text.lines] for text in texts] == [["house"], ["house"]]
    assert [text.recognised for text in texts] == [3, 0]
