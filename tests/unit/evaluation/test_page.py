"""The page of a corpus: whole without anything else, everything escaped, every miss with its texts and its picture."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.corpora import cue, write_clips, write_results
from tests.support.videos import make_video
from yivideo_ray.errors import InputError
from yivideo_ray.evaluation import page as pages
from yivideo_ray.evaluation.corpus import read_corpus
from yivideo_ray.evaluation.judging import ClipScore, Evaluation, evaluate
from yivideo_ray.evaluation.page import render, write_page
from yivideo_ray.evaluation.pictures import Picture

EVIL = "<script>alert('1')</script> & \"so\""
TRUTH = {
    "film": (cue(0.2, 0.4, "Where is he?"), cue(0.5, 0.7, EVIL)),
    "fine": (cue(0.2, 0.4, "Good."),),
    "NEG_street": None,
}
RESULT = {
    "film": (cue(0.2, 0.4, "Where ishe?"),),
    "fine": TRUTH["fine"] or (),
    "NEG_street": (cue(0, 1, "SALE <now>"),),
}
INDEX = "name\tkind\nfilm\t<b>films</b>\nfine\tother\n"


class _Checker(HTMLParser):
    """Collects attributes and complains about elements that are closed out of order."""

    VOID = frozenset({"meta", "br", "img"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def no_pictures(clip: ClipScore, moments_s: Sequence[float]) -> Mapping[float, Picture]:
    return {}


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return write_clips(tmp_path / "clips", TRUTH, INDEX)


@pytest.fixture
def found(clips: Path, tmp_path: Path) -> Evaluation:
    return evaluate(read_corpus(clips), write_results(tmp_path / "results", RESULT))


@pytest.fixture
def other(clips: Path, tmp_path: Path) -> Evaluation:
    return evaluate(read_corpus(clips), write_results(tmp_path / "other", {"film": TRUTH["film"] or (), "fine": ()}))


def article(page: str, text: str) -> str:
    found: list[str] = re.findall(r"<article>.*?</article>", page, re.DOTALL)
    (only,) = (part for part in found if text in part)
    return only


def test_misses_phantoms_and_wrong_texts_are_shown_and_nothing_else(found: Evaluation) -> None:
    page = render(found, None, no_pictures)
    assert "<h2>3 misses</h2>" in page
    assert page.count("<article>") == 3
    assert "text not exact" in article(page, '<del title="not in the result">')
    assert "missed" in article(page, "alert")
    assert "false: nothing is shown there" in article(page, "SALE")
    assert "<h3>fine</h3>" not in page
    assert "This clip has no subtitles." in page


def test_the_page_is_well_formed_needs_nothing_else_and_escapes_all_texts(found: Evaluation, other: Evaluation) -> None:
    page = render(found, other, no_pictures)
    checked = _Checker(page)
    assert "script" not in checked.tags
    assert "b" not in checked.tags
    assert not any(name in {"src", "href", "onerror"} for _, name, _ in checked.attributes)
    assert "http" not in page
    assert "&lt;b&gt;films&lt;/b&gt;" in page


def test_another_tool_stands_beside_in_the_table_and_in_every_miss(found: Evaluation, other: Evaluation) -> None:
    page = render(found, other, no_pictures)
    assert "Beside another" in page
    assert "0.5000 | 1.0000" in page
    assert "<dt>the other</dt>" in article(page, "text not exact")
    assert "NEG_street counts as empty" not in page, "that is the other's problem"
    assert "Beside another" not in render(found, None, no_pictures)


def test_each_miss_has_the_frame_in_its_middle(found: Evaluation) -> None:
    asked: dict[str, list[float]] = {}

    def pictures(clip: ClipScore, moments_s: Sequence[float]) -> Mapping[float, Picture]:
        asked[clip.clip.name] = list(moments_s)
        return {moment: Picture(b"jpeg", 32, 18, moment) for moment in moments_s}

    page = render(found, None, pictures)
    assert {name: pytest.approx(moments) for name, moments in asked.items()} == {
        "film": [0.3, 0.6],
        "NEG_street": [0.5],
    }
    images = [value for tag, name, value in _Checker(page).attributes if (tag, name) == ("img", "src")]
    assert images == [f"data:image/jpeg;base64,{base64.b64encode(b'jpeg').decode()}"] * 3


def test_what_is_beyond_the_quota_is_shown_as_text(found: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_PICTURED", 2)

    def pictures(clip: ClipScore, moments_s: Sequence[float]) -> Mapping[float, Picture]:
        return {moment: Picture(b"jpeg", 32, 18, moment) for moment in moments_s}

    page = render(found, None, pictures)
    assert "Pictures are shown for 2 of them" in page
    assert (page.count("<article>"), page.count("<img")) == (3, 2)


def test_a_video_that_can_not_be_read_leaves_its_texts_and_says_why(found: Evaluation) -> None:
    def pictures(clip: ClipScore, moments_s: Sequence[float]) -> Mapping[float, Picture]:
        raise InputError("the <file> is gone.")

    page = render(found, None, pictures)
    assert page.count("No pictures: the &lt;file&gt; is gone.") == 2
    assert page.count("<article>") == 3


def test_pictures_are_cut_from_the_videos(found: Evaluation, clips: Path, tmp_path: Path) -> None:
    make_video(clips / "film.mp4", frames=20, size=(64, 48))
    path = tmp_path / "page.html"
    write_page(path, found)
    page = path.read_text(encoding="utf-8")
    images = re.findall(r'src="data:image/jpeg;base64,([^"]+)" width="64" height="48"', page)
    assert len(images) == 2
    assert all(base64.b64decode(image).startswith(b"\xff\xd8") for image in images)
    assert 'alt="film at 0.280 s"' in page
    # The other video has no bytes.
    assert page.count("No pictures: ") == 1
