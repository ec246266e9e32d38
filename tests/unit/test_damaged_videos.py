"""A damaged or truncated video is told from a whole one, whatever was found: partial with the reason, or an error."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.support.in_process import run_in_process
from tests.support.text_pictures import TEXTS, pattern_video
from tests.support.videos import Rgb, make_video, picture
from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError, WarningCode, YivideoError
from yivideo_ray.jobs import Outcome
from yivideo_ray.media import probe
from yivideo_ray.types import STAGES, Stage

RECIPES: dict[str, dict[str, Any]] = {
    "film.mp4": {"mux_options": {"movflags": "faststart"}},
    "film.mkv": {"audio": True},
    "film.avi": {"codec": "mpeg4"},
}
CODES = {
    *("INPUT_CORRUPT", "NO_VIDEO_STREAM", "CODEC_UNSUPPORTED", "TIMESTAMPS_UNUSABLE"),
    # Headers whose damage makes a length or a size of them.
    *("DURATION_TOO_LONG", "RESOLUTION_TOO_LARGE"),
}
DAMAGED = "The video is damaged or not complete: "


def dim(number: int) -> Rgb:
    """Returns a picture in which the scripted engine finds no text, also where coding made it brighter."""
    return np.minimum(picture(number, (160, 96)), 120)


def without_text(path: Path, **recipe: Any) -> Path:
    return make_video(path, **{"frames": 310, "size": (160, 96), "background": dim, **recipe})


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Returns the same 12 s in containers that say how long they last."""
    directory = tmp_path_factory.mktemp("films")
    return {name: pattern_video(directory / name, TEXTS, **recipe) for name, recipe in RECIPES.items()}


