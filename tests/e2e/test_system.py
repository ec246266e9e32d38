"""The whole system on real videos: Ray, the actor, the real models. What comes out is what is seen, to the frame."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.videos import Subtitle, make_video, picture
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Event, Job, Outcome
from yivideo_ray.runtime.session import Session
from yivideo_ray.subtitles.formats import read_srt
from yivideo_ray.types import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SAMPLES = Path(__file__).parents[2] / "samples"
SUBTITLES = (Subtitle("Where did she go?", 8, 30), Subtitle("Nobody knows.", 34, 52))
FRAMES = 60
SIZE = (640, 360)


def quiet(_: Event) -> None:
    """These tests look at results."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.model_validate({"storage": {"work_dir": tmp_path_factory.mktemp("work")}})


@pytest.fixture(scope="module")
def running(settings: Settings) -> Iterator[Session]:
    with Session(settings) as opened:
        yield opened


def run(running: Session, video: Path, out: Path) -> Outcome:
    (outcome,) = running.run([Job(video, output_dir=out, again=True)], quiet)
    assert outcome.error is None
    return outcome


def frames_of(outcome: Outcome, rate: float = 25) -> list[tuple[int, int, str]]:
    info = outcome.info
    assert info is not None
    return [
        (round(info.seconds(cue.start_pts) * rate), round(info.seconds(cue.end_pts) * rate), cue.text)
        for cue in outcome.cues
    ]


EXPECTED = [(subtitle.first, subtitle.last, subtitle.text) for subtitle in SUBTITLES]


