"""An evaluation as a page for people: one HTML file that needs nothing else.

It has the figures by clip, kind and over all, those of another tool beside them where there are two, and every miss,
phantom and wrong text with the frame in the middle of it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from yivideo_ray.errors import YivideoError
from yivideo_ray.evaluation.judging import ClipScore, Evaluation, Group, total
from yivideo_ray.evaluation.marks import code_points, marked, shown
from yivideo_ray.evaluation.misses import WHAT, Miss, quotas
from yivideo_ray.evaluation.pictures import Picture, frames_at
from yivideo_ray.evaluation.table import COLUMNS, COMPARED, HELP, cells, compared_cells, labelled, sentences
from yivideo_ray.files import write_atomically
from yivideo_ray.subtitles.scoring import TimedText

__all__ = ["STYLE", "render", "write_page"]

STYLE = Path(__file__).with_suffix(".css")

MOST_PICTURED = 200
"""So many misses get a picture, at roughly 25 kB each; what a broken run misses beyond them is listed as text."""

WIDTH_PX = 480

TakePictures = Callable[[ClipScore, Sequence[float]], Mapping[float, Picture]]


def write_page(path: Path, found: Evaluation, other: Evaluation | None = None) -> None:
    """Writes the page, with pictures decoded from the videos. Errors: OutputError where path can't be written."""

    def pictures(clip: ClipScore, moments_s: Sequence[float]) -> Mapping[float, Picture]:
        return frames_at(clip.clip.video, moments_s, WIDTH_PX)

    write_atomically(path, render(found, other, pictures).encode("utf-8", "replace"))


def render(found: Evaluation, other: Evaluation | None, pictures: TakePictures) -> str:
    """Returns the page. pictures gets a clip and the moments at which it is to be pictured, in seconds; where it raises
    YivideoError the clip is shown without pictures and the page says why."""
    title = f"Subtitles of {found.corpus.directory.resolve().name}"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{STYLE.read_text(encoding='utf-8')}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            f'<p class="quiet">Results: {escape(found.name)}</p>',
            _table(found),
            f'<p class="quiet">{escape(HELP)}</p>',
            f"<pre>{escape(chr(10).join(sentences(found)))}</pre>",
            _comparison(found, other) if other is not None else "",
            _list("What could not be taken", found.problems),
            _list("Notes", [*found.corpus.notes, *found.notes]),
            _misses(found, other, pictures),
            "</body></html>\n",
        ]
    )


def _table(found: Evaluation) -> str:
    rows = [(name, cells(total(clips))) for name, clips in labelled(found)]
    return f"<h2>By clip, by kind, over all</h2>\n{_rows(COLUMNS, rows)}"


def _comparison(found: Evaluation, other: Evaluation) -> str:
    theirs = {clip.clip.name: clip for clip in other.clips}
    rows = [
        (name, compared_cells(clips, [theirs[clip.clip.name] for clip in clips])) for name, clips in labelled(found)
    ]
    return (
        f"<h2>Beside another</h2>\n<p>In each cell: {escape(found.name)} | {escape(other.name)}</p>\n"
        f"{_rows(COMPARED, rows)}"
    )


def _rows(columns: Iterable[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    heads = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(value)}</td>" for value in values)}</tr>'
        for name, values in rows
    )
    return (
        f'<div class="wide"><table>\n<thead><tr><th></th>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'
    )


def _list(title: str, lines: Sequence[str]) -> str:
    items = "\n".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<h2>{title}</h2>\n<ul>\n{items}\n</ul>" if lines else ""


def _misses(found: Evaluation, other: Evaluation | None, pictures: TakePictures) -> str:
    clips = [clip for clip in found.clips if clip.group is not Group.OTHER_SCRIPT and clip.misses]
    count = sum(len(clip.misses) for clip in clips)
    given = quotas([len(clip.misses) for clip in clips], MOST_PICTURED)
    parts = [f"<h2>{count} {'miss' if count == 1 else 'misses'}</h2>"]
    if sum(given) < count:
        parts.append(f"<p>Pictures are shown for {sum(given)} of them, so that this page stays small.</p>")
    theirs = {clip.clip.name: clip for clip in other.clips} if other is not None else {}
    parts += [_clip(clip, theirs.get(clip.clip.name), most, pictures) for clip, most in zip(clips, given, strict=True)]
    return "\n".join(parts)


