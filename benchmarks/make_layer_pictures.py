"""Makes the pictures of docs/layers/: what `yivideo area` draws of three videos of the made corpus.

python -m benchmarks.make_layer_pictures [DIR]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from benchmarks.corpus.cases import cases_named
from benchmarks.corpus.making import ensure_corpus
from yivideo_ray.cli import main as yivideo

__all__ = ["CASES", "main"]

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "layers"
CASES = ("en_scene_text_720p25", "en_logo_and_ticker_720p25", "en_top_and_bottom_720p25")
WIDTH_PX = 1280
QUALITY = 82


def main(argv: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else list(argv)
    out = Path(arguments[0]) if arguments else PICTURES
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for truth in ensure_corpus(cases_named(CASES), Path(folder)):
            drawn = Path(folder) / f"{truth.video.stem}.png"
            code = yivideo(["area", str(truth.video), "-o", str(drawn)])
            if code:
                return code
            picture = Image.open(drawn).convert("RGB")
            picture.thumbnail((WIDTH_PX, WIDTH_PX), Image.Resampling.LANCZOS)
            path = out / f"{truth.video.stem}.jpg"
            picture.save(path, quality=QUALITY, optimize=True)
            print(path, path.stat().st_size, "bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
