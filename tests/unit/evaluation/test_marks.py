"""Differences of two texts as HTML: what is marked, what is made visible, what is escaped."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yivideo_ray.evaluation.marks import code_points, marked, shown

SPACE = '<span class="space">␣</span>'


def plain(text: str) -> str:
    """Returns marked text as it was: the reverse of what is made visible."""
    return html.unescape(re.sub(r"<[^>]*>", "", text.replace("<br>", "\n"))).replace("␣", " ").replace("↵\n", "\n")


def test_only_what_differs_is_marked_on_its_side() -> None:
    assert marked(["Room 412"], ["Roam 41"]) == (
        f'Ro<del title="not in the result">o</del>m{SPACE}41<del title="not in the result">2</del>',
        f'Ro<ins title="not in the truth">a</ins>m{SPACE}41',
    )


def test_a_lost_space_and_a_lost_line_break_can_be_seen() -> None:
    true, found = marked(["He is", "here"], ["Heis here"])
    assert f'He<del title="not in the result">{SPACE}</del>is' in true
    assert '<del title="not in the result"><span class="space">↵</span><br></del>' in true
    assert f'<ins title="not in the truth">{SPACE}</ins>' in found


def test_the_same_text_in_another_composition_is_no_difference() -> None:
    assert marked(["e\u0301te\u0301 "], ["été"]) == ("été", "été")


def test_invisible_characters_show_as_their_code() -> None:
    assert shown(["a\u200bb\u3000c\ud800"]) == (
        'a<span class="code">U+200B</span>b<span class="code">U+3000</span>c<span class="code">U+D800</span>'
    )


def test_everything_is_escaped() -> None:
    assert shown(["<b>&\"'"]) == "&lt;b&gt;&amp;&quot;&#x27;"
    true, found = marked(["<i>"], ["</i>"])
    assert "<i>" not in true
    assert "</i>" not in found


@pytest.mark.parametrize(
    ("true", "found", "expected"),
    [
        (["好？"], ["好?"], ["？ U+FF1F → ? U+003F"]),
        (["a b", "c"], ["ab c"], ["␣ U+0020 → nothing", "line break → ␣ U+0020"]),
        (["ab"], ["a\u200bb"], ["nothing → U+200B"]),
        (["Room 12"], ["Roam 1"], []),
        (["\u0430bc"], ["abc"], ["\u0430 U+0430 → a U+0061"]),
        (["same"], ["same"], []),
    ],
)
def test_what_looks_alike_is_told_apart_by_code(true: list[str], found: list[str], expected: list[str]) -> None:
    assert code_points(true, found) == expected


def test_many_differences_are_not_spelled_out() -> None:
    assert code_points(["a.b.c.d.e.f.g."], ["a,b,c,d,e,f,g,"]) == []


lines = st.lists(st.text(st.sampled_from("ab <&好"), min_size=1).map(str.strip).filter(bool), min_size=1, max_size=2)


@given(lines, lines)
def test_no_character_is_lost_or_added(true: list[str], found: list[str]) -> None:
    left, right = marked(true, found)
    assert (plain(left), plain(right)) == ("\n".join(true), "\n".join(found))
    assert ("<del" in left or "<ins" in right) == (true != found)
