"""The figures of an evaluation as tables of text, alone or beside those of another tool."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from unicodedata import east_asian_width

from yivideo_ray.evaluation.judging import UNREADABLE_SCRIPT, ClipScore, Evaluation, Group, suber_of, total
from yivideo_ray.evaluation.suber import HOW_TO_INSTALL
from yivideo_ray.subtitles.scoring import Score

__all__ = [
    "COLUMNS",
    "COMPARED",
    "HELP",
    "cells",
    "compared_cells",
    "format_comparison",
    "format_evaluation",
    "labelled",
    "sentences",
]

LABEL_WIDTH = 30
COLUMNS = {
    "cues": 6,
    "found": 7,
    "recall": 8,
    "prec.": 8,
    "CER": 8,
    "CER all": 9,
    "WER": 8,
    "exact": 8,
    "start±2": 9,
    "end±2": 8,
    "median": 8,
    "worst": 8,
}
COMPARED = {"cues": 6, "recall": 18, "prec.": 18, "CER": 18, "exact": 18, "start±2": 18, "end±2": 18}

HELP = """\
cues: of the truth; found: of the result. CER and WER are over matched cues; CER all counts missed and false ones as
well. start±2, end±2: within two frames. median, worst: of the time errors of starts and ends, in ms."""

ALL = "all"


def format_evaluation(found: Evaluation) -> str:
    """Returns the tables by clip, by kind and script where the index tells them, over all, then what else there is."""
    parts = [
        _header("clip", COLUMNS),
        *(_row(clip.clip.name, cells(clip.counted), COLUMNS) for clip in found.of(Group.MAIN)),
        "",
        *_groups("kind", found.by_kind()),
        *_groups("script", found.by_script()),
        _header("", COLUMNS),
        _row(ALL, cells(found.main), COLUMNS),
        "",
        HELP,
        "",
        *sentences(found),
    ]
    return "\n".join(parts)


def format_comparison(found: Evaluation, other: Evaluation) -> str:
    """Returns the table of two tools' figures for the same clips: found's, then other's, in each cell."""
    theirs = {clip.clip.name: clip for clip in other.clips}
    rows = [
        _row(name, compared_cells(clips, [theirs[clip.clip.name] for clip in clips]), COMPARED)
        for name, clips in labelled(found)
    ]
    return "\n".join(
        [
            f"{found.name} | {other.name}",
            _header("", COMPARED),
            *rows,
            f"phantoms of clips without subtitles: {found.phantoms} | {other.phantoms}",
            f"clips that came out empty: {len(found.empty)} | {len(other.empty)}",
            f"SubER: {_suber(found.of(Group.MAIN))} | {_suber(other.of(Group.MAIN))}",
        ]
    )


def labelled(found: Evaluation) -> Iterator[tuple[str, list[ClipScore]]]:
    """Yields the clips of the main figures one by one, by kind, and all, each with a label."""
    main = found.of(Group.MAIN)
    yield from ((clip.clip.name, [clip]) for clip in main)
    yield from ((f"kind: {name}", clips) for name, clips in found.by_kind().items())
    yield ALL, main


def cells(figures: Score) -> tuple[str, ...]:
    """Returns what stands under COLUMNS; "-" where there is nothing to judge."""
    errors = [abs(ms) for ms in (*figures.starts.ms, *figures.ends.ms)]
    matched, timed = bool(figures.matched), bool(errors)
    return (
        str(figures.reference_cues),
        str(figures.result_cues),
        _share(figures.recall, known=bool(figures.reference_cues)),
        _share(figures.precision, known=bool(figures.result_cues)),
        _share(figures.characters.rate_matched, known=matched),
        _share(figures.characters.rate_all, known=bool(figures.reference_cues)),
        _share(figures.words.rate_matched, known=matched),
        _share(figures.exact_share, known=bool(figures.reference_cues)),
        _share(figures.starts.share_within_two_frames, known=timed),
        _share(figures.ends.share_within_two_frames, known=timed),
        f"{statistics.median(errors):.0f}" if timed else "-",
        f"{max(errors):.0f}" if timed else "-",
    )


def compared_cells(ours: Sequence[ClipScore], theirs: Sequence[ClipScore]) -> tuple[str, ...]:
    """Returns what stands under COMPARED for the same clips."""
    ours_of, theirs_of = (dict(zip(COLUMNS, cells(total(clips)), strict=True)) for clips in (ours, theirs))
    first, *others = COMPARED
    return (ours_of[first], *(f"{ours_of[name]} | {theirs_of[name]}" for name in others))


def sentences(found: Evaluation) -> Iterator[str]:
    """Yields what else there is to say: phantoms, clips that came out empty, SubER, clips in other scripts."""
    without, others = found.of(Group.WITHOUT), found.of(Group.OTHER_SCRIPT)
    if without:
        yield (
            f"clips without subtitles: {found.phantoms} phantoms in {sum(bool(clip.result) for clip in without)} of "
            f"{len(without)}; precision with them {found.precision_with_phantoms:.4f}"
        )
        yield from (f"  {clip.clip.name}: {_cues(len(clip.result))}" for clip in without if clip.result)
    yield f"clips that came out empty: {len(found.empty)} of {len(found.of(Group.MAIN))}"
    yield from (f"  {clip.clip.name}{_codes(clip)}" for clip in found.empty)
    soft = [clip.clip.name for clip in found.clips if clip.soft]
    if soft:
        yield f"times don't count in: {', '.join(soft)}"
    yield f"SubER: {_suber(found.of(Group.MAIN))}"
    if others:
        yield ""
        yield f"{'clips in other scripts':<{LABEL_WIDTH}}{'script':<16}{'cues':>6}{'found':>7}{'matched':>9}  warned"
        yield from (
            f"{clip.clip.name:<{LABEL_WIDTH}}{'+'.join(sorted(clip.clip.scripts)):<16}{clip.score.reference_cues:>6}"
            f"{clip.score.result_cues:>7}{clip.score.matched:>9}  {_warned(clip)}"
            for clip in others
        )


def _groups(name: str, groups: Mapping[str, Sequence[ClipScore]]) -> Iterator[str]:
    if groups:
        yield _header(name, COLUMNS)
        yield from (_row(label or "(not said)", cells(total(clips)), COLUMNS) for label, clips in groups.items())
        yield ""


def _header(name: str, columns: Mapping[str, int]) -> str:
    return _row(name, tuple(columns), columns)


def _row(label: str, values: Sequence[str], columns: Mapping[str, int]) -> str:
    line = "".join(f"{value:>{width}}" for value, width in zip(values, columns.values(), strict=True))
    wide = sum(east_asian_width(c) in "WF" for c in label)
    return f"{label:<{LABEL_WIDTH - wide}}{line}"


def _share(share: float, *, known: bool) -> str:
    return f"{share:.4f}" if known else "-"


def _suber(clips: Sequence[ClipScore]) -> str:
    rate = suber_of(clips)
    return HOW_TO_INSTALL if rate is None else f"{rate:.2f} %"


def _cues(count: int) -> str:
    return "1 cue" if count == 1 else f"{count} cues"


def _codes(clip: ClipScore) -> str:
    return f" ({', '.join(clip.warnings)})" if clip.warnings else ""


def _warned(clip: ClipScore) -> str:
    if clip.warnings is None:
        return "not known: no JSON result"
    return UNREADABLE_SCRIPT if UNREADABLE_SCRIPT in clip.warnings else "no"
