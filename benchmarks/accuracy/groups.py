"""Figures by script and language: what of a case's score belongs to Chinese, Japanese, and each Latin-script language.

A line belongs to one group. A bilingual cue counts in the groups of all its lines, with only its lines of that group
in the text figures, so the text figures of all groups add up to those over all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from rapidfuzz.distance import Levenshtein

from benchmarks.corpus.making import Truth
from yivideo_ray.subtitles.scoring import (
    Errors,
    Matching,
    Score,
    TextErrors,
    TimedText,
    characters,
    same_lines,
    words,
)
from yivideo_ray.text.scripts import Script, script_of

__all__ = ["CHINESE", "ENGLISH_IN_CJK_FONT", "GROUPS", "JAPANESE", "LATIN", "group_scores", "grouping"]

CHINESE, JAPANESE, ENGLISH_IN_CJK_FONT, NONE = "zh", "ja", "en_cjk", "none"
LATIN = {
    "en": "English",
    ENGLISH_IN_CJK_FONT: "English in a CJK font",
    "fr": "French",
    "es": "Spanish",
    "de": "German",
}
GROUPS = {CHINESE: "Chinese", JAPANESE: "Japanese", **LATIN}
"""The groups that figures are given for, with their names for people."""

GroupOf = Callable[[str], str]
Units = Callable[[Sequence[str]], str | list[str]]


def grouping(truth: Truth) -> GroupOf:
    """Returns the function that names the group of a line, of the truth or of a result.

    What is found where there are no subtitles belongs to no language: it is a group "none".
    """
    english = ENGLISH_IN_CJK_FONT if truth.latin_in_cjk_font else "en"
    if truth.language == "zh_en":
        return lambda line: CHINESE if _is_chinese(line) else english
    group = english if truth.language == "en" else truth.language
    return lambda _: group


def _is_chinese(line: str) -> bool:
    # Marks decide nothing: a full-width one read at the end of an English line leaves it English.
    return any(script_of(c) is Script.HAN for c in line)


def group_scores(
    reference: Sequence[TimedText],
    result: Sequence[TimedText],
    matching: Matching,
    figures: Score,
    group_of: GroupOf,
) -> dict[str, Score]:
    """Returns the score of every group that has a line in the truth or in the result.

    figures is the score over all, with its errors in real frames; matching is what it rests on.
    """
    scores: dict[str, Score] = {}

    def add(group: str, part: Score) -> None:
        scores[group] = scores.get(group, Score()) + part

    for index, (i, j) in enumerate(matching.pairs):
        true, found = _by_group(reference[i].lines, group_of), _by_group(result[j].lines, group_of)
        counts = [_pair_errors(reference[i].lines, result[j].lines, units, group_of) for units in (characters, words)]
        for group in {*true, *counts[0], *counts[1]}:
            text, word = (errors.get(group, TextErrors()) for errors in counts)
            if group not in true:
                # Text that the result adds in a group that this cue doesn't have.
                add(group, Score(characters=text, words=word))
                continue
            exact = int(same_lines(true[group], found.get(group, [])))
            starts, ends = _one(figures.starts, index), _one(figures.ends, index)
            add(group, Score(1, 1, 1, 0, 0, exact, text, word, starts, ends))
    for i in matching.missed:
        for group, lines in _by_group(reference[i].lines, group_of).items():
            text, word = (TextErrors(missed=len(units(lines))) for units in (characters, words))
            merges = int(i in matching.merges)
            add(group, Score(reference_cues=1, merges=merges, characters=text, words=word))
    for j in matching.false_positives:
        for group, lines in _by_group(result[j].lines, group_of).items():
            text, word = (TextErrors(inserted=len(units(lines))) for units in (characters, words))
            splits = int(j in matching.splits)
            add(group, Score(result_cues=1, splits=splits, characters=text, words=word))
    return scores


def _by_group(lines: Sequence[str], group_of: GroupOf) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        found.setdefault(group_of(line), []).append(line)
    return found


def _one(errors: Errors, index: int) -> Errors:
    frames = errors.frames[index]
    return Errors((errors.ms[index],), (frames,), int(abs(frames) <= 1), int(abs(frames) <= 2))


def _pair_errors(
    reference: Sequence[str], result: Sequence[str], units: Units, group_of: GroupOf
) -> dict[str, TextErrors]:
    """Returns the errors of a matched pair by group: as many edits as the whole cue has, each where it happened."""
    true, groups = _units(reference, units, group_of)
    found, found_groups = _units(result, units, group_of)
    edits = Counter(
        # Between two lines of the truth, an insertion belongs where the result has it.
        found_groups[edit.dest_pos]
        if edit.tag == "insert" and _is_between_groups(groups, edit.src_pos)
        else groups[min(edit.src_pos, len(groups) - 1)]
        for edit in Levenshtein.editops(true, found)
    )
    lengths = Counter(groups)
    return {group: TextErrors(edits[group], lengths[group]) for group in {*edits, *lengths}}


def _units(lines: Sequence[str], units: Units, group_of: GroupOf) -> tuple[list[str], list[str]]:
    found: list[str] = []
    groups: list[str] = []
    for line in lines:
        of_line = units([line])
        found += of_line
        groups += [group_of(line)] * len(of_line)
    return found, groups


def _is_between_groups(groups: Sequence[str], position: int) -> bool:
    """Returns whether what is inserted before this position has no group, or two different ones, beside it."""
    return len(set(groups[max(0, position - 1) : position + 1])) != 1
