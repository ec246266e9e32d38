"""Which addresses are sound, and which of them a prefix allows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yivideo_ray.locations import PACKAGES, Url, is_address, location_of, require_allowed, require_prefix

ALLOWED = ("s3://films", "https://host.example/public/", "https://127.0.0.1:8080", "memory://videos", "gs://b/a b")


@pytest.mark.parametrize(
    "text",
    [
        "s3://films/x.mkv",
        "s3://films/a/b c/电影 🎬.mkv",
        "s3://films/100%.mkv",
        "s3://films/a:b.mkv",
        "https://host.example/public/film.mp4",
        "https://host.example/public/a%20b/%E7%94%B5.mp4",
        "https://127.0.0.1:8080/film.mp4",
        "memory://videos/film.mp4",
        "gs://b/a b/film.mp4",
        "s3://films/...mp4",
    ],
)
def test_what_begins_with_a_prefix_is_allowed(text: str) -> None:
    require_allowed(Url(text), ALLOWED)


HOSTILE = [
    # beside what is allowed
    "s3://films-private/x.mkv",
    "s3://film/x.mkv",
    "s3://Films/x.mkv",
    "s3://films.evil/x.mkv",
    "s3a://films/x.mkv",
    "S3://films/x.mkv",
    "http://host.example/public/film.mp4",
    "https://host.example/publicity/film.mp4",
    "https://host.example/film.mp4",
    "https://host.example/Public/film.mp4",
    "https://host.example.evil/public/film.mp4",
    "https://host.example:443/public/film.mp4",
    "https://host.example./public/film.mp4",
    "https://evil/host.example/public/film.mp4",
    "https://127.0.0.1/film.mp4",
    "https://127.0.0.1:80801/film.mp4",
    "https://2130706433:8080/film.mp4",
    "https://[::1]/film.mp4",
    "https://169.254.169.254/latest/meta-data",
    "gs://b/a/film.mp4",
    # credentials
    "https://user:secret@host.example/public/film.mp4",
    "https://host.example@evil/public/film.mp4",
    "https://host.example%40evil/public/film.mp4",
    "s3://key:secret@films/x.mkv",
    # queries and fragments
    "https://host.example/public/film.mp4?signature=secret",
    "https://host.example/public/film.mp4#x",
    "https://host.example/public?/../film.mp4",
    # steps elsewhere
    "s3://films/../films-private/x.mkv",
    "s3://films/./x.mkv",
    "s3://films//x.mkv",
    "s3://films/a/..",
    "s3://films/%2e%2e/x.mkv",
    "https://host.example/public/../film.mp4",
    "https://host.example/public/%2e%2e/film.mp4",
    "https://host.example/public/%2E./film.mp4",
    "https://host.example/public/%252e%252e/film.mp4",
    "https://host.example/public/%25252e%25252e/film.mp4",
    "https://host.example/public/..%2ffilm.mp4",
    "https://host.example/public/a%2f..%2f..%2ffilm.mp4",
    "https://host.example/public/..%5cfilm.mp4",
    "https://host.example/public/..\\film.mp4",
    "https://host.example/public\\film.mp4",
    "https://host.example/public/film%zz.mp4",
    "https://host.example/public/film%",
    "https://host.example/public/%00film.mp4",
    # characters that split lines and headers, or can't be seen
    "https://host.example/public/a\r\nHost: evil/film.mp4",
    "https://host.example/public/a%0d%0aHost:%20evil/film.mp4",
    "https://host.example/public/a\tb.mp4",
    "s3://films/a\0b.mkv",
    "s3://films/a\u202eb.mkv",
    "s3://films/\ud800.mkv",
    "https://host.example\u3002evil/public/film.mp4",
    "https://h\u043est.example/public/film.mp4",
    # other filesystems, and several of them
    "file:///etc/passwd",
    "local:///etc/passwd",
    "reference://films/x.json",
    "zip://film.mp4",
    "tar://film.mp4",
    "libarchive://film.mp4",
    "dir://films/x",
    "github://films/x",
    "git://films/x",
    "blockcache://films/x",
    "ftp://films/x.mkv",
    "data://films/x.mkv",
    "unknown://films/x.mkv",
    "simplecache::s3://films/x.mkv",
    "zip://film.mp4::s3://films/x.zip",
    "s3://films/x.zip::zip://film.mp4",
    "filecache::file:///etc/passwd",
    "s3://films/x.mkv::file:///etc/passwd",
    # nothing to open
    "s3://films",
    "s3://films/",
    "s3://",
    "s3:///x.mkv",
    "https:///public/film.mp4",
    "https://host.example/public/",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_anything_else_is_refused(text: str) -> None:
    assert is_address(text)
    with pytest.raises(ValueError, match=r"^[a-z].*[^.]$"):
        require_allowed(Url(text), ALLOWED)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_allowed_by_no_prefix(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        require_allowed(Url(text), ())


@pytest.mark.parametrize("prefix", ["s3://films", "s3://films/", "https://host.example/a%20b/c"])
def test_a_slash_at_the_end_of_a_prefix_changes_nothing(prefix: str) -> None:
    assert require_prefix(prefix) == require_prefix(prefix.rstrip("/") + "/")


@pytest.mark.parametrize(
    "prefix",
    ["", "/films", "films", "s3:", "s3://", "s3:///", "file:///films", "https://u:p@host", "s3://a/../b", "s3://a//"],
)
def test_a_prefix_that_no_sound_address_has_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        require_prefix(prefix)


def test_what_may_be_secret_is_not_shown() -> None:
    for text in ("https://u:secret@h/a.mp4?secret=1#secret", "x::https://h/a.mp4", "https://h/a.mp4::zip://secret"):
        assert "secret" not in str(Url(text))
    assert str(Url("https://u:secret@h/a@b.mp4?x")) == "https://h/a@b.mp4"
    assert str(Url("s3://films/a b.mkv")) == "s3://films/a b.mkv"


def test_an_address_names_results_by_its_last_part() -> None:
    assert (Url("s3://films/a/b.c.mkv").name, Url("s3://films/a/b.c.mkv").stem) == ("b.c.mkv", "b.c")


@pytest.mark.parametrize(
    "text", ["film.mp4", "/videos/film.mp4", "a:b.mp4", "C:\\film.mp4", "file:/etc/passwd", "data:x", ""]
)
def test_what_has_no_protocol_with_slashes_is_a_path(text: str) -> None:
    assert location_of(text) == Path(text)


@given(st.text(max_size=30))
def test_whatever_follows_a_prefix_is_under_it_or_refused(rest: str) -> None:
    text = f"https://host.example/public{rest}"
    try:
        require_allowed(Url(text), ["https://host.example/public"])
    except ValueError:
        return
    # The prefix itself may be what is there.
    assert not rest or rest.startswith("/")
    assert not rest or not {"", ".", ".."} & set(rest[1:].split("/"))
    assert str(Url(text)) == text


def test_every_protocol_that_can_be_allowed_is_known_to_fsspec_and_opens_nothing_else() -> None:
    registry = pytest.importorskip("fsspec.registry")
    assert set(PACKAGES) <= set(registry.known_implementations)
    for protocol in PACKAGES:
        kind = registry.known_implementations[protocol]["class"]
        assert not any(part in kind for part in ("local", "cached", "reference", "zip", "tar", "dirfs", "chained"))
