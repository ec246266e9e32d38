"""Stages 1 to 5 over a directory of videos: what was read in each, kept as JSON for the fits.

    python -m training.readings DIR [--out DIR] [--jobs N]

Reading takes minutes, a fit seconds: so that fits can be tried, what was read is kept (training/out/DIR's name by
default), and a video whose file of readings is there is left out. Delete the files after a change to stages 1 to 5.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from json import dumps
from pathlib import Path

from yivideo_ray.codec import as_plain, parsed
from yivideo_ray.config import Settings, load_settings
from yivideo_ray.errors import YivideoError
from yivideo_ray.journal import Journal
from yivideo_ray.locations import location_named
from yivideo_ray.media import probe
from yivideo_ray.ocr import load_engine
from yivideo_ray.ocr.contract import OcrModels
from yivideo_ray.pipeline import InProcess, find_area
from yivideo_ray.types import CropMeta, CropText, EngineFacts, Stage, SubtitleArea, VideoInfo

__all__ = ["OUT", "Kept", "load", "main"]

OUT = Path(__file__).with_name("out")
VIDEOS = {".mp4", ".mkv", ".webm", ".avi", ".mov", ".ts"}


@dataclass(frozen=True, slots=True)
class Kept:
    """What stages 1 to 5 gave for a video, and the CPU seconds that they took."""

    info: VideoInfo
    area: SubtitleArea
    crops: tuple[CropMeta, ...]
    texts: tuple[CropText, ...]
    cpu_s: float


def load(directory: Path) -> Iterator[tuple[str, Kept]]:
    """Yields the name of each video whose readings lie in a directory, and these, in the order of names."""
    for path in sorted(directory.glob("*.json")):
        yield path.stem, parsed(Kept, path.read_bytes())


def _read(video: Path, settings: Settings) -> Kept:
    started = time.process_time()
    info = probe(location_named(str(video)), settings.decoder, settings.storage.allowed_urls)
    journal = Journal("training", str(video), info.duration_s, lambda _: None)
    stages = InProcess(info, settings, journal, _models)

    async def run() -> Kept:
        area = await find_area(stages)
        readings = await stages.read_crops(area, Stage.PERFORM_OCR)
        return Kept(info, area, readings.crops, readings.texts, time.process_time() - started)

    return asyncio.run(run())


@cache
def _models() -> tuple[OcrModels, EngineFacts]:
    return load_engine(load_settings())


def _keep(video: Path, target: Path) -> str:
    try:
        kept = _read(video, load_settings())
    except YivideoError as error:
        return f"{video.name}: {error}"
    aside = target.with_suffix(".tmp")
    aside.write_text(dumps(as_plain(kept), ensure_ascii=False), encoding="utf-8")
    aside.rename(target)
    return f"{video.name}: {len(kept.area.bands)} regions, {len(kept.crops)} crops, {kept.cpu_s:.1f} s"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.readings", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: training/out/NAME of DIR")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="videos at a time (default: %(default)s)")
    options = parser.parse_args(argv)
    out = options.out or OUT / options.directory.resolve().name
    out.mkdir(parents=True, exist_ok=True)
    videos = sorted(path for path in options.directory.iterdir() if path.suffix.lower() in VIDEOS)
    missing = [video for video in videos if not (out / f"{video.stem}.json").exists()]
    with ProcessPoolExecutor(options.jobs) as pool:
        for line in pool.map(_keep, missing, [out / f"{video.stem}.json" for video in missing]):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
