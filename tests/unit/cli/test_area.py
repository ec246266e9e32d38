"""What `yivideo area` shows and tells, as far as it needs no Ray."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.support.cues import cue
from tests.support.records import recorded
from tests.support.videos import Subtitle, make_video
from yivideo_ray.cli.area import area, frames_looked_at, picture_path, put_in_place, sentences
from yivideo_ray.config import DecoderSettings, Settings
from yivideo_ray.errors import CallError, ConfigError, InputError, OutputError, ResultWarning, YivideoError
from yivideo_ray.geometry import Box
from yivideo_ray.jobs import Outcome, StageRecord, StageStatus
from yivideo_ray.media import plan_samples, probe, sample_frames
from yivideo_ray.preview import telling_frame
from yivideo_ray.runtime.session import Session
from yivideo_ray.runtime.workflow.checkpoint import Book
from yivideo_ray.runtime.workflow.own_files import record_name
from yivideo_ray.storage.database import Database
from yivideo_ray.types import (
    Band,
    BandEvidence,
    Layer,
    LayerReason,
    RejectedRegion,
    RejectionReason,
    Stage,
    SubtitleArea,
    VideoInfo,
)

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


@pytest.mark.parametrize(
    ("output", "full"), [({"full": False}, False), ({"full": True}, True), ({"thorough": False}, False), ({}, True)]
)
def test_whether_the_look_was_full_is_read_from_records_of_earlier_versions_too(
    output: dict[str, bool], full: bool
) -> None:
    record = StageRecord(Stage.EXTRACT_KEYFRAMES, StageStatus.SUCCESS, output={**output, "pts": [0, 12800]})
    assert frames_looked_at(Outcome("w", Path("film.mp4"), (record,))) == ([0, 12800], full)


def test_every_region_is_told_with_its_place_and_reason(info: VideoInfo) -> None:
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
    assert list(sentences(outcome, settings, regions=True)) == [
        "warning: no GPU",
        "looked at: bottom, x 0 to 320, y 140 to 180, text in 18 of 24 samples, lines 15 px high "
        "(1 rows of text that comes and goes)",
        "not looked at: x 250 to 310, y 5 to 20, always there, text in 24 samples",
        "not looked at: area_detector.exclude 1, x 0 to 0.25, y 0 to 1 of the frame",
    ]
    nothing = Outcome("w", Path("film.mp4"), (), info, SubtitleArea(()))
    assert list(sentences(nothing, Settings(), regions=True)) == ["no text was seen that is to be read"]
    assert list(sentences(nothing, Settings())) == ["no text was seen"]


def test_every_layer_is_told_with_its_probability_an_example_and_all_reasons(info: VideoInfo) -> None:
    why = (LayerReason("moves", 1.0, "stands still"), LayerReason("repeats", -0.5, "each text is another one"))
    cues = (cue(2 * 12800, 6 * 12800, "Where were you?"), cue(7 * 12800, 8 * 12800, "Where?"))
    layers = (
        Layer(1, 0.974, True, why, Box(10, 140, 300, 160), 15.0, cues),
        Layer(2, 0.1, False, why[:1], Box(0, 0, 90, 20), 15.0, ()),
    )
    outcome = Outcome("w", Path("film.mp4"), (), info, SubtitleArea((BOTTOM,)), layers)
    assert list(sentences(outcome, Settings(area_detector={"exclude": [{"x1": 0.25}]}))) == [
        'layer 1: taken, probability 0.97, 2 cues, first "Where were you?" at 0:00:02, x 10 to 300, y 140 to 160 '
        "(stands still, each text is another one)",
        "layer 2: not taken, probability 0.10, no cue, x 0 to 90, y 0 to 20 (stands still)",
        "not looked at: area_detector.exclude 1, x 0 to 0.25, y 0 to 1 of the frame",
    ]


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


@pytest.fixture
def read(info: VideoInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A video that was read by the default settings; nobody may start Ray."""

    async def no_ray(_: Session) -> None:
        raise CallError("Ray was to be started.", code="CLUSTER_UNAVAILABLE")

    monkeypatch.setattr(Session, "tools", no_ray)
    film = tmp_path / "film.mp4"
    film.write_bytes(Path(info.path).read_bytes())
    recorded(film, tmp_path / "work", 10, settings=Settings(storage={"work_dir": tmp_path / "work"}))
    return film


def test_the_layers_of_a_video_that_was_read_are_drawn_and_told_without_ray(read: Path, tmp_path: Path) -> None:
    told: list[str] = []
    page = io.StringIO()
    area(read, None, Settings(storage={"work_dir": tmp_path / "work"}), told.append, page)
    assert [line.partition(": ")[2][:17] for line in told[:1]] == ["layer 1: taken, p"]
    picture = tmp_path / "film.area.png"
    assert told[-1].startswith(f"film.mp4: {picture} shows the frame at ")
    with Image.open(picture) as image:
        assert image.size == (960, 540)
    found = json.loads(page.getvalue())
    assert (found["picture"], len(found["frames"])) == (str(picture), 1)
    (layer,) = found["layers"]
    assert (layer["taken"], len(layer["cues"])) == (True, 5)
    assert (found["regions"], found["exclude"], found["warnings"]) == ([], [], [])
    # Nothing is written that was not asked for.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.area.png", "film.mp4", "work"]


def test_the_regions_are_looked_for_anew(read: Path, tmp_path: Path) -> None:
    with pytest.raises(YivideoError) as caught:
        area(read, None, Settings(storage={"work_dir": tmp_path / "work"}), lambda _: None, regions=True)
    assert caught.value.code.name == "CLUSTER_UNAVAILABLE"
    assert not (tmp_path / "film.area.png").exists()


def test_a_picture_by_hand_is_refused_before_the_video_is_read(read: Path, tmp_path: Path) -> None:
    (tmp_path / "film.area.png").write_bytes(b"by hand")
    read.unlink()
    with pytest.raises(OutputError) as caught:
        area(read, None, Settings(storage={"work_dir": tmp_path / "work"}), lambda _: None)
    assert caught.value.code.name == "OUTPUT_EXISTS"
