"""Which files a request may name."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from yivideo_ray.errors import InputError
from yivideo_ray.http.allowlist import allowed_path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a video in it, beside which lies a file that no request may reach."""
    root = tmp_path / "videos"
    (root / "series").mkdir(parents=True)
    (root / "film.mp4").write_bytes(b"film")
    (root / "series" / "one.mp4").write_bytes(b"one")
    (tmp_path / "canary.mp4").write_bytes(b"canary")
    (tmp_path / "videos-of-others").mkdir()
    (tmp_path / "videos-of-others" / "film.mp4").write_bytes(b"theirs")
    return root


def code(given: str | Path, *roots: Path) -> str:
    with pytest.raises(InputError) as caught:
        allowed_path(str(given), roots)
    return caught.value.code.name


def test_a_file_under_a_root_is_found_by_its_path_without_dots_and_links(root: Path) -> None:
    (root / "link.mp4").symlink_to(root / "film.mp4")
    (root / "way").symlink_to(root / "series", target_is_directory=True)
    film = (root / "film.mp4").resolve()
    for given in ("film.mp4", "./film.mp4", "series/../film.mp4", "link.mp4", "no/../film.mp4"):
        assert allowed_path(f"{root}/{given}", [root]) == film
    assert allowed_path(f"{root}/way/one.mp4", [root.parent / "other", root]) == (root / "series" / "one.mp4").resolve()


def test_a_root_that_is_a_link_may_be_named_either_way(root: Path, tmp_path: Path) -> None:
    alias = tmp_path / "alias"
    alias.symlink_to(root, target_is_directory=True)
    film = (root / "film.mp4").resolve()
    assert allowed_path(f"{alias}/film.mp4", [alias]) == film
    assert allowed_path(str(film), [alias]) == film


def test_names_that_are_odd_are_names(root: Path) -> None:
    for name in ("-dash.mp4", "a:b.mp4", "new\nline.mp4", "电影🎬.mp4", "http:", "%2e%2e.mp4", "~"):
        (root / name).write_bytes(b"x")
        assert allowed_path(f"{root}/{name}", [root]).name == name


@pytest.mark.parametrize(
    "given",
    [
        "{root}/../canary.mp4",
        "{root}/series/../../canary.mp4",
        "{root}/../videos/film.mp4",
        "{root}/../nothing/../videos/film.mp4",
        "{root}-of-others/film.mp4",
        "{root}/../../../../../../../../etc/passwd",
        "/etc/passwd",
        "/proc/self/environ",
        "/{root}/film.mp4",
        "film.mp4",
        "../canary.mp4",
        "~/film.mp4",
        "",
        ".",
        "/",
    ],
)
def test_what_leads_out_of_the_roots_is_refused_in_the_same_words_whether_or_not_it_is_there(
    root: Path, given: str
) -> None:
    assert code(given.format(root=root), root) == "PATH_OUTSIDE_ROOT"


def test_links_that_lead_out_are_refused_whether_or_not_there_is_something(root: Path, tmp_path: Path) -> None:
    (root / "out.mp4").symlink_to(tmp_path / "canary.mp4")
    (root / "nowhere.mp4").symlink_to(tmp_path / "nothing.mp4")
    (root / "up").symlink_to(tmp_path, target_is_directory=True)
    (root / "relative.mp4").symlink_to("../canary.mp4")
    for name in ("out.mp4", "nowhere.mp4", "up/canary.mp4", "up/nothing.mp4", "relative.mp4", "up/../videos/film.mp4"):
        assert code(root / name, root) == "PATH_OUTSIDE_ROOT"


@pytest.mark.parametrize(
    "given",
    [
        "file:{root}/film.mp4",
        "file://{root}/film.mp4",
        "http://127.0.0.1/film.mp4",
        "HTTPS://127.0.0.1/film.mp4",
        "data:video/mp4;base64,AAAA",
        "concat:{root}/film.mp4|/etc/passwd",
        "subfile,,start,0,end,0,,:{root}/film.mp4",
        "s3://bucket/film.mp4",
    ],
)
def test_addresses_are_refused(root: Path, given: str) -> None:
    expected = "PATH_OUTSIDE_ROOT" if "," in given.partition(":")[0] else "INPUT_SCHEME_FORBIDDEN"
    assert code(given.format(root=root), root) == expected


def test_what_is_no_file_with_something_in_it_is_named_for_what_it_is(root: Path) -> None:
    os.mkfifo(root / "fifo")
    (root / "empty.mp4").touch()
    (root / "circle").symlink_to(root / "circle")
    (root / "dangling").symlink_to(root / "nothing")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(root / "socket"))
        assert code(root / "socket", root) == "INPUT_NOT_REGULAR_FILE"
    assert code(root / "fifo", root) == "INPUT_NOT_REGULAR_FILE"
    assert code(root / "series", root) == "INPUT_NOT_REGULAR_FILE"
    assert code(root, root) == "INPUT_NOT_REGULAR_FILE"
    assert code(root / "empty.mp4", root) == "INPUT_EMPTY"
    for name in ("none.mp4", "circle", "dangling", "film.mp4/x", "x" * 300, "a\0b", "\ud800.mp4"):
        assert code(f"{root}/{name}", root) == "INPUT_NOT_FOUND"


def test_without_roots_no_path_may_be_named(root: Path) -> None:
    assert code(root / "film.mp4") == "PATH_OUTSIDE_ROOT"


def test_a_root_that_does_not_exist_holds_nothing(root: Path) -> None:
    assert code(root / "gone" / "film.mp4", root / "gone") == "INPUT_NOT_FOUND"
