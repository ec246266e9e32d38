"""Videos at addresses that can't be had while they are read: an error that says so, never the end nor damage."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.support.http_files import BLOCK, FRAMES, SETTINGS, Asked, HttpFiles, at, http_files, late, refusal
from tests.support.videos import make_video
from tests.unit.media.test_chunks import WHOLE, own_frames
from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError
from yivideo_ray.media import check_unchanged, probe, read_chunk, remote
from yivideo_ray.types import VideoInfo

HASTY = DecoderSettings(url_timeout_s=0.5)


def read(
    info: VideoInfo, settings: DecoderSettings, seen: list[int], then: Callable[[int], None] | None = None
) -> None:
    """Adds the pts of all frames to seen, and asserts that nothing looks like damage."""
    with read_chunk(info, WHOLE, settings) as reader:
        try:
            for frame in reader:
                seen.append(frame.pts)
                if then is not None:
                    then(len(seen))
        finally:
            assert reader.corrupt_packets == 0
            assert reader.reached_end == (len(seen) == FRAMES)


def failure(info: VideoInfo, settings: DecoderSettings = SETTINGS) -> tuple[str, int]:
    """Returns the code of what reading a whole video raises, and how many frames came before."""
    seen: list[int] = []
    with pytest.raises(InputError) as caught:
        read(info, settings, seen)
    return caught.value.code.name, len(seen)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        ("drop", "INPUT_UNREACHABLE"),
        ("500", "INPUT_UNREACHABLE"),
        ("404", "INPUT_NOT_FOUND"),
        ("403", "INPUT_UNREADABLE"),
        ("whole", "INPUT_UNREADABLE"),
        ("short", "INPUT_CHANGED"),
    ],
)
def test_bytes_that_can_not_be_had_are_neither_the_end_nor_damage(
    server: HttpFiles, tmp_path: Path, suffix: str, trouble: str, code: str
) -> None:
    made = make_video(
        tmp_path / f"film.{suffix}",
        frames=FRAMES,
        gop=20,
        mux_options={"movflags": "faststart"} if suffix == "mp4" else {},
    )
    server.files[f"/films/film.{suffix}"] = made.read_bytes()
    info = at(server, f"/films/film.{suffix}")
    half = info.size_bytes // 2
    server.trouble = lambda asked: trouble if (asked.start or 0) >= half else None
    found, frames = failure(info)
    assert found == code
    assert frames < FRAMES
    # What a transport stream lasts, FFmpeg looks for at its end.
    assert frames > 0 or suffix == "ts"


def test_trouble_while_a_video_is_probed_is_no_damage(server: HttpFiles) -> None:
    for trouble, code in (("drop", "INPUT_UNREACHABLE"), ("short", "INPUT_CHANGED")):
        server.trouble = partial(_for_parts, trouble, lambda start: start == 0)
        assert refusal(server).code.name == code
        server.trouble = partial(_for_parts, trouble, lambda start: start >= 2 * BLOCK)
        assert refusal(server).code.name == code


def test_trouble_with_the_first_frames_is_no_short_video(server: HttpFiles, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (40, 96, 128, 3), np.uint8)
    made = make_video(
        tmp_path / "noise.mp4",
        frames=40,
        size=(128, 96),
        mux_options={"movflags": "faststart"},
        background=lambda number: noise[number],
    )
    server.files["/films/noise.mp4"] = made.read_bytes()
    at(server, "/films/noise.mp4")
    last = max(part.start or 0 for part in server.parts)
    assert last < len(server.files["/films/noise.mp4"]) - BLOCK
    server.trouble = partial(_for_parts, "503", lambda start: start == last)
    assert refusal(server, "/films/noise.mp4").code.name == "INPUT_UNREACHABLE"


def _for_parts(trouble: str, chosen: Callable[[int], bool], asked: Asked) -> str | None:
    return trouble if asked.start is not None and chosen(asked.start) else None


def test_what_fails_once_is_asked_for_again(server: HttpFiles, video: Path) -> None:
    failed: set[int | None] = set()

    def once(asked: Asked) -> str | None:
        if asked.method == "HEAD" or asked.start in failed:
            return None
        failed.add(asked.start)
        return "drop" if asked.start == 0 else "503"

    server.trouble = once
    assert own_frames(at(server), WHOLE, SETTINGS) == own_frames(probe(video, SETTINGS), WHOLE, SETTINGS)
    assert len(failed) > 2


def test_a_server_that_stalls_is_given_up(server: HttpFiles) -> None:
    info = at(server)
    server.trouble = lambda asked: "stall" if late(asked) else None
    code, _ = failure(info, HASTY)
    assert code == "INPUT_UNREACHABLE"
    server.trouble = lambda asked: "stall" if asked.method == "GET" else None
    assert refusal(server, settings=HASTY).code.name == "INPUT_UNREACHABLE"


def test_a_filesystem_without_limits_of_its_own_is_given_up_as_well(
    monkeypatch: pytest.MonkeyPatch, video: Path
) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/remote-tests/film.mp4", video.read_bytes())
    info = probe("memory://remote-tests/film.mp4", HASTY, ["memory://remote-tests"])
    over = threading.Event()
    monkeypatch.setattr(type(memory), "cat_file", lambda *_, **__: over.wait(60))
    try:
        assert failure_when_opened(info, HASTY) == "INPUT_UNREACHABLE"
    finally:
        over.set()
        memory.rm("/remote-tests", recursive=True)


def failure_when_opened(info: VideoInfo, settings: DecoderSettings = SETTINGS) -> str:
    with pytest.raises(InputError) as caught:
        read_chunk(info, WHOLE, settings)
    return caught.value.code.name


def test_a_server_that_is_gone_is_unreachable(server: HttpFiles) -> None:
    with http_files() as gone:
        gone.files["/films/film.mp4"] = server.files["/films/film.mp4"]
        info = at(gone)
    assert failure_when_opened(info) == "INPUT_UNREACHABLE"


def test_other_content_is_noticed_when_it_is_opened_and_at_its_end(server: HttpFiles, video: Path) -> None:
    info = at(server)
    data = server.files["/films/film.mp4"]
    server.files["/films/film.mp4"] = data[:-1] + b"\x01"
    assert failure_when_opened(info) == "INPUT_CHANGED"
    server.files["/films/film.mp4"] = data

    def change(number: int) -> None:
        server.files["/films/film.mp4"] = data + b"more"

    seen: list[int] = []
    with pytest.raises(InputError) as caught:
        read(info, SETTINGS, seen, change)
    assert (caught.value.code.name, len(seen)) == ("INPUT_CHANGED", FRAMES)
    del server.files["/films/film.mp4"]
    assert failure_when_opened(info) == "INPUT_NOT_FOUND"


def test_without_a_version_the_size_tells(server: HttpFiles) -> None:
    server.tells_version = False
    info = at(server)
    assert (info.version, info.identity) == ("", (info.size_bytes, 0))
    check_unchanged(info, SETTINGS)
    server.files["/films/film.mp4"] += b"more"
    assert failure_when_opened(info) == "INPUT_CHANGED"


def test_an_interruption_while_bytes_are_awaited_ends_the_reading(
    server: HttpFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyAV drops it in its callback, and FFmpeg would ask again for ever."""
    info = at(server)
    fetched = remote.RemoteFile._fetched

    def interrupted(self: remote.RemoteFile, start: int, end: int) -> bytes:
        if start >= 2 * BLOCK:
            raise KeyboardInterrupt
        return fetched(self, start, end)

    monkeypatch.setattr(remote.RemoteFile, "_fetched", interrupted)
    with pytest.raises(KeyboardInterrupt), read_chunk(info, WHOLE, SETTINGS) as reader:
        list(reader)
