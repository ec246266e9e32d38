"""Subtitle files: cues to SRT, WebVTT, ASS and TXT text, and SubRip files back to timed texts.

Every format is written as UTF-8 without a byte order mark and with LF line ends, which all current players read. Times
are rounded here and nowhere else, once, to the nearest millisecond (half up; ASS knows hundredths only), counted from
where the file begins, as players count them. A cue that would round to nothing lasts one unit.

SRT and WebVTT are written here: pysubs2 takes braces and backslashes in the text for ASS commands and escapes nothing
for WebVTT. ASS is pysubs2's.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pysubs2

from yivideo_ray.errors import InputError
from yivideo_ray.files import write_atomically
from yivideo_ray.subtitles.matching import TimedText
from yivideo_ray.subtitles.result import result_document
from yivideo_ray.types import Cue, VideoInfo

__all__ = [
    "WRITERS",
    "parse_srt",
    "read_srt",
    "result_document",
    "timed_texts",
    "write_ass",
    "write_atomically",
    "write_srt",
    "write_txt",
    "write_vtt",
]

SRT_REMEDY = "Pass a SubRip (.srt) file."
FORMATTING = re.compile(r"</?(?:i|b|u|s|font|c)\b[^<>]*>|\{\\[^{}]*\}", re.IGNORECASE)
# pysubs2 takes a number that ends the last cue for the number of a cue to come: so there has to be one.
SENTINEL = "\n\n0\n99:59:59,998 --> 99:59:59,999\nend\n"


# Cues whose middle is further from the frame's than this share of its width stand aside on purpose.
ASIDE_SHARE = 0.1


class _Shown(NamedTuple):
    """A cue as a player shows it. row: top, middle or bottom. placed: players would not put it where it was."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    cue: Cue
    row: str
    placed: bool


def write_srt(cues: Sequence[Cue], info: VideoInfo) -> str:
    """Returns a SubRip file; an empty text for no cues, which is a valid file.

    A line that holds the format's own arrow gets a space into it, for no escape exists and players would stumble.
    """
    blocks = [
        f"{number}\n{_clock(shown.start_ms, ',')} --> {_clock(shown.end_ms, ',')}\n"
        + "\n".join(shown.lines).replace("-->", "-- >")
        + "\n"
        for number, shown in enumerate(_shown(cues, info), 1)
    ]
    return "\n".join(blocks)


def write_vtt(cues: Sequence[Cue], info: VideoInfo) -> str:
    """Returns a WebVTT file (W3C); cues stay in their row: at the top, in the middle, above each other."""
    blocks = ["WEBVTT\n"]
    for shown in _shown(cues, info):
        place = ""
        if shown.row == "middle" or shown.placed:
            place = f" line:{100 * shown.cue.box.y0 // info.height}%"
        elif shown.row == "top":
            place = " line:0"
        text = html.escape("\n".join(shown.lines), quote=False)
        blocks.append(f"{_clock(shown.start_ms, '.')} --> {_clock(shown.end_ms, '.')}{place}\n{text}\n")
    return "\n".join(blocks)


def write_ass(cues: Sequence[Cue], info: VideoInfo) -> str:
    r"""Returns an Advanced SubStation Alpha file in the video's own coordinates.

    Cues keep their row: \an8 at the top, \an5 in the middle. Those that stand aside, or share their row with another
    that is shown at the same time, are placed to the pixel: players would centre them, and stack them in the order in
    which they appear. Braces and backslashes are shown as such.
    """
    subtitles = pysubs2.SSAFile()
    subtitles.info.update({"PlayResX": str(info.width), "PlayResY": str(info.height), "WrapStyle": "2"})
    style = subtitles.styles["Default"]
    style.fontsize, style.outline, style.shadow = round(0.065 * info.height), max(1.0, info.height / 360), 0
    style.marginv = round(0.05 * info.height)
    for shown in _shown(cues, info, unit_ms=10):
        text = _ass_place(shown) + r"\N".join(_literal_in_ass(line) for line in shown.lines)
        subtitles.append(pysubs2.SSAEvent(start=shown.start_ms, end=shown.end_ms, text=text))
    return subtitles.to_string("ass")


def write_txt(cues: Sequence[Cue], info: VideoInfo) -> str:
    """Returns the texts alone, lines as shown, with a blank line between cues."""
    return "\n".join("\n".join(shown.lines) + "\n" for shown in _shown(cues, info))


WRITERS: Mapping[str, Callable[[Sequence[Cue], VideoInfo], str]] = {
    "srt": write_srt,
    "vtt": write_vtt,
    "ass": write_ass,
    "txt": write_txt,
}
"""The writers by the name of their format, which is also the file's suffix."""


