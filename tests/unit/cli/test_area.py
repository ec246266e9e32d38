"""What `yivideo area` shows and tells, as far as it needs no Ray."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.videos import Subtitle, make_video
from yivideo_ray.cli.area import picture_path, put_in_place, sentences
from yivideo_ray.config import DecoderSettings, Settings
from yivideo_ray.errors import ConfigError, InputError, OutputError, ResultWarning
from yivideo_ray.geometry import Box
from yivideo_ray.jobs import Outcome
from yivideo_ray.media import plan_samples, probe, sample_frames
from yivideo_ray.preview import telling_frame
from yivideo_ray.runtime.workflow.checkpoint import Book
from yivideo_ray.runtime.workflow.own_files import record_name
from yivideo_ray.storage.database import Database
from yivideo_ray.types import Band, BandEvidence, RejectedRegion, RejectionReason, SubtitleArea, VideoInfo

EVIDENCE = BandEvidence(24, 18, 12, 0.9, "1 rows of text that comes and goes")
TOP = Band("top", Box(0, 25, 320, 60), 15.0, EVIDENCE)
BOTTOM = Band("bottom", Box(0, 140, 320, 180), 15.0, EVIDENCE)


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    """Returns a video of 20 s that shows texts at the bottom, two at the top, and for one second both."""
    path = tmp_path_factory.mktemp("videos") / "film.mp4"
    texts = [
        Subtitle("Where were you?", 50, 150),
        Subtitle("Nobody saw us there, nobody at all", 100, 140, bottom=0.3),
        Subtitle("Call me", 300, 350, bottom=0.3),
    ]
    return probe(make_video(path, frames=500, gop=10, subtitles=texts), DecoderSettings())


def sampled(info: VideoInfo) -> list[int]:
    plan = plan_samples(info, Settings().area_detector.samples, DecoderSettings())
    return [frame.pts for frame in sample_frames(info, plan, DecoderSettings())]


def shown_s(info: VideoInfo, *bands: Band) -> float:
    frame = telling_frame(info, SubtitleArea(bands), sampled(info), Settings())
    assert frame.pts in sampled(info)
    return info.seconds(frame.pts)


def test_the_frame_shows_a_subtitle_of_the_band(info: VideoInfo) -> None:
    assert 2 <= shown_s(info, BOTTOM) < 6


def test_the_frame_shows_both_bands_at_once_where_one_does(info: VideoInfo) -> None:
    assert 4 <= shown_s(info, TOP, BOTTOM) < 5.6


def test_a_band_without_text_has_no_say(info: VideoInfo) -> None:
    apart = [pts for pts in sampled(info) if 2 <= info.seconds(pts) < 4 or 12 <= info.seconds(pts) < 14]
    empty = replace(TOP, evidence=replace(EVIDENCE, samples_with_text=0))
    frame = telling_frame(info, SubtitleArea((empty, empty, BOTTOM)), apart, Settings())
    assert info.seconds(frame.pts) < 4


def test_without_a_band_the_frame_is_from_the_middle(info: VideoInfo) -> None:
    assert shown_s(info) == pytest.approx(10, abs=1)


def test_a_frame_that_was_not_sampled_is_never_shown(info: VideoInfo) -> None:
    late = [pts for pts in sampled(info) if info.seconds(pts) > 11]
    assert 12 <= info.seconds(telling_frame(info, SubtitleArea((TOP,)), late, Settings()).pts) < 14
    with pytest.raises(InputError, match="No frame"):
        telling_frame(info, SubtitleArea((TOP,)), [], Settings())


def test_everything_found_is_told_with_its_place_and_reason(info: VideoInfo) -> None:
    logo = RejectedRegion(Box(250, 5, 310, 20), RejectionReason.ALWAYS_THERE, 24)
    outcome = Outcome(
        "w",
        Path("film.mp4"),
        (),
        info,
        SubtitleArea((BOTTOM,), (logo,)),
        warnings=(ResultWarning("MODELS_ON_CPU", "no GPU"),),
    )
    settings = Settings(area_detector={"exclude": [{"x1": 0.25}]})
    assert list(sentences(outcome, settings)) == [
        "warning: no GPU",
        "band bottom: x 0 to 320, y 140 to 180, text in 18 of 24 samples, lines 15 px high "
        "(1 rows of text that comes and goes)",
        "no subtitle: x 250 to 310, y 5 to 20, always there, text in 24 samples",
        "not looked at: area_detector.exclude 1, x 0 to 0.25, y 0 to 1 of the frame",
    ]
    nothing = Outcome("w", Path("film.mp4"), (), info, SubtitleArea(()))
    assert list(sentences(nothing, Settings())) == ["no subtitles were found"]


def test_the_picture_lies_beside_the_video_or_where_it_is_wanted(tmp_path: Path) -> None:
    assert picture_path(Path("a/film.v2.mp4"), None) == Path("a/film.v2.area.png")
    assert picture_path(Path("a/film.mp4"), tmp_path) == tmp_path / "film.area.png"
    assert picture_path(Path("a/film.mp4"), tmp_path / "p.png") == tmp_path / "p.png"


def test_the_picture_never_overwrites_the_video(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="overwrite"):
        picture_path(tmp_path / "film.mp4", tmp_path / "x" / ".." / "film.mp4")


def test_a_picture_of_ours_is_replaced_and_any_other_file_stays(tmp_path: Path) -> None:
    database = Database(Settings(storage={"work_dir": tmp_path / "work"}).storage)
    picture = tmp_path / "film.area.png"
    book = Book(database, record_name(tmp_path / "film.mp4", tmp_path))
    for drawn in (b"first", b"second"):
        put_in_place(picture, drawn, book, overwrite=False)
        assert picture.read_bytes() == drawn
    picture.write_bytes(b"by hand")
    with pytest.raises(OutputError, match="was changed since") as caught:
        put_in_place(picture, b"third", book, overwrite=False)
    assert caught.value.code.name == "OUTPUT_EXISTS"
    assert picture.read_bytes() == b"by hand"
    put_in_place(picture, b"third", book, overwrite=True)
    put_in_place(tmp_path / "preview.png", b"another", book, overwrite=False)
    # A picture has no successor of another name.
    assert picture.read_bytes() == b"third"
    put_in_place(picture, b"fourth", book, overwrite=False)
    # Runs know nothing of pictures, and remove none.
    assert book.own_files().files == {}
    database.close()
