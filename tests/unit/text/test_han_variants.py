"""A character that the model was unsure of is written as the rest of the video is; what is certain stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cues import line
from yivideo_ray.geometry import Box
from yivideo_ray.text.han_variants import HanVariant, form_in, settle_variants, variant_of
from yivideo_ray.types import CropText, TextLine

SIMPLIFIED = "我们这边没有人说话，谁来开门？"
TRADITIONAL = "我們這邊沒有人說話，誰來開門？"
JAPANESE = "誰も気がつかないうちに雨が降り出した。"
KOREAN_AND_LATIN = "그 사람은 누구입니까? Who is that?"


def text(*lines: str, doubtful: str = "", confidence: float = 0.99) -> CropText:
    made = (line(one, confidence, doubtful) for one in lines)
    return CropText("0:1", tuple(TextLine(one.text, one.confidence, Box(0, 0, 9, 9), one.chars) for one in made))


def settled(*texts: CropText) -> list[str]:
    found = settle_variants(texts)[0]
    assert all(
        "".join(char.text for char in one.chars) == one.text.replace(" ", "") for each in found for one in each.lines
    )
    return [one.text for each in found for one in each.lines]


@pytest.mark.parametrize(
    ("said", "variant"),
    [
        (SIMPLIFIED, HanVariant.SIMPLIFIED),
        (TRADITIONAL, HanVariant.TRADITIONAL),
        (JAPANESE, HanVariant.JAPANESE),
        (SIMPLIFIED * 5 + "の", HanVariant.SIMPLIFIED),
        (SIMPLIFIED + KOREAN_AND_LATIN, HanVariant.SIMPLIFIED),
        (KOREAN_AND_LATIN, None),
        ("人山人海", None),
        (SIMPLIFIED + TRADITIONAL, None),
        (SIMPLIFIED + JAPANESE, None),
        # A line of Japanese in a Chinese video says nothing of the others.
        (SIMPLIFIED * 12 + JAPANESE, HanVariant.SIMPLIFIED),
        # Japanese with little kana.
        ("東京株式市場で午前の取引終了", HanVariant.JAPANESE),
        ("", None),
    ],
)
def test_the_variant_is_told_by_the_characters_that_only_one_has(said: str, variant: HanVariant | None) -> None:
    assert variant_of([said]) == variant


@pytest.mark.parametrize(
    ("variant", "char", "form"),
    [
        (HanVariant.SIMPLIFIED, "別", "别"),
        (HanVariant.SIMPLIFIED, "毀", "毁"),
        (HanVariant.SIMPLIFIED, "気", "气"),
        (HanVariant.TRADITIONAL, "没", "沒"),
        (HanVariant.TRADITIONAL, "対", "對"),
        (HanVariant.JAPANESE, "说", "説"),
        (HanVariant.JAPANESE, "黃", "黄"),
        # At home in both.
        (HanVariant.SIMPLIFIED, "着", None),
        (HanVariant.TRADITIONAL, "里", None),
        (HanVariant.JAPANESE, "別", None),
        # Stands for two.
        (HanVariant.TRADITIONAL, "发", None),
        (HanVariant.TRADITIONAL, "别", None),
        (HanVariant.SIMPLIFIED, "A", None),
        (HanVariant.SIMPLIFIED, "の", None),
    ],
)
def test_a_foreign_form_has_one_at_home_or_none(variant: HanVariant, char: str, form: str | None) -> None:
    assert form_in(variant, char) == form


def test_an_unsure_character_takes_the_form_of_the_videos_variant() -> None:
    assert settled(text(SIMPLIFIED), text("別打开！ OK", doubtful="別")) == [SIMPLIFIED, "别打开！ OK"]
    assert settled(text(TRADITIONAL), text("没人！", doubtful="没")) == [TRADITIONAL, "沒人！"]


@pytest.mark.parametrize(
    ("read", "meant", "doubtful"),
    [
        ("もうー杯いかがですか？", "もう一杯いかがですか？", "ー"),
        ("一杯ニ人", "一杯二人", "ニ"),
        ("コ一ヒ一を飲む", "コーヒーを飲む", "一"),
        ("コーヒーを飲む", "コーヒーを飲む", "ー"),
        ("全カで走る", "全力で走る", "カ"),
        ("カメラを買う", "カメラを買う", "カ"),
        ("すごーい", "すごーい", "ー"),
        ("もうー杯", "もうー杯", ""),
    ],
)
def test_an_unsure_kana_beside_chinese_characters_is_the_one_it_looks_like(
    read: str, meant: str, doubtful: str
) -> None:
    assert settled(text(JAPANESE), text(read, doubtful=doubtful)) == [JAPANESE, meant]


def test_a_certain_character_stays() -> None:
    assert settled(text(SIMPLIFIED), text("別打开！")) == [SIMPLIFIED, "別打开！"]


def test_nothing_changes_where_the_variant_is_open() -> None:
    read = [text(SIMPLIFIED, TRADITIONAL), text("別打开！", doubtful="別")]
    assert settle_variants(read) == (read, None)


@given(st.sampled_from(HanVariant), st.characters(min_codepoint=0x3400, max_codepoint=0x9FFF))
def test_a_form_is_at_home_where_it_is_put(variant: HanVariant, char: str) -> None:
    form = form_in(variant, char)
    if form is not None:
        assert form != char
        assert form_in(variant, form) is None