@pytest.fixture(scope="module")
def demo(running: Session, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    out = tmp_path_factory.mktemp("demo")
    return run(running, SAMPLES / "demo.mp4", out), out


def test_the_demo_gives_its_reference(demo: tuple[Outcome, Path]) -> None:
    assert (demo[1] / "demo.srt").read_bytes() == (SAMPLES / "demo.reference.srt").read_bytes()


def test_the_result_says_what_it_rests_on(demo: tuple[Outcome, Path]) -> None:
    document: dict[str, Any] = json.loads((demo[1] / "demo.json").read_text(encoding="utf-8"))
    assert (document["device"], document["provider"]) == ("cpu", "CPUExecutionProvider")
    assert document["models"] == {"detection": "PP-OCRv6_small_det", "recognition": "PP-OCRv6_small_rec"}
    assert [stage["stage"] for stage in document["stages"]] == list(Stage)
    assert all(stage["status"] == "SUCCESS" and stage["duration"] >= 0 for stage in document["stages"])
    first = document["cues"][0]
    assert (first["start_s"], first["end_s"], first["lines"], first["band"]) == (0.8, 2.6, ["天亮了"], "bottom")
    assert first["frames"] == 45


def test_the_length_of_chunks_changes_no_byte(demo: tuple[Outcome, Path], settings: Settings, tmp_path: Path) -> None:
    pipeline = settings.pipeline.model_copy(update={"chunk_s": 3.0})
    with Session(settings.model_copy(update={"pipeline": pipeline})) as other:
        run(other, SAMPLES / "demo.mp4", tmp_path)
    assert (tmp_path / "demo.srt").read_bytes() == (demo[1] / "demo.srt").read_bytes()


def test_several_videos_at_once_give_what_each_gives_alone(
    demo: tuple[Outcome, Path], running: Session, tmp_path: Path
) -> None:
    videos = [Path(shutil.copy(SAMPLES / "demo.mp4", tmp_path / f"{name}.mp4")) for name in ("a", "b")]
    outcomes = running.run([Job(video) for video in videos], quiet)
    assert [outcome.error for outcome in outcomes] == [None] * len(videos)
    for video in videos:
        assert video.with_suffix(".srt").read_bytes() == (demo[1] / "demo.srt").read_bytes()


def test_a_video_without_subtitles_is_a_success_with_an_empty_file(running: Session, tmp_path: Path) -> None:
    video = make_video(tmp_path / "none.mp4", frames=FRAMES, size=SIZE, background=plain)
    assert run(running, video, tmp_path).cues == ()
    assert not read_srt(tmp_path / "none.srt")


def test_a_truncated_video_gives_the_part_that_decodes(running: Session, tmp_path: Path) -> None:
    whole = make_video(
        tmp_path / "whole.mp4",
        frames=200,
        size=SIZE,
        subtitles=[*SUBTITLES, Subtitle("Too late", 170, 190)],
        mux_options={"movflags": "faststart"},
        background=plain,
    )
    data = whole.read_bytes()
    video = tmp_path / "cut.mp4"
    video.write_bytes(data[: len(data) * 6 // 10])
    outcome = run(running, video, tmp_path)
    assert outcome.partial
    assert outcome.decoded_s is not None
    assert 2 < outcome.decoded_s < 7
    assert outcome.expected_s == pytest.approx(8, abs=0.1)
    assert frames_of(outcome) == EXPECTED


def plain(number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Footage without the frame's number in it, which is for tests of media and could be taken for text."""
    image = picture(0, SIZE)
    image[: SIZE[1] // 4] = picture(0, SIZE)[SIZE[1] // 4 : SIZE[1] // 2]
    return np.roll(image, 3 * number, axis=1)


VARIANTS: dict[str, dict[str, Any]] = {
    "start time other than zero": {"start_s": 100, "container": "mpegts"},
    "odd size": {"size": (641, 361), "codec": "libx264", "pix_fmt": "yuv444p"},
    "10 bit": {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": {"x265-params": "log-level=none"}},
    "pixels that are not square": {"size": (480, 360), "sample_aspect_ratio": Fraction(4, 3)},
    "interlaced": {"interlaced": True, "codec": "mpeg2video", "bit_rate": 4_000_000},
    "one key frame": {"gop": 1000},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_of_video_gives_its_cues_to_the_frame(name: str, running: Session, tmp_path: Path) -> None:
    options: dict[str, Any] = {"size": SIZE, **VARIANTS[name]}
    suffix = ".ts" if options.get("container") == "mpegts" else ".mkv"
    video = make_video(tmp_path / f"film{suffix}", frames=FRAMES, subtitles=SUBTITLES, **options)
    assert frames_of(run(running, video, tmp_path)) == EXPECTED


def test_a_variable_frame_rate_gives_true_times(running: Session, tmp_path: Path) -> None:
    def pts_of(number: int) -> int:
        return 40 * number + (20 * (number - 20) if number > 20 else 0)

    video = make_video(
        tmp_path / "vfr.mkv",
        frames=FRAMES,
        size=SIZE,
        subtitles=SUBTITLES,
        time_base=Fraction(1, 1000),
        pts_of=pts_of,
    )
    outcome = run(running, video, tmp_path)
    assert [(cue.start_pts, cue.end_pts, cue.text) for cue in outcome.cues] == [
        (pts_of(subtitle.first), pts_of(subtitle.last), subtitle.text) for subtitle in SUBTITLES
    ]


def test_a_rotated_video_is_read_upright(running: Session, tmp_path: Path) -> None:
    upright = [np.ascontiguousarray(np.rot90(frame)) for frame in _frames_with_text()]
    video = make_video(
        tmp_path / "turned.mp4",
        frames=FRAMES,
        size=(SIZE[1], SIZE[0]),
        rotation_deg=90,
        background=lambda number: upright[number],
    )
    outcome = run(running, video, tmp_path)
    assert outcome.info is not None
    assert (outcome.info.width, outcome.info.height) == SIZE
    assert frames_of(outcome) == EXPECTED


def _frames_with_text() -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    from tests.support.videos import burn

    frames = []
    for number in range(FRAMES):
        image = plain(number)
        for subtitle in SUBTITLES:
            if subtitle.first <= number < subtitle.last:
                image = burn(image, subtitle)
        frames.append(image)
    return frames
