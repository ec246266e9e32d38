"""Videos at addresses: the same frames as from the file, and an error of its own for everything that goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.http_files import Asked, HttpFiles, http_files
from tests.unit.test_media_chunks import WHOLE, own_frames
from tests.unit.test_media_probe import playlists
from tests.videos import make_video
from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError
from yivideo_ray.media import check_unchanged, plan_chunks, probe, read_chunk, remote, sample_frames
from yivideo_ray.types import VideoInfo
from yivideo_ray.urls import Url

SETTINGS = DecoderSettings(url_timeout_s=20)
HASTY = DecoderSettings(url_timeout_s=0.5)
BLOCK = 4096


@pytest.fixture(autouse=True)
def small_blocks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Videos of tests are small, and nobody waits for a server that is to fail."""
    monkeypatch.setattr(remote, "BLOCK_BYTES", BLOCK)
    monkeypatch.setattr(remote, "WAITS_S", (0.0, 0.0))


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("remote")
    return make_video(directory / "film.mp4", frames=150, gop=20, size=(160, 96), b_frames=2, audio=True)


@pytest.fixture
def server(video: Path) -> Iterator[HttpFiles]:
    with http_files() as found:
        found.files["/films/film.mp4"] = video.read_bytes()
        yield found


def at(server: HttpFiles, path: str = "/films/film.mp4", settings: DecoderSettings = SETTINGS) -> VideoInfo:
    return probe(Url(server.url + path), settings, [f"{server.url}/films"])


def refusal(server: HttpFiles, path: str = "/films/film.mp4", settings: DecoderSettings = SETTINGS) -> InputError:
    with pytest.raises(InputError) as caught:
        at(server, path, settings)
    assert caught.value.message.endswith(".")
    return caught.value


def test_a_video_at_an_address_has_the_facts_and_frames_of_the_file(server: HttpFiles, video: Path) -> None:
    here, there = probe(video, SETTINGS), at(server)
    assert there.path == f"{server.url}/films/film.mp4"
    assert there.size_bytes == video.stat().st_size
    assert (there.mtime_ns, len(there.version)) == (0, 32)
    for name in ("container", "codec", "width", "height", "time_base", "start_pts", "duration_s", "frame_rate"):
        assert getattr(there, name) == getattr(here, name), name
    assert own_frames(there, WHOLE, SETTINGS) == own_frames(here, WHOLE, SETTINGS)
    for span in plan_chunks(here, 1.3):
        assert own_frames(there, span, SETTINGS) == own_frames(here, span, SETTINGS)


@pytest.mark.parametrize("suffix", ["mkv", "ts", "avi", "mpg"])
def test_other_containers_give_the_same_as_well(server: HttpFiles, tmp_path: Path, suffix: str) -> None:
    codec = {"avi": "mpeg4", "mpg": "mpeg2video"}.get(suffix, "libx264")
    made = make_video(tmp_path / f"film.{suffix}", frames=100, gop=20, size=(96, 64), codec=codec)
    server.files[f"/films/film.{suffix}"] = made.read_bytes()
    here, there = probe(made, SETTINGS), at(server, f"/films/film.{suffix}")
    for span in plan_chunks(here, 1.3):
        assert own_frames(there, span, SETTINGS) == own_frames(here, span, SETTINGS)


def test_samples_are_those_of_the_file(server: HttpFiles, video: Path) -> None:
    def seen(info: VideoInfo) -> list[tuple[int, bytes]]:
        return [(frame.pts, frame.luma().tobytes()) for frame in sample_frames(info, 9, SETTINGS)]

    assert seen(at(server)) == seen(probe(video, SETTINGS))


def test_a_chunk_fetches_its_part_of_the_file_and_not_all(server: HttpFiles, tmp_path: Path) -> None:
    made = make_video(tmp_path / "long.mp4", frames=1000, gop=25, mux_options={"movflags": "faststart"})
    server.files["/films/long.mp4"] = made.read_bytes()
    info = at(server, "/films/long.mp4")
    server.asked.clear()
    assert own_frames(info, plan_chunks(info, 4)[5], SETTINGS)
    fetched = sum((part.end or 0) - (part.start or 0) for part in server.parts)
    assert 0 < fetched < info.size_bytes / 2
    assert {part.headers["Accept-Encoding"] for part in server.parts} == {"identity"}