def _clip(clip: ClipScore, other: ClipScore | None, most: int, pictures: TakePictures) -> str:
    misses = clip.misses
    moments = [_middle_s(clip, miss) for miss in misses]
    notes = [f"{len(misses)} of {len(clip.clip.truth)} cues" if clip.clip.truth else "This clip has no subtitles."]
    notes += [clip.problem] if clip.problem else []
    taken: Mapping[float, Picture] = {}
    try:
        taken = pictures(clip, moments[:most])
    except YivideoError as error:
        notes.append(f"No pictures: {error.message}")
    lines = "".join(f'<p class="quiet">{escape(note)}</p>\n' for note in notes)
    articles = "".join(_article(clip, other, miss, taken.get(at_s)) for miss, at_s in zip(misses, moments, strict=True))
    return f"<h3>{escape(clip.clip.name)}</h3>\n{lines}{articles}"


def _middle_s(clip: ClipScore, miss: Miss) -> float:
    """Returns a moment at which what was missed, or made up, is shown."""
    cue = clip.result[miss.result or 0] if miss.reference is None else clip.clip.truth[miss.reference]
    return (cue.start_s + cue.end_s) / 2


def _article(clip: ClipScore, other: ClipScore | None, miss: Miss, picture: Picture | None) -> str:
    true = None if miss.reference is None else clip.clip.truth[miss.reference]
    found = None if miss.result is None else clip.result[miss.result]
    kinds = " ".join(f'<span class="kind">{escape(WHAT[kind])}</span>' for kind in miss.kinds)
    codes: Sequence[str] = ()
    if true is not None and found is not None:
        truth_html, found_html = marked(true.lines, found.lines)
        codes = code_points(true.lines, found.lines)
    else:
        truth_html, found_html = (shown(cue.lines) if cue is not None else "" for cue in (true, found))
    sides = [("truth", true, truth_html, ()), ("result", found, found_html, codes)]
    if other is not None and miss.reference is not None:
        sides.append(("the other", cue := _matched(other, miss.reference), shown(cue.lines) if cue else "", ()))
    texts = "".join(_side(*side) for side in sides)
    return (
        f'<article>\n<header>{kinds} <span class="quiet">at {miss.at_s:.3f} s</span></header>\n'
        f'<dl class="texts">\n{texts}</dl>\n{"".join(_figure(clip, picture))}</article>\n'
    )


def _matched(clip: ClipScore, reference: int) -> TimedText | None:
    return next((clip.result[j] for i, j in clip.matching.pairs if i == reference), None)


def _side(name: str, cue: TimedText | None, text: str, codes: Sequence[str]) -> str:
    note = f'<div class="quiet">{escape("; ".join(codes))}</div>' if codes else ""
    said = "<span>nothing</span>"
    if cue is not None:
        times = f"{cue.start_s:.3f} s to {cue.end_s:.3f} s"
        said = f'<div class="text" dir="auto">{text}</div><div class="quiet">{times}</div>{note}'
    return f"<dt>{escape(name)}</dt><dd>{said}</dd>\n"


def _figure(clip: ClipScore, picture: Picture | None) -> Iterator[str]:
    if picture is not None:
        data = base64.b64encode(picture.data).decode("ascii")
        yield (
            f'<figure><img src="data:image/jpeg;base64,{data}" width="{picture.width}" height="{picture.height}" '
            f'alt="{escape(clip.clip.name)} at {picture.at_s:.3f} s" loading="lazy">'
            f"<figcaption>{picture.at_s:.3f} s</figcaption></figure>\n"
        )