def timed_texts(cues: Iterable[Cue], info: VideoInfo) -> list[TimedText]:
    """Returns the cues as scoring wants them, with their exact times in seconds."""
    return [TimedText(info.seconds(cue.start_pts), info.seconds(cue.end_pts), cue.lines) for cue in cues]


def read_srt(path: Path) -> list[TimedText]:
    """Returns the cues of a SubRip file. Errors: InputError, INPUT_UNRECOGNIZED if it holds something else."""
    if not path.exists():
        raise InputError(f"{path} does not exist.", code="INPUT_NOT_FOUND")
    if not path.is_file():
        raise InputError(f"{path} is not a file.", code="INPUT_NOT_REGULAR_FILE", remedy=SRT_REMEDY)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.", code="INPUT_UNREADABLE") from error
    return parse_srt(data, name=str(path))


def parse_srt(data: bytes, *, name: str = "the file") -> list[TimedText]:
    """Returns the cues of a SubRip file, in its order; none for an empty one.

    Reads UTF-8 and UTF-16 with or without byte order mark as far as that can be told, else GB18030, else Windows-1252;
    any line ends. Formatting tags are left out. Errors: InputError INPUT_UNRECOGNIZED, retrying never helps.
    """
    text = _decode(data).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if not text.strip():
        return []
    try:
        events = pysubs2.SSAFile.from_string(text + SENTINEL, format_="srt", keep_html_tags=True).events[:-1]
    except (pysubs2.Pysubs2Error, ValueError) as error:
        raise InputError(f"{name} is not a SubRip file: {error}.", remedy=SRT_REMEDY) from error
    if not events:
        raise InputError(f"{name} holds no SubRip cue.", remedy=SRT_REMEDY)
    return [
        TimedText(event.start / 1000, max(event.start, event.end) / 1000, _clean_lines(_without_formatting(event.text)))
        for event in events
    ]


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("cp1252", "replace")


def _without_formatting(text: str) -> list[str]:
    return FORMATTING.sub("", text).split(r"\N")


def _shown(cues: Sequence[Cue], info: VideoInfo, unit_ms: int = 1) -> list[_Shown]:
    """Returns the cues with times in multiples of unit_ms; those without text are left out."""
    found: list[_Shown] = []
    for cue in cues:
        lines = _clean_lines(cue.lines)
        if lines:
            start = _rounded_ms(cue.start_pts, info, unit_ms)
            end = max(_rounded_ms(cue.end_pts, info, unit_ms), start + unit_ms)
            aside = abs(cue.box.center[0] - info.width / 2) > ASIDE_SHARE * info.width
            found.append(_Shown(start, end, lines, cue, _row(cue, info), aside))
    crowded = _crowded(found)
    return [shown._replace(placed=shown.placed or number in crowded) for number, shown in enumerate(found)]


def _crowded(shown: Sequence[_Shown]) -> set[int]:
    """Returns the numbers (from 0) of those that share their row with another that is shown at the same time."""
    crowded: set[int] = set()
    on_screen: list[int] = []
    for number in sorted(range(len(shown)), key=lambda number: shown[number].start_ms):
        on_screen = [other for other in on_screen if shown[other].end_ms > shown[number].start_ms]
        beside = [other for other in on_screen if shown[other].row == shown[number].row]
        crowded.update([number, *beside] if beside else [])
        on_screen.append(number)
    return crowded


def _rounded_ms(pts: int, info: VideoInfo, unit_ms: int) -> int:
    units = info.time(pts) * 1000 / unit_ms
    return max(0, (units + Fraction(1, 2)).__floor__()) * unit_ms


def _clock(ms: int, mark: str) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{mark}{ms % 1000:03}"


def _clean_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """Returns the lines without control characters and white space at their ends; empty ones are left out, for a
    blank line ends a cue."""
    pieces = (piece for line in lines for piece in line.splitlines())
    clean = ("".join(c for c in piece if unicodedata.category(c) not in ("Cc", "Cs")).strip() for piece in pieces)
    return tuple(line for line in clean if line)


def _row(cue: Cue, info: VideoInfo) -> str:
    middle = cue.box.center[1] / info.height
    return "top" if middle < 0.4 else "bottom" if middle > 0.6 else "middle"


def _ass_place(shown: _Shown) -> str:
    box = shown.cue.box
    x, middle = (round(value) for value in box.center)
    anchor, y = {"top": (8, box.y0), "middle": (5, middle), "bottom": (2, box.y1)}[shown.row]
    if shown.placed:
        return rf"{{\an{anchor}\pos({x},{y})}}"
    return "" if shown.row == "bottom" else rf"{{\an{anchor}}}"


def _literal_in_ass(line: str) -> str:
    # A word joiner keeps a backslash from making a command of the letter after it; libass knows escaped braces.
    return line.replace("\\", "\\\u2060").replace("{", r"\{").replace("}", r"\}")
