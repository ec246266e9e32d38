"""Makes the pictures of the docs.

python -m benchmarks.make_pictures readme    docs/demo.png: a frame of samples/demo.mp4, and the SRT lines of it
python -m benchmarks.make_pictures layers    docs/layers/: what `yivideo area` draws of three videos of the made corpus
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.corpus.cases import cases_named
from benchmarks.corpus.making import ensure_corpus
from tests.support.fonts import font_named
from yivideo_ray.cli import main as yivideo
from yivideo_ray.config import DecoderSettings
from yivideo_ray.media import plan_chunks, probe, read_chunk

__all__ = ["main"]

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SAMPLES = ROOT / "samples"
# In the middle of the cue that is shown, which lies between two others.
FRAME_S = 12.6
CUES = (4, 5, 6)
FRAME_PX = (520, 292)
ARROW_PX = 60
TEXT_PX = (340, 17, 23)
"""The width of the text, the size of its letters, the height of a line."""
MARGIN_PX = 12
COLORS = 192
LAYERS_OF = ("en_scene_text_720p25", "en_logo_and_ticker_720p25", "en_top_and_bottom_720p25")
LAYERS_WIDTH_PX = 1280
LAYERS_QUALITY = 82
PAPER, INK, FAINT = (255, 255, 255), (31, 35, 40), (140, 149, 159)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.make_pictures", description="Makes the pictures of the docs.")
    parser.add_argument("picture", choices=("readme", "layers"))
    parser.add_argument("--out", type=Path, default=DOCS, help="the folder (docs)")
    arguments = parser.parse_args(argv)
    return (draw_readme if arguments.picture == "readme" else draw_layers)(arguments.out)


def draw_readme(folder: Path) -> int:
    """Draws a frame of the sample with its subtitle, and the lines of the SRT file that belong to it; returns 0."""
    width, height = FRAME_PX
    picture = Image.new("RGB", (width + ARROW_PX + TEXT_PX[0] + 2 * MARGIN_PX, height + 2 * MARGIN_PX), PAPER)
    picture.paste(frame_at(SAMPLES / "demo.mp4", FRAME_S).resize(FRAME_PX, Image.Resampling.LANCZOS), (MARGIN_PX,) * 2)
    draw = ImageDraw.Draw(picture)
    _draw_arrow(draw, MARGIN_PX + width, MARGIN_PX + height // 2)
    _write_cues(draw, MARGIN_PX + width + ARROW_PX, (SAMPLES / "demo.reference.srt").read_text(encoding="utf-8"))
    # Far fewer bytes than with all colours, and hardly another picture.
    path = folder / "demo.png"
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path, path.stat().st_size, "bytes")
    return 0


def draw_layers(folder: Path) -> int:
    """Draws the layers of three made videos; returns the command's exit code."""
    (folder / "layers").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        for truth in ensure_corpus(cases_named(LAYERS_OF), Path(made)):
            drawn = Path(made) / f"{truth.video.stem}.png"
            code = yivideo(["area", str(truth.video), "-o", str(drawn)])
            if code:
                return code
            picture = Image.open(drawn).convert("RGB")
            picture.thumbnail((LAYERS_WIDTH_PX, LAYERS_WIDTH_PX), Image.Resampling.LANCZOS)
            path = folder / "layers" / f"{truth.video.stem}.jpg"
            picture.save(path, quality=LAYERS_QUALITY, optimize=True)
            print(path, path.stat().st_size, "bytes")
    return 0


def frame_at(video: Path, time_s: float) -> Image.Image:
    """Returns the first frame that is shown at that time or later."""
    settings = DecoderSettings(backend="cpu")
    info = probe(video, settings)
    (span,) = plan_chunks(info, info.duration_s or 1.0)
    with read_chunk(info, span, settings) as frames:
        frame = next(frame for frame in frames if info.seconds(frame.pts) >= time_s)
        return Image.fromarray(np.ascontiguousarray(frame.bgr()[..., ::-1]))


def _draw_arrow(draw: ImageDraw.ImageDraw, x: int, y: int) -> None:
    x0, x1 = x + 14, x + ARROW_PX - 14
    draw.line((x0, y, x1 - 8, y), FAINT, 4)
    draw.polygon(((x1 - 12, y - 9), (x1 + 2, y), (x1 - 12, y + 9)), FAINT)


def _write_cues(draw: ImageDraw.ImageDraw, x: int, srt: str) -> None:
    """Writes some cues of an SRT file, that of the frame darker than those before and behind it."""
    _, size, line_height = TEXT_PX
    font = font_named("cjk_sans", size)
    y = MARGIN_PX
    for number, block in enumerate(srt.strip().split("\n\n"), 1):
        if number not in CUES:
            continue
        for line in block.split("\n"):
            draw.text((x, y), line, INK if number == CUES[1] else FAINT, font)
            y += line_height
        y += line_height // 2


if __name__ == "__main__":
    sys.exit(main())
