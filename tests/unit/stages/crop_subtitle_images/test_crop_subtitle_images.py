"""Crops are the same however the video is cut into chunks, and exact to the frame."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.videos import Subtitle, make_video
from yivideo_ray.config import DecoderSettings
from yivideo_ray.geometry import Box
from yivideo_ray.media import ChunkReader, plan_chunks, probe, read_chunk
from yivideo_ray.stages.crop_subtitle_images import (
    CROPS_PER_PART,
    ChunkCrops,
    crop_subtitle_images,
    keep_uncovered,
)
from yivideo_ray.types import Band, BandEvidence, ChunkSpan, Crop, CropMeta, SubtitleArea, VideoInfo

SETTINGS = DecoderSettings()
SUBTITLES = (
    Subtitle("Where did you go?", 10, 40),
    Subtitle("Nowhere special.", 40, 71),
    Subtitle("No.", 80, 96),
    Subtitle("No.", 99, 120),
    Subtitle("Two lines\nof text here", 131, 260),
)
TIMES = [(subtitle.first, subtitle.last) for subtitle in SUBTITLES]


def area_of(info: VideoInfo) -> SubtitleArea:
    box = Box(0, info.height * 6 // 10, info.width, info.height)
    return SubtitleArea((Band("bottom", box, 0.1 * info.height, BandEvidence(1, 1, 1, 1.0, "test")),))


def crops_of(info: VideoInfo, chunk_s: float) -> list[Crop]:
    crops: list[Crop] = []
    covered: tuple[int, ...] = ()
    for span in plan_chunks(info, chunk_s):
        report, images = crop_subtitle_images(info, span, area_of(info), SETTINGS)
        assert len(images) == len(report.crops)
        indexes, metas, covered = keep_uncovered(report, covered)
        crops += [Crop(meta, images[index]) for index, meta in zip(indexes, metas, strict=True)]
    return crops


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    path = tmp_path_factory.mktemp("crops") / "film.mp4"
    make_video(path, frames=280, size=(640, 360), rate=Fraction(25), gop=10, subtitles=SUBTITLES)
    return probe(path, SETTINGS)


def frames_shown(crops: list[Crop], info: VideoInfo) -> set[int]:
    return {
        round(info.seconds(pts) * 25)
        for crop in crops
        for pts in range(crop.meta.start_pts, crop.meta.end_pts, info.pts_at(0.04) - info.pts_at(0))
    }


def test_crops_cover_the_frames_with_text_and_no_others(info: VideoInfo) -> None:
    crops = crops_of(info, 1e6)
    assert frames_shown(crops, info) == {frame for first, last in TIMES for frame in range(first, last)}
    starts = {round(info.seconds(crop.meta.start_pts) * 25) for crop in crops}
    assert starts >= {first for first, _ in TIMES}


def test_a_crop_is_sharp_grey_and_just_around_its_text(info: VideoInfo) -> None:
    first = crops_of(info, 1e6)[0]
    assert first.image.dtype == np.uint8
    assert first.image.max() > 220
    assert first.meta.box.width < info.width * 3 // 4
    assert first.image.shape == (
        round(first.meta.box.height * first.meta.scale),
        round(first.meta.box.width * first.meta.scale),
    )


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunk_s=st.floats(1.0, 9.0))
def test_the_length_of_the_chunks_changes_nothing(info: VideoInfo, chunk_s: float) -> None:
    whole, cut = crops_of(info, 1e6), crops_of(info, chunk_s)
    assert [crop.meta for crop in cut] == [crop.meta for crop in whole]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(whole, cut, strict=True))


def test_crops_are_given_out_in_their_order_while_the_chunk_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = [Subtitle(f"Line number {index}", 10 * index + 2, 10 * index + 10) for index in range(20)]
    path = make_video(tmp_path / "often.mp4", frames=240, size=(640, 360), gop=40, subtitles=often)
    info = probe(path, SETTINGS)
    (below,) = area_of(info).bands
    # The second band lies within the first, so that both find each text, the one as soon as the other.
    box = Box(below.box.x0, below.box.y0 + 20, below.box.x1, below.box.y1)
    area = SubtitleArea((below, dataclasses.replace(below, name="within", box=box)))
    readers: list[ChunkReader] = []

    def read(info: VideoInfo, span: ChunkSpan, settings: DecoderSettings) -> ChunkReader:
        readers.append(read_chunk(info, span, settings))
        return readers[-1]

    monkeypatch.setattr("yivideo_ray.stages.crop_subtitle_images.stage.read_chunk", read)
    (span,) = plan_chunks(info, 1e6)
    crops = ChunkCrops(info, span, area, SETTINGS)
    parts: list[tuple[CropMeta, ...]] = []
    decoded: list[int] = []
    for metas, images in crops:
        assert len(metas) == len(images)
        parts.append(metas)
        decoded.append(readers[0].frames)
    assert [len(metas) for metas in parts[:-1]] == [CROPS_PER_PART] * (len(parts) - 1)
    assert len(parts) == 5
    # A crop is sure a few frames after its end: the eighth one after that of the fourth text, and so on.
    assert all(frames < 40 * number + 40 for number, frames in enumerate(decoded[:-1], start=1))
    order = [(meta.stable_pts, meta.band) for metas in parts for meta in metas]
    assert order == sorted(order)
    assert tuple(meta for metas in parts for meta in metas) == crops.report.crops


def test_an_area_without_bands_makes_no_crops(info: VideoInfo) -> None:
    (span,) = plan_chunks(info, 1e6)
    report, images = crop_subtitle_images(info, span, SubtitleArea(()), SETTINGS)
    assert report.crops == images == ()


def test_large_text_is_scaled_down_to_what_recognition_takes(tmp_path: Path) -> None:
    path = make_video(
        tmp_path / "large.mp4", frames=12, size=(1280, 720), subtitles=[Subtitle("Large", 0, 12, height=0.12)]
    )
    large = probe(path, SETTINGS)
    (crop,) = crops_of(large, 1e6)
    assert crop.meta.scale == pytest.approx(48 / 72)
