"""Videos at addresses: the same frames as from the file; what is not allowed or no video is refused beforehand."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.support.http_files import BLOCK, SETTINGS, Asked, HttpFiles, at, http_files, late, refusal
from tests.support.videos import make_video
from tests.unit.media.test_chunks import WHOLE, own_frames
from tests.unit.media.test_probing import playlists
from yivideo_ray.errors import InputError
from yivideo_ray.locations import Url
from yivideo_ray.media import check_unchanged, plan_chunks, plan_samples, probe, remote, sample_frames
from yivideo_ray.types import VideoInfo


def test_a_video_at_an_address_has_the_facts_and_frames_of_the_file(server: HttpFiles, video: Path) -> None:
    here, there = probe(video, SETTINGS), at(server)
    assert there.path == f"{server.url}/films/film.mp4"
    assert there.size_bytes == video.stat().st_size
    assert (there.mtime_ns, len(there.version)) == (0, 32)
    for name in (
        "container",
        "codec",
        "width",
        "height",
        "time_base",
        "first_pts",
        "origin_s",
        "duration_s",
        "frame_rate",
    ):
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
        return [
            (frame.pts, frame.luma().tobytes())
            for frame in sample_frames(info, plan_samples(info, 9, SETTINGS), SETTINGS)
        ]

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
    root = Path(__file__).parents[4]
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
