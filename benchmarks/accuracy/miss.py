"""One miss as HTML: what is wrong, both texts with their differences, both times, and the pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.accuracy.cases import BoxTuple, CaseResult
from benchmarks.accuracy.exhibits import Boundary, Exhibit, Side
from benchmarks.accuracy.pictures import Picture, Shot
from yivideo_ray.evaluation.marks import code_points, marked, shown
from yivideo_ray.evaluation.misses import WHAT, Miss

__all__ = ["miss_html"]

LANGUAGE_TAGS = {"zh": "zh-Hans", "zh_en": "zh-Hans", "none": ""}

MOST_ENLARGED = 3
"""More shows no more, and one word would fill the page."""

Pictures = Mapping[Shot, Picture]


def miss_html(case: CaseResult, exhibit: Exhibit, number: int, pictures: Pictures) -> str:
    """Returns the miss as an article; a picture that isn't among pictures is left out."""
    kinds = " ".join(f'<span class="kind">{escape(WHAT[kind])}</span>' for kind in exhibit.miss.kinds)
    return (
        f'<article>\n<header><strong>{number}</strong> {kinds} <span class="quiet">{_errors(case, exhibit.miss)}</span>'
        f"</header>\n{_texts(case, exhibit)}\n{_pictures(case, exhibit, pictures)}"
        + "".join(_boundary(case, exhibit, boundary, pictures) for boundary in exhibit.boundaries)
        + "</article>\n"
    )


def _errors(case: CaseResult, miss: Miss) -> str:
    if miss.reference is None or miss.result is None:
        return f"at {miss.at_s:.3f} s"
    true, found = case.reference[miss.reference], case.result[miss.result]
    start_ms, end_ms = round(1000 * (found.start_s - true.start_s)), round(1000 * (found.end_s - true.end_s))
    fade = f"; cues fade over {case.fade_frames} frames" if case.fade_frames else ""
    return f"start {miss.start_frames:+} frames ({start_ms:+} ms), end {miss.end_frames:+} frames ({end_ms:+} ms){fade}"


def _texts(case: CaseResult, exhibit: Exhibit) -> str:
    truth, result = exhibit.truth, exhibit.result
    codes: Sequence[str] = ()
    if truth is not None and result is not None:
        true, found = marked(truth.cue.lines, result.cue.lines)
        codes = code_points(truth.cue.lines, result.cue.lines)
    else:
        true = shown(truth.cue.lines) if truth is not None else ""
        found = shown(result.cue.lines) if result is not None else ""
    note = f'<div class="quiet">{escape("; ".join(codes))}</div>' if codes else ""
    tag = LANGUAGE_TAGS.get(case.truth.language, case.truth.language)
    return (
        f'<dl class="texts" lang="{escape(tag)}">\n'
        f'<dt><span class="key"></span>truth</dt><dd>{_side(truth, true, exhibit)}</dd>\n'
        f'<dt><span class="key result"></span>result</dt><dd>{_side(result, found, exhibit)}{note}</dd>\n</dl>'
    )


def _side(side: Side | None, text: str, exhibit: Exhibit) -> str:
    if side is not None:
        return f'<div class="text">{text}</div><div class="quiet">{_times(side)}</div>'
    others = "".join(
        f'<div class="text">{shown(cue.lines)}</div><div class="quiet">{cue.start_s:.3f} s to {cue.end_s:.3f} s</div>'
        for cue in exhibit.beside
    )
    return "<span>nothing</span>" + (
        f'<div class="quiet">At that time, as another cue:</div>{others}' if others else ""
    )


def _times(side: Side) -> str:
    shown_for = f"frames {side.first} to {side.end - 1}" if side.end > side.first else "no frame"
    return f"{side.cue.start_s:.3f} s to {side.cue.end_s:.3f} s, {shown_for}"


def _pictures(case: CaseResult, exhibit: Exhibit, pictures: Pictures) -> str:
    frame = pictures.get(exhibit.frame)
    if frame is None:
        return ""
    sides = {"truth": exhibit.truth, "result": exhibit.result}
    boxes = {name: side.box for name, side in sides.items() if side is not None and side.box is not None}
    caption = f"frame {exhibit.frame.frame}, {_time_s(case, exhibit.frame.frame):.3f} s"
    parts = [_figure(frame, boxes, f"Frame {exhibit.frame.frame} of {case.label}", caption)]
    crop = pictures.get(exhibit.crop) if exhibit.crop is not None else None
    if crop is not None:
        parts.append(_figure(crop, {}, f"The text in frame {exhibit.frame.frame}", "the text there, enlarged"))
    return f'<div class="pictures">{"".join(parts)}</div>\n'


def _boundary(case: CaseResult, exhibit: Exhibit, boundary: Boundary, pictures: Pictures) -> str:
    figures = []
    for shot in boundary.shots:
        picture = pictures.get(shot)
        if picture is None:
            continue
        sides = (("truth", exhibit.truth), ("result", exhibit.result))
        states = ", ".join(_state(name, side, shot.frame) for name, side in sides if side is not None)
        caption = f"frame {shot.frame}, {_time_s(case, shot.frame):.3f} s<br>{states}"
        figures.append(_figure(picture, {}, f"The text's place in frame {shot.frame}", caption))
    if not figures:
        return ""
    return f'<h4>Around the {boundary.kind.value}</h4>\n<div class="strip">{"".join(figures)}</div>\n'


def _state(name: str, side: Side, frame: int) -> str:
    if side.first <= frame < side.end:
        return f'<span class="on-{name}">{name} shown</span>'
    return f"{name} not shown"


def _time_s(case: CaseResult, frame: int) -> float:
    return float((case.truth.frame_pts[frame] - case.truth.frame_pts[0]) * case.truth.time_base)


def _figure(picture: Picture, boxes: Mapping[str, BoxTuple], description: str, caption: str) -> str:
    """Returns a picture with boxes drawn over it; caption is HTML, description plain text."""
    data = base64.b64encode(picture.data).decode("ascii")
    width, height = picture.video_size
    rectangles = "".join(
        f'<rect class="{name}" x="{x0}" y="{y0}" width="{x1 - x0}" height="{y1 - y0}"/>'
        for name, (x0, y0, x1, y1) in boxes.items()
    )
    overlay = (
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">{rectangles}</svg>'
        if boxes
        else ""
    )
    return (
        f'<figure><div class="picture" style="max-width: {MOST_ENLARGED * picture.width}px">'
        f'<img src="data:image/jpeg;base64,{data}" width="{picture.width}" height="{picture.height}" '
        f'alt="{escape(description)}" loading="lazy">{overlay}</div>'
        f"<figcaption>{caption}</figcaption></figure>\n"
    )