@pytest.fixture(scope="module")
def landscapes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Returns the like without subtitles."""
    directory = tmp_path_factory.mktemp("landscapes")
    return {name: without_text(directory / name, **recipe) for name, recipe in RECIPES.items()}


def cues_of(outcome: Outcome) -> list[tuple[str, int, int]]:
    return [(cue.text, cue.start_pts, cue.end_pts) for cue in outcome.cues]


def truncations(data: bytes, count: int) -> Iterator[bytes]:
    for number in range(count):
        yield data[: len(data) * (10 * number + 7) // (10 * count + 4)]


def mutations(data: bytes, count: int) -> Iterator[bytes]:
    chance = random.Random(len(data))
    for number in range(count):
        damaged = bytearray(data)
        for _ in range((1, 5, 40)[number % 3]):
            damaged[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        yield bytes(damaged)


def shown_frames(path: Path) -> int:
    """Returns how many frames FFmpeg gives of a file, as it is."""
    frames = 0
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            try:
                frames += len(packet.decode())
            except av.FFmpegError:
                continue
    return frames


def judged(path: Path, directory: Path, **sections: dict[str, Any]) -> Outcome | str:
    """Returns how a run ended, or the code of its error."""
    try:
        return run_in_process(path, directory, **sections)
    except YivideoError as error:
        return error.code.name


def check_told(damaged: Path, whole: Path, good: Outcome, directory: Path) -> Outcome | None:
    """Asserts that a damaged video is partial, or an error of its own, or has all of its frames and cues."""
    ended = judged(damaged, directory)
    if isinstance(ended, str):
        assert ended in CODES
        return None
    if ended.partial:
        assert [warning for warning in ended.warnings if warning.message.startswith(DAMAGED)]
        return ended
    assert shown_frames(damaged) == shown_frames(whole)
    assert cues_of(ended) == cues_of(good)
    return ended


@pytest.mark.parametrize("name", RECIPES)
def test_a_film_cut_off_anywhere_gives_the_cues_of_what_is_there(
    films: dict[str, Path], name: str, tmp_path: Path
) -> None:
    good = run_in_process(films[name], tmp_path)
    assert [cue.text for cue in good.cues] == list(TEXTS)
    damaged = tmp_path / name
    partial = 0
    for data in truncations(films[name].read_bytes(), 12):
        damaged.write_bytes(data)
        ended = check_told(damaged, films[name], good, tmp_path)
        if ended is not None and ended.partial:
            partial += 1
            # The last one may be cut off where the file is.
            assert cues_of(ended)[:-1] == cues_of(good)[: max(0, len(ended.cues) - 1)]
            assert ended.decoded_s is not None
            assert ended.decoded_s < 12.4
    assert partial >= 10


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_a_film_with_flipped_bits_is_never_taken_for_a_whole_one(
    films: dict[str, Path], name: str, tmp_path: Path
) -> None:
    good = run_in_process(films[name], tmp_path)
    damaged = tmp_path / name
    for data in mutations(films[name].read_bytes(), 12):
        damaged.write_bytes(data)
        check_told(damaged, films[name], good, tmp_path)


@pytest.mark.parametrize("name", RECIPES)
def test_a_video_without_subtitles_cut_off_anywhere_is_partial(
    landscapes: dict[str, Path], name: str, tmp_path: Path
) -> None:
    damaged = tmp_path / name
    good = run_in_process(landscapes[name], tmp_path)
    told = 0
    for data in truncations(landscapes[name].read_bytes(), 12):
        damaged.write_bytes(data)
        ended = check_told(damaged, landscapes[name], good, tmp_path)
        told += ended is None or ended.partial
    # The last of an AVI lack its index alone.
    assert told >= 10


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_a_video_without_subtitles_with_flipped_bits_has_all_but_a_second_or_is_told(
    landscapes: dict[str, Path], name: str, tmp_path: Path
) -> None:
    """What sampling does not meet stays unknown, for nothing more is decoded."""
    damaged = tmp_path / name
    for data in mutations(landscapes[name].read_bytes(), 12):
        damaged.write_bytes(data)
        ended = judged(damaged, tmp_path)
        if isinstance(ended, str):
            assert ended in CODES
        elif not ended.partial:
            assert ended.cues == ()
            assert shown_frames(damaged) > shown_frames(landscapes[name]) - 25


def test_a_cut_off_video_in_which_nothing_was_found_says_how_much_there_is_and_fails_if_told_to(
    landscapes: dict[str, Path], tmp_path: Path
) -> None:
    data = landscapes["film.mp4"].read_bytes()
    damaged = tmp_path / "film.mp4"
    damaged.write_bytes(data[: len(data) // 4])
    ended = run_in_process(damaged, tmp_path)
    assert ended.area is not None
    assert ended.area.bands == ()
    assert ended.partial
    assert ended.decoded_s is not None
    assert 0 < ended.decoded_s < 5
    assert ended.expected_s == pytest.approx(12.4)
    (reason,) = [warning for warning in ended.warnings if warning.message.startswith(DAMAGED)]
    assert reason.code is WarningCode.VIDEO_INCOMPLETE
    assert "of 12.4 s could not be decoded" in reason.message
    assert reason.facts == {"decoded_s": ended.decoded_s, "expected_s": ended.expected_s}
    with pytest.raises(InputError) as caught:
        run_in_process(damaged, tmp_path, decoder={"strict": True})
    assert caught.value.code.name == "INPUT_CORRUPT"
    assert caught.value.facts["decoded_s"] == ended.decoded_s


def test_pictures_that_sampling_finds_damaged_are_told_though_the_file_is_as_long_as_it_says(
    landscapes: dict[str, Path], tmp_path: Path
) -> None:
    data = landscapes["film.mp4"].read_bytes()
    half = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    damaged = tmp_path / "film.mp4"
    damaged.write_bytes(data[:half] + bytes(len(data) - half))
    ended = run_in_process(damaged, tmp_path)
    assert ended.partial
    assert ended.cues == ()
    assert any("packets are damaged" in warning.message for warning in ended.warnings)


def test_a_look_alone_at_a_cut_off_video_says_so_and_fails_if_told_to(
    landscapes: dict[str, Path], tmp_path: Path
) -> None:
    data = landscapes["film.mp4"].read_bytes()
    damaged = tmp_path / "film.mp4"
    damaged.write_bytes(data[: len(data) // 2])
    look = {"chain": STAGES[:2]}
    ended = run_in_process(damaged, tmp_path, job=look)
    assert (ended.partial, ended.decoded_s) == (True, None)
    assert any("ends before its headers say" in warning.message for warning in ended.warnings)
    with pytest.raises(InputError) as caught:
        run_in_process(damaged, tmp_path, job=look, decoder={"strict": True})
    assert caught.value.code.name == "INPUT_CORRUPT"
    assert not run_in_process(landscapes["film.mp4"], tmp_path, job=look).partial


def test_what_sampling_met_is_known_to_a_run_that_goes_on_from_the_area(
    landscapes: dict[str, Path], tmp_path: Path
) -> None:
    data = landscapes["film.mp4"].read_bytes()
    half = len(data) // 2
    damaged = tmp_path / "film.mp4"
    damaged.write_bytes(data[:half] + bytes(len(data) - half))
    first = run_in_process(damaged, tmp_path)
    assert first.partial
    again = run_in_process(damaged, tmp_path, job={"start_at": Stage.CROP_SUBTITLE_IMAGES})
    assert again.partial
    assert again.decoded_s == first.decoded_s


VARIABLE = {"time_base": Fraction(1, 1000), "pts_of": lambda n: n * 40 + n % 7 * 5 + n // 50 * 1500}
PAUSES = {"time_base": Fraction(1, 1000), "pts_of": lambda n: n * 40 + n // 20 * 20_000, "frames": 60}
ONE_GOP = {"gop": 10_000, "options": {"x264-params": "scenecut=0"}}
NO_TAGS = {"mux_options": {"live": "1"}}
UNDAMAGED: dict[str, dict[str, Any]] = {
    "plain.mp4": {},
    "plain.mkv": {},
    "one-frame.mp4": {"frames": 1},
    "one-frame.avi": {"frames": 1, "codec": "mpeg4"},
    "short.mkv": {"frames": 5},
    "one-gop.mp4": {**ONE_GOP},
    "one-gop.mkv": {**ONE_GOP},
    "intra-refresh.ts": {"options": {"x264-params": "intra-refresh=1:bframes=0"}},
    "intra-refresh.mkv": {"options": {"x264-params": "intra-refresh=1:bframes=0"}},
    "open-gop.ts": {"options": {"x264-params": "open-gop=1:bframes=4"}, "start_s": 7},
    "variable.mkv": {**VARIABLE},
    "variable.mp4": {**VARIABLE},
    "pauses.mp4": {**PAUSES},
    "slides.mkv": {"rate": Fraction(1, 5), "frames": 12},
    "unknown-duration.mkv": {**NO_TAGS},
    "b-frames.avi": {"codec": "mpeg4", "b_frames": 2},
    "b-frames.flv": {"b_frames": 3},
    "mpeg2.mpg": {"codec": "mpeg2video", "b_frames": 2},
    "fragments.mp4": {"mux_options": {"movflags": "frag_keyframe+empty_moov"}},
    "late-picture.mkv": {"audio": True, "start_s": Fraction(8, 5)},
    "late-picture.flv": {"audio": True, "audio_codec": "mp3", "start_s": Fraction(8, 5)},
    "long-sound.mp4": {"audio": True, "audio_s": 20},
    "long-sound.mkv": {"audio": True, "audio_s": 20},
    "long-sound.flv": {"audio": True, "audio_codec": "mp3", "audio_s": 20},
    "long-sound.nut": {"audio": True, "audio_codec": "pcm_s16le", "codec": "mpeg4", "audio_s": 20},
    "long-sound.ts": {"audio": True, "audio_codec": "mp2", "audio_s": 20},
    "long-sound.avi": {"audio": True, "audio_codec": "mp3", "codec": "mpeg4", "audio_s": 20},
    "short-sound.mkv": {"audio": True, "audio_s": 1},
}


@pytest.mark.parametrize("name", UNDAMAGED)
def test_an_odd_video_without_subtitles_is_whole_and_nothing_but_its_samples_is_decoded(
    tmp_path: Path, name: str
) -> None:
    ended = run_in_process(without_text(tmp_path / name, **{"frames": 150, **UNDAMAGED[name]}), tmp_path)
    assert (ended.partial, ended.warnings, ended.decoded_s) == (False, (), None)
    stages = {record.stage: record.output for record in ended.stages}
    assert set(stages[Stage.EXTRACT_KEYFRAMES]) == {"frames", "full", "pts"}
    assert stages[Stage.CROP_SUBTITLE_IMAGES] == {"crops": 0}


@pytest.mark.parametrize("name", UNDAMAGED)
def test_an_odd_video_that_is_decoded_is_whole(tmp_path: Path, name: str) -> None:
    path = without_text(tmp_path / name, **{"frames": 150, **UNDAMAGED[name]})
    # A region that the settings set is read, whatever it shows.
    ended = run_in_process(path, tmp_path, area_detector={"regions": [{"y0": 0.5}]}, pipeline={"chunk_s": 3})
    assert (ended.partial, ended.warnings) == (False, ())
    assert ended.decoded_s is not None
    assert ended.decoded_s > 0


@pytest.mark.parametrize("suffix", ["mkv", "flv"])
def test_a_file_that_ends_before_its_sound_should_is_partial(tmp_path: Path, suffix: str) -> None:
    """Its picture has ended, but whether there would have been more of it can't be told."""
    whole = without_text(tmp_path / f"whole.{suffix}", frames=150, audio=True, audio_codec="mp3", audio_s=20)
    data = whole.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(data[: len(data) * 95 // 100])
    assert probe(whole, DecoderSettings()).track_duration is (suffix == "mkv")
    ended = run_in_process(cut, tmp_path)
    assert ended.partial is (suffix == "flv")


def test_a_stream_that_begins_behind_the_headers_is_passed_over(tmp_path: Path) -> None:
    """Recordings of MPEG-TS are joined, and a later part may have sound that the first has not."""
    first = without_text(tmp_path / "first.ts", frames=150)
    second = without_text(tmp_path / "second.ts", frames=150, start_s=8, audio=True, audio_codec="mp2", audio_start_s=8)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    ended = run_in_process(joined, tmp_path, area_detector={"regions": [{"y0": 0.5}]})
    frames = next(record for record in ended.stages if record.stage is Stage.CROP_SUBTITLE_IMAGES).output["frames"]
    assert frames >= 299
