"""A directory of videos with their true subtitles, as anybody has one: which clips it holds, and what is wrong with it.

A clip is a video, NAME.mp4 or another suffix of SUFFIXES, and its truth, NAME.srt or NAME.truth.srt; of both, the
second counts, for the first may be a result. A clip without subtitles has an empty truth, or none and either a name
that begins with NEG_ or a row of the index that says so (script "none", or 0 cues).

The index, INDEX.tsv or CASES.tsv, is a table of columns parted by tabs, with a header. A clip's row is the one whose
`name`, `file` or `id` is its name, with or without a suffix. `source`, `kind` and `script` group the figures; several
scripts are joined by "+". Every column may be missing, and so may the index.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from yivideo_ray.errors import InputError, YivideoError
from yivideo_ray.subtitles.formats import read_srt
from yivideo_ray.subtitles.scoring import TimedText

__all__ = ["SUFFIXES", "Clip", "Corpus", "read_corpus"]

SUFFIXES = frozenset(
    {
        *(".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".ts", ".mts", ".m2ts"),
        *(".mpg", ".mpeg", ".flv", ".wmv", ".ogv", ".3gp"),
    }
)
INDEX_NAMES = ("INDEX.tsv", "CASES.tsv")
KEYS = ("name", "file", "id")
NEGATIVE = "NEG_"
NO_SCRIPT = "none"
TRUTH = ".truth.srt"

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Clip:
    """A video with its true cues; none: whatever comes out of it is a phantom. truth_path: None where there is no file.
    source, kind: "" where the index has none. scripts: those of its subtitles, as the index names them; empty: not
    known."""

    name: str
    video: Path
    truth: tuple[TimedText, ...]
    truth_path: Path | None = None
    source: str = ""
    kind: str = ""
    scripts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Corpus:
    """The clips of a directory in order of their names. problems say which files could not be taken, notes what was
    decided; both are sentences that name the file."""

    directory: Path
    clips: tuple[Clip, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_corpus(directory: Path) -> Corpus:
    """Returns the clips of a directory; those below it don't count. Videos are not looked into.

    Errors: InputError INPUT_NOT_FOUND, INPUT_NOT_REGULAR_FILE or INPUT_UNREADABLE for the directory, INPUT_UNRECOGNIZED
    where it has no clip at all.
    """
    files = _files(directory)
    problems: list[str] = []
    notes: list[str] = []
    rows = _index(files, problems, notes)
    videos = _videos(files, notes)
    clips = []
    for name in sorted(videos):
        row = rows.get(name, {})
        try:
            path, truth = _truth(name, files, row, notes)
        except YivideoError as error:
            problems.append(f"{name} is left out: {error.message}")
            continue
        clips.append(
            Clip(
                name,
                videos[name],
                truth,
                path,
                _cell(row, "source"),
                _cell(row, "kind"),
                _scripts(_cell(row, "script")),
            )
        )
    notes += _left_over(files, videos, rows)
    if not clips:
        raise InputError(
            f"{directory} has no video with true subtitles. {' '.join(problems)}".strip(),
            remedy="Put NAME.srt or NAME.truth.srt beside each NAME.mp4.",
        )
    return Corpus(directory, tuple(clips), tuple(problems), tuple(notes))


def _files(directory: Path) -> dict[str, Path]:
    if not directory.exists():
        raise InputError(f"{directory} does not exist.", code="INPUT_NOT_FOUND")
    if not directory.is_dir():
        raise InputError(f"{directory} is no directory.", code="INPUT_NOT_REGULAR_FILE", remedy="Pass a directory.")
    try:
        return {path.name: path for path in sorted(directory.iterdir()) if path.is_file()}
    except OSError as error:
        raise InputError(f"{directory} can't be read: {error.strerror}.", code="INPUT_UNREADABLE") from error


def _videos(files: Mapping[str, Path], notes: list[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in files.values():
        if path.suffix.lower() not in SUFFIXES:
            continue
        if path.stem in found:
            notes.append(f"{path.name} has the name of {found[path.stem].name}, which is taken.")
        else:
            found[path.stem] = path
    return found


def _truth(
    name: str, files: Mapping[str, Path], row: Row, notes: list[str]
) -> tuple[Path | None, tuple[TimedText, ...]]:
    """Returns a clip's truth and its file, None where it has no subtitles. Errors: InputError if it isn't known."""
    path, other = files.get(name + TRUTH), files.get(f"{name}.srt")
    if path is not None and other is not None:
        notes.append(f"{name} has {path.name} and {other.name}: the first is taken for the truth.")
    path = path or other
    if path is not None:
        return path, tuple(read_srt(path))
    if name.startswith(NEGATIVE) or _says_none(row):
        return None, ()
    raise InputError(f"it has neither {name}.srt nor {name}{TRUTH}.", code="INPUT_NOT_FOUND")


def _scripts(cell: str) -> frozenset[str]:
    return frozenset(part.strip() for part in cell.lower().split("+") if part.strip()) - {NO_SCRIPT}


def _says_none(row: Row) -> bool:
    return _cell(row, "script").lower() == NO_SCRIPT or _cell(row, "cues") == "0"


def _left_over(files: Mapping[str, Path], videos: Mapping[str, Path], rows: Mapping[str, Row]) -> Iterator[str]:
    """Yields what nothing was done with: subtitles and rows without a video."""
    for name in files:
        if name.endswith(".srt") and name.removesuffix(".srt").removesuffix(".truth") not in videos:
            yield f"{name} belongs to no video."
    named = {id(row) for name, row in rows.items() if name in videos}
    missing = sorted({_cell(row, *KEYS) for row in rows.values() if id(row) not in named})
    if missing:
        yield f"The index names what is not there: {', '.join(missing)}."


def _index(files: Mapping[str, Path], problems: list[str], notes: list[str]) -> dict[str, Row]:
    """Returns the rows of the index by the name of their clip; a row may have several."""
    path = next((files[name] for name in INDEX_NAMES if name in files), None)
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            # A cell is what stands between tabs: quotation marks are text.
            table = [list(row) for row in csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.append(f"{path.name} is left out: it can't be read ({error}).")
        return {}
    heads = [head.strip().lower() for head in table[0]] if table else []
    if not set(heads) & set(KEYS):
        problems.append(f"{path.name} is left out: no column of it is called name or file.")
        return {}
    found: dict[str, Row] = {}
    for cells in table[1:]:
        row = dict(zip(heads, (cell.strip() for cell in cells), strict=False))
        for name in {_stem(row[key]) for key in KEYS if row.get(key)}:
            if name in found:
                notes.append(f"{path.name} names {name} twice: the first row counts.")
            found.setdefault(name, row)
    return found


def _stem(name: str) -> str:
    path = Path(name)
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


def _cell(row: Row, *names: str) -> str:
    """Returns what the first of these columns that has anything says, "" if none has."""
    return next((row[name] for name in names if row.get(name)), "")
