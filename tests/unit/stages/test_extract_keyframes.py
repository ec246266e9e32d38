"""Stage 1 gives frames from all over the video, few and small, the same every time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.videos import frame_number, make_video
from yivideo_ray.config import AreaDetectorSettings, Settings
from yivideo_ray.media import probe
from yivideo_ray.stages.extract_keyframes import extract_keyframes
from yivideo_ray.types import SampledFrame, VideoInfo

NO_CUTS = {"x264-params": "scenecut=0"}


def sampled(
    path: Path, samples: int = 12, side_px: int = 960, interval_s: float = 1000
) -> tuple[VideoInfo, tuple[SampledFrame, ...]]:
    settings = Settings(
        area_detector=AreaDetectorSettings(samples=samples, frame_side_px=side_px, sample_interval_s=interval_s)
    )
    info = probe(path, settings.decoder)
    return info, extract_keyframes(info, settings).frames


RECIPES: dict[str, dict[str, Any]] = {
    "keys.mp4": {"gop": 10},
    "long-gops.mp4": {"gop": 130, "options": NO_CUTS},
    "one-gop.mkv": {"gop": 10_000, "options": NO_CUTS},
    "stream.ts": {"gop": 25, "start_s": 7},
    "b-frames.avi": {"gop": 50, "b_frames": 3},
    "unknown-duration.mkv": {"gop": 10, "mux_options": {"live": "1"}},
    "every.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
}


FRAMES = 600


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Returns a video of FRAMES for each recipe. All tests have the same: nothing may be written to them."""
    directory = tmp_path_factory.mktemp("films")
    return {
        name: make_video(directory / name, frames=FRAMES, size=(96, 64), **recipe) for name, recipe in RECIPES.items()
    }


@pytest.mark.parametrize("name", RECIPES)
def test_samples_are_spread_over_the_whole_video(films: dict[str, Path], name: str) -> None:
    info, samples = sampled(films[name])
    numbers = [frame_number(sample.luma) for sample in samples]
    assert 8 <= len(samples) <= 12
    assert all(before < after for before, after in pairwise(numbers))
    assert max(after - before for before, after in pairwise([0, *numbers, FRAMES])) <= FRAMES / 12 * 2.6
    for sample, number in zip(samples, numbers, strict=True):
        assert info.seconds(sample.pts) * 25 == pytest.approx(number, abs=2.1)


def test_the_same_video_gives_the_same_samples(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", frames=200, size=(96, 64), gop=90)
    first, second = sampled(path)[1], sampled(path)[1]
    assert [sample.pts for sample in first] == [sample.pts for sample in second]
    assert all(np.array_equal(a.luma, b.luma) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("quick", [True, False])
def test_no_damage_is_seen_in_an_undamaged_video(films: dict[str, Path], name: str, quick: bool) -> None:
    info = probe(films[name], Settings().decoder)
    samples = extract_keyframes(info, Settings(), quick=quick)
    assert (samples.holes, samples.corrupt_packets) == (0, 0)


@pytest.mark.parametrize(("name", "share"), [("keys.mp4", 10), ("long-gops.mp4", 16)])
def test_what_sampling_meets_of_damage_is_counted(tmp_path: Path, name: str, share: int) -> None:
    recipe = {**RECIPES[name], "mux_options": {"movflags": "faststart"}}
    path = make_video(tmp_path / name, frames=600, size=(96, 64), **recipe)
    data = path.read_bytes()
    begin, length = len(data) // 2, len(data) // share
    path.write_bytes(data[:begin] + b"\x55" * length + data[begin + length :])
    samples = extract_keyframes(probe(path, Settings().decoder), Settings())
    assert samples.holes or samples.corrupt_packets


@pytest.mark.parametrize("name", RECIPES)
def test_the_parts_together_are_the_whole(films: dict[str, Path], name: str) -> None:
    settings = Settings(area_detector=AreaDetectorSettings(samples=12))
    info = probe(films[name], settings.decoder)
    whole = [sample.pts for sample in extract_keyframes(info, settings).frames]
    for parts in (2, 3, 5):
        made = [extract_keyframes(info, settings, (part, parts)) for part in range(parts)]
        assert [sample.pts for samples in made for sample in samples.frames] == whole


def test_wide_frames_are_scaled_and_small_ones_are_not(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", frames=30, size=(480, 270))
    _, large = sampled(path, side_px=960)
    _, small = sampled(path, side_px=160)
    assert {(sample.luma.shape, sample.scale) for sample in large} == {((270, 480), 1.0)}
    assert {(sample.luma.shape, sample.scale) for sample in small} == {((90, 160), 1 / 3)}
    assert frame_number(small[0].luma) == frame_number(large[0].luma)


def test_a_turned_video_is_sampled_upright(tmp_path: Path) -> None:
    _, samples = sampled(make_video(tmp_path / "v.mp4", frames=30, size=(480, 270), rotation_deg=90), side_px=160)
    assert {sample.luma.shape for sample in samples} == {(160, 90)}


def test_a_longer_video_is_sampled_more_often(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", frames=500, size=(96, 64), gop=10)
    assert len(sampled(path, samples=4, interval_s=1.0)[1]) == 20
    assert len(sampled(path, samples=4, interval_s=10.0)[1]) == 4


def test_a_longer_video_with_rare_key_frames_is_sampled_at_those_alone(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", frames=600, size=(96, 64), gop=100, options=NO_CUTS)
    numbers = [frame_number(sample.luma) for sample in sampled(path, samples=4, interval_s=1.0)[1]]
    assert numbers == [0, 100, 200, 300, 400, 500]


@pytest.mark.parametrize(
    ("gop", "at_a_glance", "full"),
    [(75, 8, True), (90, 6, False), (100, 6, False), (130, 12, True)],
    ids=["enough", "more than half", "half", "few"],
)
def test_a_glance_takes_half_as_many_frames_as_wanted_where_there_are_so_many_key_frames(
    tmp_path: Path, gop: int, at_a_glance: int, full: bool
) -> None:
    path = make_video(tmp_path / "v.mp4", frames=600, size=(96, 64), gop=gop, options=NO_CUTS)
    settings = Settings(area_detector=AreaDetectorSettings(samples=12))
    info = probe(path, settings.decoder)
    quick, look = extract_keyframes(info, settings, quick=True), extract_keyframes(info, settings)
    assert (len(quick.frames), quick.full) == (at_a_glance, full)
    assert look.full
    assert ([frame.pts for frame in quick.frames] == [frame.pts for frame in look.frames]) is full
    if not full:
        assert [frame_number(sample.luma) % gop for sample in quick.frames] == [0] * at_a_glance
        assert len(look.frames) == 12


def test_a_single_frame_is_one_sample(tmp_path: Path) -> None:
    for name, codec in (("v.mp4", "libx264"), ("v.avi", "mpeg4")):
        assert len(sampled(make_video(tmp_path / name, frames=1, size=(96, 64), codec=codec))[1]) == 1


def test_a_truncated_video_is_sampled_as_far_as_it_goes(tmp_path: Path) -> None:
    path = make_video(tmp_path / "t.mp4", frames=300, size=(96, 64), mux_options={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2])
    _, samples = sampled(path)
    assert samples
    assert max(frame_number(sample.luma) for sample in samples) < 250
