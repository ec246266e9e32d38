"""Lines and sheets, and what the CPU's own way finds and reads in them: made once, without a GPU."""

from __future__ import annotations

import pickle
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.corpus.sentences import is_cjk, load_sentences
from tests.support.fonts import font_named
from yivideo_ray.config import OcrSettings
from yivideo_ray.files import write_atomically
from yivideo_ray.ocr.backend import Backend
from yivideo_ray.ocr.embedded import embedded_model
from yivideo_ray.ocr.models import Model, Role
from yivideo_ray.types import Luma, Reading, TextBox

__all__ = ["Fixtures", "embedded", "load", "make"]

LANGUAGES = ("en", "zh", "de", "ja", "fr", "es")
SHEET = (960, 736)
SEED = 20


@dataclass(frozen=True, slots=True)
class Fixtures:
    """Pictures, and the CPU's answers to them in the same order."""

    lines: list[Luma]
    readings: list[Reading]
    sheets: list[Luma]
    boxes: list[tuple[TextBox, ...]]


def embedded(work: Path) -> tuple[Model, Model]:
    """Returns the embedded models for detection and recognition."""
    return embedded_model("onnxruntime", Role.DETECTION, work), embedded_model("onnxruntime", Role.RECOGNITION, work)


def make(path: Path, lines: int, sheets: int) -> Fixtures:
    """Draws so many lines and sheets, has the CPU answer, writes all to a file and returns it."""
    rng = random.Random(SEED)
    drawn = [_line(rng) for _ in range(lines)]
    pages = [_sheet(rng) for _ in range(sheets)]
    backend = Backend(OcrSettings(), *embedded(path.parent), gpu=False)
    found = Fixtures(drawn, backend.recognize(drawn), pages, backend.detect(pages))
    backend.close()
    write_atomically(path, pickle.dumps(found))
    return found


def load(path: Path) -> Fixtures:
    found: Fixtures = pickle.loads(path.read_bytes())
    return found


def _line(rng: random.Random) -> Luma:
    """Returns a line of light text with a dark outline on a noisy ground, in a height and a length as they come."""
    text = rng.choice(rng.choice([load_sentences(name) for name in LANGUAGES]))[0]
    # Subtitles are broken into lines; some are a word, few the whole sentence.
    text = text[: rng.choice((4, 12, 24, 24, 40, 40, 80))].strip() or text
    size = rng.randint(22, 44)
    font = font_named("cjk_sans" if is_cjk(text) else rng.choice(("sans", "sans_bold", "serif")), size)
    x0, y0, x1, y1 = ImageDraw.Draw(Image.new("L", (1, 1))).textbbox((0, 0), text, font=font, stroke_width=2)
    ground = np.random.default_rng(rng.getrandbits(32)).normal(
        rng.randint(40, 140), 12, (int(y1 - y0) + 12, int(x1 - x0) + 16)
    )
    picture = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
    ImageDraw.Draw(picture).text((8 - x0, 6 - y0), text, font=font, fill=235, stroke_width=2, stroke_fill=16)
    return np.asarray(picture)


def _sheet(rng: random.Random) -> Luma:
    """Returns a page full of lines below each other."""
    width, height = SHEET
    page = np.full((height, width), 90, np.uint8)
    top = 12
    while top < height - 70:
        line = _line(rng)[:, : width - 40]
        page[top : top + line.shape[0], 20 : 20 + line.shape[1]] = line[: height - top]
        top += line.shape[0] + rng.randint(14, 30)
    return page
