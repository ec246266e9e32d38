"""Makes docs/demo.png, the picture in README.md: a frame of samples/demo.mp4 with its subtitle, and the lines of the
SRT file that belong to it.

python -m benchmarks.make_readme_picture [FILE]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from tests.support.fonts import font_named
from yivideo_ray.config import DecoderSettings
from yivideo_ray.media import plan_chunks, probe, read_chunk

__all__ = ["PICTURE", "main"]

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "demo.png"
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
PAPER, INK, FAINT = (255, 255, 255), (31, 35, 40), (140, 149, 159)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else list(argv)
    out = Path(arguments[0]) if arguments else PICTURE
    width, height = FRAME_PX
    picture = Image.new("RGB", (width + ARROW_PX + TEXT_PX[0] + 2 * MARGIN_PX, height + 2 * MARGIN_PX), PAPER)
    picture.paste(frame_at(SAMPLES / "demo.mp4", FRAME_S).resize(FRAME_PX, Image.Resampling.LANCZOS), (MARGIN_PX,) * 2)
    draw = ImageDraw.Draw(picture)
    _draw_arrow(draw, MARGIN_PX + width, MARGIN_PX + height // 2)
    _write_cues(draw, MARGIN_PX + width + ARROW_PX, (SAMPLES / "demo.reference.srt").read_text(encoding="utf-8"))
    # Far fewer bytes than with all colours, and hardly another picture.
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(out, optimize=True)
    print(out, out.stat().st_size, "bytes")
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
