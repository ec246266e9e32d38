"""Which script characters, lines and videos are in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yivideo_ray.text.scripts import Script, holds_japanese, is_katakana, is_unspaced, line_script, script_of

CHINESE = "我们这边没有人说话，谁来开门？"
JAPANESE = "誰も気がつかないうちに雨が降り出した。"


@pytest.mark.parametrize(
    ("chars", "script"),
    [
        ("我們時々〇㐀𠀀豈ㄅ", Script.HAN),
        ("あアーｱゝヽ", Script.KANA),
        ("가ㄱᄀ", Script.HANGUL),
        ("aÉœＡªK", Script.LATIN),
        ("яЁ", Script.CYRILLIC),
        ("ωΩ", Script.GREEK),
        ("გ", Script.OTHER),
    ],
)
def test_a_letter_is_in_one_script(chars: str, script: Script) -> None:
    assert {script_of(char) for char in chars} == {script}


@pytest.mark.parametrize("char", [*"1９，。、・！—_ \u3000♪‘ʼ\n"])
def test_marks_digits_and_spaces_are_in_no_script(char: str) -> None:
    assert script_of(char) is None


@pytest.mark.parametrize(
    ("line", "script"),
    [
        ("你好", "han"),
        ("我爱NBA", "han"),
        ("Tom说：好", "han"),
        ("iPhone 15 Pro Max 来了", "han"),
        ("这个project的deadline是next Monday", "han"),
        ("時々", "han"),
        ("第一", "han"),
        ("一", "han"),
        ("一 Yes.", "latin"),
        ("Wi一Fi", "latin"),
        ("In China 中 means middle", "latin"),
        ("どこへ行くの？", "kana"),
        ("東京タワーで待つ", "kana"),
        ("ｱｲｳ", "kana"),
        ("안녕하세요", "hangul"),
        ("BTS가 왔다", "hangul"),
        ("Hello, world", "latin"),
        ("Où est-il ?", "latin"),
        ("Ｈｅｌｌｏ", "latin"),
        ("Привет, NBA", "cyrillic"),
        ("Hеllo", "latin"),  # with a Cyrillic е, as models confuse them
        ("Γειά σου", "greek"),
        ("مرحبا", "arabic"),
        ("שלום", "hebrew"),
        ("สวัสดี", "thai"),
        ("नमस्ते", "devanagari"),
        ("გამარჯობა", "other"),
        ("1984", None),
        ("...", None),
        ("♪ ♪", None),
        ("", None),
    ],
)
def test_a_line_is_in_the_script_that_has_most_of_it(line: str, script: str | None) -> None:
    assert line_script(line) == script


@pytest.mark.parametrize(
    ("lines", "there"),
    [
        ([JAPANESE], True),
        ([CHINESE, JAPANESE], True),
        ([CHINESE], False),
        # A brand in kana, a sign behind the subtitle.
        ([CHINESE] * 4 + ["我爱の"], False),
        # A long mark may be a one or a dash that was misread.
        (["ー个人", "第ー次"], False),
        # Mostly kanji, as a caption of the news.
        (["東京株式市場で 午前の取引終了"], True),
        # Half-width kana are kana.
        (["ﾃﾚﾋﾞ"], True),
        (["Hello", "你好"], False),
        ([], False),
    ],
)
def test_japanese_is_told_by_the_share_of_its_kana(lines: list[str], there: bool) -> None:
    assert holds_japanese(lines) == there


@pytest.mark.parametrize(("chars", "expected"), [("アーヴ・ヽ", True), ("あ字aゝ。", False)])
def test_katakana_is_told_from_hiragana(chars: str, expected: bool) -> None:
    assert all(is_katakana(char) == expected for char in chars)


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1, max_size=10))
def test_han_is_unspaced(text: str) -> None:
    assert all(is_unspaced(char) for char in text)


@given(st.text(alphabet=st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=1, max_size=10))
def test_hangul_is_spaced(text: str) -> None:
    assert not any(is_unspaced(char) for char in text)


def test_single_letters_of_hangul_are_spaced_too() -> None:
    assert not any(is_unspaced(char) for char in "ㅋㅋᄒㅏ")


def test_latin_is_spaced() -> None:
    assert not any(is_unspaced(char) for char in "aÉ1.,—")