def test_who_reads_on_asks_for_ever_more_and_who_seeks_for_little(server: HttpFiles) -> None:
    data = bytes(range(256)) * 16 * 40
    server.files["/films/bytes"] = data
    file = remote.RemoteFile(Url(f"{server.url}/films/bytes"), len(data), 20)
    found = bytearray()
    while part := file.read(1000):
        assert len(part) <= 1000
        found += part
    assert found == data
    assert [((part.end or 0) - (part.start or 0)) // BLOCK for part in server.parts] == [1, 2, 4, 8, 16, 9]
    server.asked.clear()
    for position in (5 * BLOCK - 3, 5 * BLOCK - 1, 2 * BLOCK, 39 * BLOCK, len(data) - 1, len(data), len(data) + 5):
        assert file.seek(position) == position
        assert file.read(10) == data[position : min(position + 10, (position // BLOCK + 1) * BLOCK)]
    assert file.seek(-1, os.SEEK_END) == len(data) - 1
    assert [((part.end or 0) - (part.start or 0)) // BLOCK for part in server.parts] == [1, 1]
    file.check()


def test_memory_is_read_like_any_other_filesystem(video: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    there = fsspec.filesystem("memory")
    there.pipe_file("/remote-tests/film.mp4", video.read_bytes())
    try:
        info = probe("memory://remote-tests/film.mp4", SETTINGS, ["memory://remote-tests"])
        assert own_frames(info, WHOLE, SETTINGS) == own_frames(probe(video, SETTINGS), WHOLE, SETTINGS)
        check_unchanged(info, SETTINGS)
        there.pipe_file("/remote-tests/film.mp4", video.read_bytes())
        with pytest.raises(InputError) as caught:
            check_unchanged(info, SETTINGS)
        assert caught.value.code.name == "INPUT_CHANGED"
        with pytest.raises(InputError) as caught:
            probe("memory://remote-tests", SETTINGS, ["memory://remote-tests"])
        assert caught.value.code.name == "INPUT_SCHEME_FORBIDDEN"
        there.pipe_file("/remote-tests/a/b.mp4", b"x")
        with pytest.raises(InputError) as caught:
            probe("memory://remote-tests/a", SETTINGS, ["memory://remote-tests"])
        assert caught.value.code.name == "INPUT_NOT_REGULAR_FILE"
    finally:
        there.rm("/remote-tests", recursive=True)


def test_no_address_is_asked_for_unless_the_settings_allow_it(server: HttpFiles) -> None:
    address = f"{server.url}/films/film.mp4"
    elsewhere = [f"{server.url}/film", f"{server.url}0/films", "https://127.0.0.1/films", "memory://films"]
    for allowed in ([], elsewhere):
        for given in (address, Url(address), Url(f"{server.url}/films/../films/film.mp4"), Path(address)):
            with pytest.raises(InputError) as caught:
                probe(given, SETTINGS, allowed)
            assert caught.value.code.name == "INPUT_SCHEME_FORBIDDEN"
            assert "storage.allowed_urls" in caught.value.remedy
    assert server.asked == []


def test_what_may_be_secret_is_not_told(server: HttpFiles) -> None:
    with pytest.raises(InputError) as caught:
        probe(f"{server.url.replace('://', '://me:s3cret@')}/films/film.mp4?s3cret", SETTINGS, [server.url])
    assert caught.value.code.name == "INPUT_SCHEME_FORBIDDEN"
    assert "s3cret" not in repr(caught.value.as_dict())
    assert server.asked == []


def test_a_file_with_the_name_of_an_address_is_a_file(video: Path, tmp_path: Path) -> None:
    (tmp_path / "s3:" / "films").mkdir(parents=True)
    (tmp_path / "s3:" / "films" / "film.mp4").hardlink_to(video)
    there = Path.cwd()
    try:
        os.chdir(tmp_path)
        info = probe("s3://films/film.mp4", SETTINGS)
    finally:
        os.chdir(there)
    assert info.path == str(tmp_path / "s3:" / "films" / "film.mp4")


@pytest.mark.parametrize(
    ("trouble", "code", "requests"),
    [
        ("404", "INPUT_NOT_FOUND", 2),
        ("410", "INPUT_NOT_FOUND", 2),
        ("401", "INPUT_UNREADABLE", 2),
        ("403", "INPUT_UNREADABLE", 2),
        ("400", "INPUT_UNREADABLE", 2),
        ("429", "INPUT_UNREACHABLE", 6),
        ("500", "INPUT_UNREACHABLE", 6),
        ("503", "INPUT_UNREACHABLE", 6),
        ("unsized", "INPUT_UNREADABLE", 2),
    ],
)
def test_what_a_server_answers_instead_has_its_code(server: HttpFiles, trouble: str, code: str, requests: int) -> None:
    server.trouble = lambda _: trouble
    error = refusal(server)
    assert error.code.name == code
    assert "http" in error.message
    # HEAD and GET each time; what may pass is tried three times.
    assert len(server.asked) == requests


def test_what_is_no_video_has_the_code_that_it_has_as_a_file(server: HttpFiles, video: Path) -> None:
    server.files |= {
        "/films/empty.mp4": b"",
        "/films/text.mp4": b"Not a film.\n" * 100,
        "/films/cut.mp4": video.read_bytes()[:9000],
    }
    codes = {name: refusal(server, f"/films/{name}.mp4").code.name for name in ("empty", "text", "cut", "missing")}
    assert codes == {
        "empty": "INPUT_EMPTY",
        "text": "INPUT_UNRECOGNIZED",
        "cut": "INPUT_CORRUPT",
        "missing": "INPUT_NOT_FOUND",
    }


@pytest.mark.parametrize("kind", playlists(""))
def test_a_playlist_is_refused_and_asks_for_nothing(
    server: HttpFiles, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for target in ("film.mp4", f"{server.url}/films/film.mp4"):
        server.files["/films/list.mp4"] = playlists(target)[kind].encode()
        assert refusal(server, "/films/list.mp4").code.name == "INPUT_FORMAT_FORBIDDEN"
        # FFmpeg itself opens nothing either, should a playlist ever get past the look at its first bytes.
        with monkeypatch.context() as patched:
            patched.setattr("yivideo_ray.media.opening._refuse_playlist", lambda *_: None)
            assert refusal(server, "/films/list.mp4").code.name == "INPUT_UNRECOGNIZED"
    assert {asked.path for asked in server.asked} == {"/films/list.mp4"}


def test_a_redirect_is_not_followed_wherever_it_leads(server: HttpFiles) -> None:
    with http_files() as other:
        other.files["/films/film.mp4"] = server.files["/films/film.mp4"]
        for target in (f"{other.url}/films/film.mp4", f"{server.url}/films/other.mp4", "file:///etc/passwd"):
            server.trouble = partial(_for_the_film, target)
            error = refusal(server)
            assert error.code.name == "INPUT_SCHEME_FORBIDDEN"
            assert target not in str(error)
        assert other.asked == []
    assert {asked.path for asked in server.asked} == {"/films/film.mp4"}


def _for_the_film(target: str, asked: Asked) -> str | None:
    return target if asked.path == "/films/film.mp4" else None


def test_a_redirect_that_begins_later_is_not_followed_nor_taken_for_the_video(server: HttpFiles) -> None:
    info = at(server)
    with http_files() as other:
        server.trouble = lambda asked: f"{other.url}/films/film.mp4" if late(asked) else None
        with pytest.raises(InputError) as caught:
            own_frames(info, WHOLE, SETTINGS)
        assert caught.value.code.name == "INPUT_SCHEME_FORBIDDEN"
        assert other.asked == []


def late(asked: Asked) -> bool:
    return asked.start is not None and asked.start >= 2 * BLOCK


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
            assert reader.reached_end == (len(seen) == 150)


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
        frames=150,
        gop=20,
        mux_options={"movflags": "faststart"} if suffix == "mp4" else {},
    )
    server.files[f"/films/film.{suffix}"] = made.read_bytes()
    info = at(server, f"/films/film.{suffix}")
    half = info.size_bytes // 2
    server.trouble = lambda asked: trouble if (asked.start or 0) >= half else None
    found, frames = failure(info)
    assert found == code
    assert frames < 150
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
    assert (caught.value.code.name, len(seen)) == ("INPUT_CHANGED", 150)
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


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(InputError) as caught:
        probe("s3://films/film.mp4", SETTINGS, ["s3://films"])
    assert caught.value.code.name == "DEPENDENCY_MISSING"
    assert "pip install s3fs" in caught.value.remedy
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(InputError) as caught:
        probe("memory://films/film.mp4", SETTINGS, ["memory://films"])
    assert "pip install fsspec" in caught.value.remedy


def test_files_are_read_without_the_packages_that_addresses_need(video: Path) -> None:
    code = (
        "import sys\nfrom yivideo_ray.config import DecoderSettings\nfrom yivideo_ray.media import probe\n"
        f"probe({str(video)!r}, DecoderSettings())\nprint(sorted({{'fsspec', 'aiohttp'}} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_nodes_own_configuration_of_fsspec_counts_but_can_not_have_redirects_followed(
    server: HttpFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = pytest.importorskip("fsspec.config")
    own = {"headers": {"Authorization": "Bearer of-the-node"}, "allow_redirects": True}
    monkeypatch.setitem(config.conf, "http", own)
    at(server)
    assert {asked.headers.get("Authorization") for asked in server.asked} == {"Bearer of-the-node"}
    server.trouble = lambda _: f"{server.url}/films/other.mp4"
    assert refusal(server).code.name == "INPUT_SCHEME_FORBIDDEN"
