"""Makes the videos of the corpus, each with its exact truth, where they aren't there yet.

Truth is in pts: a cue is shown in the frames with start_pts <= pts < end_pts.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks.corpus.encoding import frame_times, write_video
from benchmarks.corpus.libass import find_ffmpeg
from benchmarks.corpus.spec import CaseSpec
from tests.support import fonts
from tests.support.fonts import SourceMissingError

__all__ = ["Truth", "TruthCue", "drawable", "ensure_corpus", "load_truth", "make_case", "spec_hash"]


@dataclass(frozen=True, slots=True)
class TruthCue:
    """One cue as it was drawn: shown in the frames with start_pts <= pts < end_pts, in the band "top" or "bottom", box
    in frame coordinates. A cue that fades is shown while its opacity is over 0."""

    start_pts: int
    end_pts: int
    lines: tuple[str, ...]
    band: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Truth:
    """What a corpus video shows: the cues in order of their starts, no other text that it may hold.

    language is one of sentences.LANGUAGES, or "none". frame_pts are the pts of all frames, in order, and the
    end of the last one. fade_s is how long each cue takes to appear and to vanish. latin_in_cjk_font says that lines
    in Latin letters are set in a Chinese font, whose spaces are narrow; renderer is what drew them.
    """

    case: str
    language: str
    video: Path
    time_base: Fraction
    frame_pts: tuple[int, ...]
    cues: tuple[TruthCue, ...]
    fade_s: float = 0.0
    latin_in_cjk_font: bool = False
    renderer: str = "pillow"

    @property
    def duration_s(self) -> float:
        return float((self.frame_pts[-1] - self.frame_pts[0]) * self.time_base)


def load_truth(path: Path) -> Truth:
    """Returns the truth that the corpus wrote beside its video."""
    data = json.loads(path.read_text(encoding="utf-8"))
    cues = tuple(
        TruthCue(c["start_pts"], c["end_pts"], tuple(c["lines"]), c["band"], tuple(c["box"])) for c in data["cues"]
    )
    return Truth(
        case=data["case"],
        language=data["language"],
        video=path.with_name(data["video"]),
        time_base=Fraction(data["time_base"]),
        frame_pts=tuple(data["frame_pts"]),
        cues=cues,
        fade_s=data["fade_s"],
        latin_in_cjk_font=data["latin_in_cjk_font"],
        renderer=data["renderer"],
    )


def drawable(specs: Sequence[CaseSpec]) -> tuple[CaseSpec, ...]:
    """Returns the cases that can be drawn here; says on stderr which can't, and what they need."""
    try:
        find_ffmpeg()
    except SourceMissingError as error:
        left_out = [spec.name for spec in specs if spec.renderer == "libass"]
        if left_out:
            print(f"Left out: {', '.join(left_out)}. {error}", file=sys.stderr)
        return tuple(spec for spec in specs if spec.name not in left_out)
    return tuple(specs)


def ensure_corpus(specs: Sequence[CaseSpec], out: Path, jobs: int = 0) -> list[Truth]:
    """Returns the truth of every case, in order, making those videos that are missing or out of date.

    jobs is the number of processes (0: one per core, at most four). Errors: SourceMissingError.
    """
    out.mkdir(parents=True, exist_ok=True)
    missing = [spec for spec in specs if not _is_made(spec, out)]
    workers = min(jobs or min(os.cpu_count() or 1, 4), len(missing))
    if workers > 1:
        # Long cases first, so that no process is left alone with one at the end.
        missing.sort(key=lambda spec: spec.width * spec.height * spec.duration_s, reverse=True)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            list(pool.map(make_case, missing, [out] * len(missing)))
    else:
        for spec in missing:
            make_case(spec, out)
    return [load_truth(out / f"{spec.name}.truth.json") for spec in specs]


def make_case(spec: CaseSpec, out: Path) -> None:
    """Writes the three files of a case, the truth last, so that a case with a truth is whole."""
    # Taken first: code that is edited during a long run must not vouch for what the old code drew.
    made_from = spec_hash(spec)
    video = out / f"{spec.name}.mp4"
    aside = out / f".{spec.name}.{os.getpid()}.mp4"
    try:
        cues = write_video(spec, aside)
        aside.replace(video)
    finally:
        aside.unlink(missing_ok=True)
    time_base, pts = frame_times(spec, random.Random(spec.seed))
    truth: dict[str, Any] = {
        "case": spec.name,
        "spec_hash": made_from,
        "video": video.name,
        "language": spec.language,
        "fade_s": spec.fade_s,
        "latin_in_cjk_font": spec.latin_in_cjk_font,
        "renderer": spec.renderer,
        "width": spec.width,
        "height": spec.height,
        "time_base": str(time_base),
        "frame_pts": pts,
        "cues": [asdict(TruthCue(pts[c.first_frame], pts[c.end_frame], c.lines, c.band, c.box)) for c in cues],
    }
    (out / f"{spec.name}.reference.srt").write_text(_reference_srt(truth, time_base), encoding="utf-8", newline="\n")
    (out / f"{spec.name}.truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1), encoding="utf-8")


def spec_hash(spec: CaseSpec) -> str:
    """Returns a hash over the specification, the texts and the code that makes videos of them."""
    digest = hashlib.sha256(json.dumps(asdict(spec), sort_keys=True).encode())
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), *here.glob("texts/*.txt"), Path(fonts.__file__)]):
        # Neither the commands nor the list of cases decide what a given specification looks like.
        if path.name not in ("__init__.py", "__main__.py", "making.py", "cases.py", "libass_cases.py"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _is_made(spec: CaseSpec, out: Path) -> bool:
    truth, video = out / f"{spec.name}.truth.json", out / f"{spec.name}.mp4"
    if not (truth.is_file() and video.is_file()):
        return False
    made_from: str = json.loads(truth.read_text(encoding="utf-8"))["spec_hash"]
    return made_from == spec_hash(spec)


def _reference_srt(truth: dict[str, Any], time_base: Fraction) -> str:
    blocks = []
    for number, cue in enumerate(truth["cues"], 1):
        start, end = (_timestamp((cue[key] - truth["frame_pts"][0]) * time_base) for key in ("start_pts", "end_pts"))
        blocks.append(f"{number}\n{start} --> {end}\n" + "\n".join(cue["lines"]) + "\n")
    return "\n".join(blocks)


def _timestamp(seconds: Fraction) -> str:
    ms = int(seconds * 1000 + Fraction(1, 2))
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"
