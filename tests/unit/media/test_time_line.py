"""Times count from where the file begins, as players count them, be it with the sound or with the picture."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cues import video
from tests.support.videos import make_video, plain_decode
from yivideo_ray.config import DecoderSettings, Settings
from yivideo_ray.media import plan_chunks, plan_even_chunks, probe
from yivideo_ray.stages.extract_keyframes import extract_keyframes

SETTINGS = DecoderSettings()
SIZE = (96, 64)
APART_S = Fraction(8, 5)
# What an audio encoder needs before its first sample is sound, and a muxer makes room for.
PRIMING_S = 0.035

CONTAINERS: dict[str, dict[str, Any]] = {
    "mp4": {"audio_codec": "aac"},
    "mov": {"audio_codec": "pcm_s16le"},
    "mkv": {"audio_codec": "pcm_s16le"},
    "webm": {"audio_codec": "libopus", "codec": "libvpx"},
    "ts": {"audio_codec": "mp2", "b_frames": 2},
    "mpg": {"audio_codec": "mp2", "codec": "mpeg2video"},
    "flv": {"audio_codec": "mp3"},
    "nut": {"audio_codec": "pcm_s16le", "codec": "mpeg4"},
}


def made(path: Path, *, picture_s: Fraction | int = 0, **recipe: Any) -> Path:
    return make_video(path, size=SIZE, start_s=picture_s, **recipe)


@pytest.mark.parametrize("suffix", CONTAINERS)
@pytest.mark.parametrize("sound_s", [0, 3])
def test_a_picture_that_begins_after_the_sound_is_timed_from_the_sound(
    tmp_path: Path, suffix: str, sound_s: int
) -> None:
    path = made(
        tmp_path / f"v.{suffix}",
        picture_s=sound_s + APART_S,
        audio=True,
        audio_start_s=sound_s,
        **CONTAINERS[suffix],
    )
    info = probe(path, SETTINGS)
    pts = [pts for pts, _ in plain_decode(path, stream=0) if pts is not None]
    assert len(pts) == 50
    assert info.first_pts == pts[0]
    assert info.seconds(pts[0]) == pytest.approx(float(APART_S), abs=PRIMING_S)
    for at in pts:
        assert info.time(at) - info.time(pts[0]) == (at - pts[0]) * info.time_base
    # The picture's own duration, which what comes before it is no part of.
    assert info.duration_s == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("suffix", CONTAINERS)
@pytest.mark.parametrize("picture_s", [0, 3])
def test_a_picture_that_begins_before_the_sound_is_timed_from_itself(
    tmp_path: Path, suffix: str, picture_s: int
) -> None:
    path = made(
        tmp_path / f"v.{suffix}",
        picture_s=picture_s,
        audio=True,
        audio_start_s=picture_s + APART_S,
        **CONTAINERS[suffix],
    )
    info = probe(path, SETTINGS)
    assert info.seconds(info.first_pts) == 0
    assert info.origin_s == info.first_pts * info.time_base


@pytest.mark.parametrize("suffix", [*CONTAINERS, "avi", "gif", "apng"])
@pytest.mark.parametrize("picture_s", [0, 3])
@pytest.mark.parametrize("rate", [25, Fraction(30000, 1001)])
def test_a_file_without_sound_begins_with_its_first_frame(
    tmp_path: Path, suffix: str, picture_s: int, rate: Fraction | int
) -> None:
    recipe = {name: value for name, value in CONTAINERS.get(suffix, {}).items() if name != "audio_codec"}
    others: dict[str, dict[str, Any]] = {
        "avi": {"codec": "mpeg4", "b_frames": 2},
        "gif": {"codec": "gif", "pix_fmt": "rgb8"},
        "apng": {"codec": "apng", "pix_fmt": "rgb24"},
    }
    path = made(tmp_path / f"v.{suffix}", picture_s=picture_s, rate=rate, **recipe, **others.get(suffix, {}))
    info = probe(path, SETTINGS)
    assert info.seconds(info.first_pts) == 0
    assert info.seconds(info.pts_at(1)) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("edit_list", ["0", "1"])
def test_frames_that_an_mp4_delays_for_their_order_are_shown_when_its_edit_list_says(
    tmp_path: Path, edit_list: str
) -> None:
    """Without one, the picture begins two frames after the sound: that is what players show."""
    path = made(
        tmp_path / "v.mp4",
        b_frames=3,
        audio=True,
        audio_codec="mp3",
        mux_options={"use_editlist": edit_list, "avoid_negative_ts": "disabled"},
    )
    info = probe(path, SETTINGS)
    late_s = {"0": 0.08, "1": 0.0}[edit_list]
    assert info.seconds(info.first_pts) == pytest.approx(late_s, abs=PRIMING_S)


def test_an_avi_whose_header_has_its_picture_begin_later_is_believed(tmp_path: Path) -> None:
    path = made(tmp_path / "v.avi", codec="mpeg4", b_frames=2, audio=True, audio_codec="pcm_s16le")
    assert probe(path, SETTINGS).seconds(probe(path, SETTINGS).first_pts) == 0
    data = bytearray(path.read_bytes())
    # dwStart of the first stream's header, in frames.
    at = data.index(b"strh") + 8 + 28
    data[at : at + 4] = (40).to_bytes(4, "little")
    path.write_bytes(data)
    info = probe(path, SETTINGS)
    assert info.seconds(info.first_pts) == pytest.approx(1.6)


@given(
    time_base=st.sampled_from([Fraction(1, 25), Fraction(1, 1000), Fraction(1, 90000), Fraction(1001, 30000)]),
    first_pts=st.integers(0, 2**33),
    before_us=st.integers(0, 10**8),
    later=st.integers(0, 10**8),
)
def test_the_time_of_a_pts_leads_back_to_it(time_base: Fraction, first_pts: int, before_us: int, later: int) -> None:
    info = video(time_base, first_pts, first_pts * time_base - Fraction(before_us, 10**6))
    assert info.pts_at(info.seconds(first_pts + later)) == first_pts + later
    assert info.time(first_pts) == Fraction(before_us, 10**6)


def test_what_is_looked_at_does_not_depend_on_where_the_file_begins(tmp_path: Path) -> None:
    path = made(tmp_path / "v.mkv", picture_s=APART_S, audio=True, frames=500, gop=25, audio_codec="pcm_s16le")
    info = probe(path, SETTINGS)
    alone = replace(info, origin_s=info.first_pts * info.time_base)
    assert info.origin_s != alone.origin_s
    assert plan_chunks(info, 3) == plan_chunks(alone, 3)
    assert plan_even_chunks(info, 8, 2, SETTINGS) == plan_even_chunks(alone, 8, 2, SETTINGS)
    shown, shown_alone = (extract_keyframes(one, Settings()).frames for one in (info, alone))
    assert [frame.pts for frame in shown] == [frame.pts for frame in shown_alone]
