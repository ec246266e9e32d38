"""Whether a file goes on to the end that its headers promise, told without decoding."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.support.videos import make_video
from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError
from yivideo_ray.media import probe, reaches_end, tolerance_s

SETTINGS = DecoderSettings()
FRONT = {"movflags": "faststart"}


def made(path: Path, **recipe: Any) -> Path:
    return make_video(path, **{"frames": 250, "size": (96, 64), **recipe})


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("v.mp4", {"mux_options": FRONT}),
        ("one-gop.mp4", {"mux_options": FRONT, "gop": 10_000, "options": {"x264-params": "scenecut=0"}}),
        ("v.mkv", {}),
        ("sound.mkv", {"audio": True}),
        ("v.flv", {}),
        ("sound.flv", {"audio": True, "audio_codec": "mp3"}),
        ("v.avi", {"codec": "mpeg4", "size": (320, 180)}),
    ],
)
def test_a_whole_file_reaches_its_end_and_none_that_is_cut_off_a_second_before(
    tmp_path: Path, name: str, recipe: dict[str, Any]
) -> None:
    path = made(tmp_path / name, **recipe)
    whole = probe(path, SETTINGS)
    assert whole.duration_s == pytest.approx(10, abs=0.1)
    assert reaches_end(whole, SETTINGS)
    data = path.read_bytes()
    for share in (0.5, 0.7, 0.85):
        path.write_bytes(data[: int(len(data) * share)])
        cut = probe(path, SETTINGS)
        assert cut.duration_s == pytest.approx(whole.duration_s, abs=0.1)
        assert not reaches_end(cut, SETTINGS)


def test_a_file_that_promises_nothing_keeps_it(tmp_path: Path) -> None:
    info = probe(made(tmp_path / "v.mkv", mux_options={"live": "1"}), SETTINGS)
    assert info.duration_s is None
    assert reaches_end(info, SETTINGS)


def test_of_a_file_with_one_duration_for_all_the_sound_may_be_what_lasts_so_long(tmp_path: Path) -> None:
    info = probe(made(tmp_path / "v.flv", audio=True, audio_codec="mp3", audio_s=20), SETTINGS)
    assert info.duration_s == pytest.approx(20, abs=0.2)
    assert not info.track_duration
    assert reaches_end(info, SETTINGS)
    assert not reaches_end(replace(info, track_duration=True), SETTINGS)


def test_a_time_far_behind_the_end_is_none_that_is_near_it(tmp_path: Path) -> None:
    info = probe(made(tmp_path / "v.mkv"), SETTINGS)
    assert reaches_end(info, SETTINGS)
    assert not reaches_end(replace(info, duration_s=5.0, first_pts=-20_000), SETTINGS)


def test_a_file_that_has_changed_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "v.mkv")
    info = probe(path, SETTINGS)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InputError) as caught:
        reaches_end(info, SETTINGS)
    assert caught.value.code.name == "INPUT_CHANGED"


@pytest.mark.parametrize(
    ("facts", "seconds"),
    [
        ({"track_duration": True}, 0.5),
        ({"track_duration": True, "frame_rate": Fraction(1, 5)}, 10.0),
        ({"track_duration": True, "frame_rate": None}, 0.5),
        ({"track_duration": False}, 1.0),
        ({"track_duration": False, "duration_s": 7200.0}, 72.0),
    ],
)
def test_a_duration_of_the_picture_is_taken_at_its_word(tmp_path: Path, facts: dict[str, Any], seconds: float) -> None:
    info = probe(made(tmp_path / "v.mkv", frames=5), SETTINGS)
    assert tolerance_s(replace(info, **facts)) == pytest.approx(seconds)
