"""The videos that several benchmarks work on: made, repeated, copied, and where their subtitles stand."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from benchmarks.corpus.cases import CaseSpec, TextStyle
from benchmarks.corpus.sentences import load_sentences
from yivideo_ray.config import Settings
from yivideo_ray.ocr.contract import OcrEngine
from yivideo_ray.ocr.testing.pattern import draw_pattern
from yivideo_ray.stages.detect_subtitle_area import detect_subtitle_area, is_conclusive
from yivideo_ray.stages.extract_keyframes import extract_keyframes
from yivideo_ray.types import SubtitleArea, VideoInfo

__all__ = ["copies", "find_area", "minute_spec", "pattern_videos", "repeat"]

MINUTE_S = 60
SEED = 900


def minute_spec(width: int = 1280, height: int = 720, seconds: int = MINUTE_S) -> CaseSpec:
    """Returns the spec of a video at 25 frames a second in which a cue begins every 2 to 3 s."""
    rng = random.Random(SEED)
    sentences = [lines for lines in load_sentences("en") if all(len(line) < 45 for line in lines)]
    script: list[tuple[float, float, tuple[str, ...]]] = []
    start_s = 0.6
    while start_s < seconds - 3:
        every_s = round(rng.uniform(2, 3), 2)
        script.append(
            (round(start_s, 2), round(start_s + every_s - rng.choice((0, 0.12, 0.4)), 2), rng.choice(sentences))
        )
        start_s += every_s
    style = TextStyle("sans", 0.060, outline=0.07)
    name = f"speed_{height}p25" if seconds == MINUTE_S else f"speed_{height}p25_{seconds}s"
    return CaseSpec(name, width, height, "25", "en", style, seed=SEED, duration_s=float(seconds), script=tuple(script))


def repeat(video: Path, minutes: int, path: Path) -> Path:
    """Writes the video's packets over and over until they last so many minutes, without encoding them again.

    Each turn ends with the last key frame: turns of a whole minute would show samples that are a whole number of
    seconds apart the same few frames again and again, as if they never changed.
    """
    if path.exists() and path.stat().st_mtime_ns >= video.stat().st_mtime_ns:
        return path
    with av.open(str(video)) as source, av.open(str(path), "w") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        assert stream.time_base is not None
        turn = max(packet.pts for packet in source.demux(stream) if packet.is_keyframe and packet.pts is not None)
        end = round(minutes * 60 / stream.time_base)
        for start in range(0, end, turn):
            source.seek(0)
            for packet in source.demux(stream):
                if packet.dts is None or packet.pts is None:
                    continue
                if packet.is_keyframe and (packet.pts >= turn or start + packet.pts >= end):
                    break
                packet.pts += start
                packet.dts += start
                packet.stream = copy
                output.mux(packet)
    return path


def copies(video: Path, count: int, directory: Path) -> list[Path]:
    """Returns so many names for the video, each of which is other work to a workflow."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    paths = [directory / f"{video.stem}-{number}{video.suffix}" for number in range(count)]
    for path in paths:
        os.link(video, path)
    return paths


def find_area(info: VideoInfo, settings: Settings, engine: OcrEngine) -> SubtitleArea:
    """Returns the area, from a full look where a quick one doesn't tell. Errors: those of the first two stages."""
    samples = extract_keyframes(info, settings, quick=True)
    area = detect_subtitle_area(info, samples.frames, engine, settings.area_detector)
    if samples.full or is_conclusive(area):
        return area
    samples = extract_keyframes(info, settings)
    return detect_subtitle_area(info, samples.frames, engine, settings.area_detector)


WIDTH, HEIGHT, RATE = 640, 360, 25
SHOWN, APART, FIRST = 25, 50, 10
WORDS = ("fox", "lion", "grey cat", "owls", "big dog", "mouse", "elephants", "a hen", "apes", "wolf", "seal", "crow")


def pattern_videos(directory: Path, count: int, seed: int) -> list[Path]:
    """Writes videos of 12 to 24 s, each with texts of its own, one every two seconds; those that exist are kept."""
    rng = random.Random(seed)
    paths = []
    for number in range(count):
        texts = [f"{word} {number}" for word in rng.sample(WORDS, rng.randint(6, 12))]
        path = directory / f"pattern-{seed}-{number}.mp4"
        if not path.exists():
            _write(path, texts)
        paths.append(path)
    return paths


def _write(path: Path, texts: list[str]) -> None:
    patterns = [draw_pattern(text, column_px=3) for text in texts]
    aside = path.with_suffix(".part")
    with av.open(str(aside), "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size = RATE
        for number in range(FIRST + APART * len(texts)):
            picture = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
            index, since = divmod(number - FIRST, APART)
            if 0 <= index < len(patterns) and since < SHOWN:
                rows, columns = patterns[index].shape
                x0, y0 = (WIDTH - columns) // 2, HEIGHT - rows - 30
                picture[y0 : y0 + rows, x0 : x0 + columns] = patterns[index][:, :, None]
            output.mux(stream.encode(VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    aside.rename(path)
