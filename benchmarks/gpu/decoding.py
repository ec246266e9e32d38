"""Phase nvdec: which videos the GPU decodes, whether to the same pictures, what it says of damage, how fast it is.

Each measured process decodes as a lane beside an actor does. Videos are drawn here, with PyAV as the package has it.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from benchmarks.gpu.rows import Row, Setup
from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import YivideoError
from yivideo_ray.geometry import Box
from yivideo_ray.media import cuda_decodes, gpu_refusal, probe, read_chunk
from yivideo_ray.runtime.gpu.device import gpu_memory, order_gpus
from yivideo_ray.stages.crop_subtitle_images import crop_subtitle_images
from yivideo_ray.types import Band, BandEvidence, ChunkSpan, SubtitleArea, VideoInfo

__all__ = ["nvdec"]

KINDS = (
    ("h264", "libx264", "yuv420p"),
    ("h264 with 10 bits", "libx264", "yuv420p10le"),
    ("hevc", "libx265", "yuv420p"),
    ("hevc with 10 bits", "libx265", "yuv420p10le"),
    ("hevc 4:4:4", "libx265", "yuv444p"),
    ("vp9", "libvpx-vp9", "yuv420p"),
    ("av1", "libsvtav1", "yuv420p"),
    ("mpeg2", "mpeg2video", "yuv420p"),
)
SMALL, LARGE = (640, 360), (1920, 1080)
WHOLE = ChunkSpan(0, None, None)
LANES = (1, 2, 4, 7)
OPENED = 5


def nvdec(setup: Setup) -> Iterator[Row]:
    order_gpus()
    backend = "cuda" if setup.device == "gpu" else "cpu"
    if backend == "cuda" and not cuda_decodes():
        yield Row("nvdec", "a drawn video is decoded on the GPU", "no", failed=True)
        return
    directory = setup.fixtures.parent / "clips"
    directory.mkdir(exist_ok=True)
    for name, codec, pixels in KINDS[: 2 if setup.quick else None]:
        video = _drawn(directory / f"{codec}-{pixels}.mkv", codec, pixels, SMALL, 30 if setup.quick else 120)
        yield _kind(name, probe(video, DecoderSettings()), backend)
    yield _damage(directory, backend)
    large = _drawn(directory / "large.mkv", "libx264", "yuv420p", LARGE, 25 if setup.quick else 750)
    info = probe(large, DecoderSettings())
    yield _opening(info, backend)
    yield from _rates(info, backend, (1, 2) if setup.quick else LANES)


def _kind(name: str, info: VideoInfo, backend: str) -> Row:
    if backend == "cuda":
        refusal = gpu_refusal(info, DecoderSettings())
        if refusal:
            return Row("nvdec", name, "not decoded", refusal)
    frames, decoder, _ = _frames(info, backend)
    plain = list(_plain(info))
    times = [pts for pts, _ in frames] == [pts for pts, _ in plain]
    pairs = zip(frames, plain, strict=False)
    worst = max((int(np.abs(ours.astype(int) - theirs).max()) for (_, ours), (_, theirs) in pairs), default=0)
    wrong = not times or (backend == "cuda" and (worst > 0 or decoder != "cuda"))
    answer = f"{decoder}, times {'equal' if times else 'differ'}"
    return Row("nvdec", name, answer, f"{len(frames)} frames, {worst} levels off at most", failed=wrong)


def _damage(directory: Path, backend: str) -> Row:
    whole = _drawn(directory / "whole.mkv", "libx264", "yuv420p", SMALL, 60)
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(byte ^ 0x5A for byte in data[middle : middle + 400])
    damaged = directory / "damaged.mkv"
    damaged.write_bytes(data)
    info = probe(damaged, DecoderSettings())
    ours, decoder, corrupt = _frames(info, backend)
    theirs, _, expected = _frames(info, "cpu")
    figure = f"{len(ours)} frames and {corrupt} packets lost, on a CPU {len(theirs)} and {expected}"
    return Row("nvdec", "400 bytes of h264 turned", f"decoded by {decoder}", figure)


def _opening(info: VideoInfo, backend: str) -> Row:
    took = []
    for _ in range(OPENED):
        began = time.perf_counter()
        with read_chunk(info, WHOLE, _settings(backend)) as reader:
            next(iter(reader))
        took.append(time.perf_counter() - began)
    memory = gpu_memory() if backend == "cuda" else None
    used = f", {(memory['process_bytes'] or memory['used_bytes']) / 2**20:.0f} MiB" if memory else ""
    return Row("nvdec", "to open and give one frame", f"{np.median(took) * 1e3:.0f} ms", f"first {took[0]:.2f} s{used}")


def _rates(info: VideoInfo, backend: str, lanes: tuple[int, ...]) -> Iterator[Row]:
    """Yields the frames per second of so many processes, each of which decodes the video and crops it."""
    found: dict[tuple[str, int], float] = {}
    cores = len(os.sched_getaffinity(0))
    for decoder, counts in (("cpu", (1, cores)), *((("cuda", lanes),) if backend == "cuda" else ())):
        for count in dict.fromkeys(counts):
            frames, wall_s = _side_by_side(info, decoder, count)
            found[decoder, count] = frames / wall_s
            yield Row("nvdec", f"{count} x 1080p by {decoder}, cropped", f"{frames / wall_s:.0f} frames/s")
    on_gpu = {count: rate for (decoder, count), rate in found.items() if decoder == "cuda"}
    if on_gpu:
        best = max(on_gpu, key=lambda count: on_gpu[count])
        wins = on_gpu[best] > found["cpu", cores]
        setting = f"gpu.decode_lanes: {best}" if wins else "decoder.backend: auto, no lanes"
        yield Row("nvdec", "faster", "the GPU" if wins else f"{cores} cores", "", setting)


def _side_by_side(info: VideoInfo, decoder: str, count: int) -> tuple[int, float]:
    # Fresh processes: one that was forked can't use CUDA.
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        # Each has imported all and opened the GPU before the clock starts.
        list(pool.map(_crop_first, [(info, decoder)] * count))
        began = time.perf_counter()
        frames = sum(pool.map(_crop, [(info, decoder)] * count))
        return frames, time.perf_counter() - began


def _crop_first(work: tuple[VideoInfo, str]) -> None:
    order_gpus()
    with read_chunk(work[0], WHOLE, _settings(work[1])) as reader:
        next(iter(reader))
    # So that no process takes the work of another one.
    time.sleep(1)


def _crop(work: tuple[VideoInfo, str]) -> int:
    info, decoder = work
    box = Box(0, info.height * 8 // 10, info.width, info.height)
    area = SubtitleArea((Band("bottom", box, 0.06 * info.height, BandEvidence(1, 1, 1, 1.0, "benchmark")),))
    return crop_subtitle_images(info, WHOLE, area, _settings(decoder))[0].frames


def _settings(backend: str) -> DecoderSettings:
    return DecoderSettings.model_validate({"backend": backend})


def _frames(info: VideoInfo, backend: str) -> tuple[list[tuple[int, Any]], str, int]:
    try:
        with read_chunk(info, WHOLE, _settings(backend)) as reader:
            frames = [(frame.pts, frame.luma().copy()) for frame in reader]
            return frames, reader.decoder, reader.corrupt_packets
    except YivideoError as error:
        return [], error.code.name, 0


def _plain(info: VideoInfo) -> Iterator[tuple[int | None, Any]]:
    with av.open(info.path) as container:
        for frame in container.decode(video=0):
            picture: Any = frame.to_ndarray()
            luma = picture[0] if picture.ndim == 3 and picture.shape[0] == 3 else picture[: frame.height]
            yield frame.pts, (luma >> (frame.format.components[0].bits - 8)).astype(np.uint8)


def _drawn(path: Path, codec: str, pixels: str, size: tuple[int, int], frames: int) -> Path:
    """Writes a video of a moving picture, unless it is there."""
    if path.exists():
        return path
    width, height = size
    slope = np.add.outer(np.arange(height), np.arange(width))
    with av.open(str(path), "w") as output:
        stream = cast("VideoStream", output.add_stream(codec, rate=25))
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        for number in range(frames):
            grey = np.abs((slope + 3 * number) % 400 - 200).astype(np.uint8)
            drawn = VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, axis=2), format="rgb24")
            output.mux(stream.encode(drawn))
        output.mux(stream.encode(None))
    return path
