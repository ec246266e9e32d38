"""Reads with models of your own: any object with the two methods of yivideo_ray.ocr.contract.OcrModels.

    python examples/own_engine.py film.mp4

This one passes everything on to the embedded engine and counts what it is asked; put your own models in its place.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from yivideo_ray import extract, load_settings
from yivideo_ray.ocr import load_engine
from yivideo_ray.types import Luma, Reading, TextBox


class CountingModels:
    """Detection and recognition, counted."""

    def __init__(self) -> None:
        self.engine, self.facts = load_engine(load_settings())
        self.pictures = self.lines = 0

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        """Returns the boxes of the text lines in each grey picture, shape (H, W), uint8, in its own pixels."""
        self.pictures += len(images)
        return self.engine.detect(images)

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        """Returns the text of each picture of one line, with its confidence and its characters."""
        self.lines += len(lines)
        return self.engine.recognize(lines)


def main(video: Path) -> None:
    models = CountingModels()
    result = extract(video, models=models)
    models.engine.close()
    print(result.as_text("txt"), end="")
    print(f"{models.pictures} pictures were searched and {models.lines} lines read.", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
