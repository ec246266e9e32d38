"""Fits the decision which layers of text are subtitles, and tells how well it does on sources that it has not seen.

    python -m training.layers READINGS=TRUTH [READINGS=TRUTH ...] [--srt DIR] [--report FILE] [--show] [--write]

READINGS is a directory that training.readings filled, TRUTH that of the videos, with NAME.srt, NAME.truth.srt or
NAME.reference.srt (none of them: the video has no subtitles). An INDEX.tsv there says in its column `source` which
videos come from one source (else each is one of its own), and in `script` which ones the model can't read: those are
left out. A layer is subtitles if most of its letters are in cues of the truth that are shown at the same time.

Each source is decided by a model that was fitted to the others. --srt writes what that gives, for
`python -m benchmarks.clips TRUTH --results DIR`. --report writes the weights and how far the probabilities can be
trusted, without a name or a text of the videos; --show prints every layer. --write puts the weights, fitted to all,
where the stage reads them. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pysubs2
from numpy.typing import NDArray
from rapidfuzz import fuzz
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from benchmarks.instruments.environment import environment, provenance
from training.readings import load
from yivideo_ray import stages
from yivideo_ray.config import load_settings
from yivideo_ray.stages.postprocess_and_finalize.layer_features import FEATURES
from yivideo_ray.stages.postprocess_and_finalize.stage import FoundLayer, find_layers
from yivideo_ray.subtitles.formats import write_srt
from yivideo_ray.text.line_classes import UNREADABLE
from yivideo_ray.text.voting import folded
from yivideo_ray.types import VideoInfo

__all__ = ["Example", "cross_validated", "examples", "main"]

WEIGHTS = Path(stages.__path__[0]) / "postprocess_and_finalize" / "layer_weights.json"
TRUTHS = (".truth.srt", ".reference.srt", ".srt")
STRENGTH = 0.3
"""The inverse of how strongly weights are drawn to 0 (C of LogisticRegression)."""

Truth = Sequence[tuple[float, float, str]]
"""Start and end in seconds, and folded text, of each cue."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A layer of a video. is_subtitle: what the truth says; source: what no two folds share."""

    source: str
    video: str
    info: VideoInfo
    found: FoundLayer
    is_subtitle: bool

    @property
    def features(self) -> list[float]:
        return [self.found.features[name] for name in FEATURES]

    @property
    def weight(self) -> float:
        """The root of its number of lines: one of many counts for more, and not for all."""
        return math.sqrt(len(self.found.layer.tracks))


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted model, and what makes features comparable."""

    scaler: StandardScaler
    model: LogisticRegression

    def probability(self, examples: Sequence[Example]) -> NDArray[np.float64]:
        features = self.scaler.transform(np.array([one.features for one in examples]))
        found: NDArray[np.float64] = self.model.predict_proba(features)[:, 1]
        return found


def examples(readings: Path, videos: Path) -> Iterator[Example]:
    """Yields the layers of all videos whose readings lie in a directory."""
    settings = load_settings().postprocessor
    index = _index(videos)
    for name, kept in load(readings):
        row = index.get(name, {})
        if any(script in row.get("script", "") for script in UNREADABLE):
            continue
        truth = _truth(videos, name)
        source = f"{videos.name}:{row.get('source') or name}"
        for layer in find_layers(kept.info, kept.area, kept.crops, kept.texts, settings):
            yield Example(source, name, kept.info, layer, _true_share(layer, truth, kept.info) >= 1 / 2)


def cross_validated(found: Sequence[Example]) -> NDArray[np.float64]:
    """Returns the probability of each layer by a model that was fitted to the layers of all other sources."""
    probabilities = np.zeros(len(found))
    for source in sorted({one.source for one in found}):
        fitted = _fit([one for one in found if one.source != source])
        own = [at for at, one in enumerate(found) if one.source == source]
        probabilities[own] = fitted.probability([found[at] for at in own])
    return probabilities


def _index(videos: Path) -> dict[str, dict[str, str]]:
    path = videos / "INDEX.tsv"
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {Path(row.get("file") or row["name"]).stem: row for row in csv.DictReader(file, delimiter="\t")}


def _truth(videos: Path, name: str) -> Truth:
    path = next((path for end in TRUTHS if (path := videos / f"{name}{end}").exists()), None)
    events = [] if path is None else pysubs2.load(str(path), encoding="utf-8", format_="srt")
    return [(event.start / 1000, event.end / 1000, folded(event.plaintext)) for event in events]


def _true_share(found: FoundLayer, truth: Truth, info: VideoInfo) -> float:
    """Returns the share of a layer's letters that the truth has at the same time."""
    true, whole = 0, 0
    for track in found.layer.tracks:
        text = folded(track.text)
        whole += max(1, len(text))
        start, end = info.seconds(track.start_pts), info.seconds(track.end_pts)
        at_that_time = (
            wanted for first, last, wanted in truth if 2 * (min(end, last) - max(start, first)) > end - start
        )
        # A track is one line of a cue, and may be read wrong in part.
        if any(fuzz.partial_ratio(text, wanted) >= 70 and len(text) <= 1.3 * len(wanted) for wanted in at_that_time):
            true += max(1, len(text))
    return true / whole


def _fit(found: Sequence[Example]) -> Fit:
    features = np.array([one.features for one in found])
    weights = np.array([one.weight for one in found])
    scaler = StandardScaler().fit(features, sample_weight=weights)
    model = LogisticRegression(C=STRENGTH, max_iter=2000)
    model.fit(scaler.transform(features), [one.is_subtitle for one in found], sample_weight=weights)
    return Fit(scaler, model)


def _write_weights(fitted: Fit) -> None:
    weights = {
        "features": list(FEATURES),
        "mean": [round(float(value), 6) for value in fitted.scaler.mean_],
        "scale": [round(float(value), 6) for value in fitted.scaler.scale_],
        "weights": [round(float(value), 6) for value in fitted.model.coef_[0]],
        "bias": round(float(fitted.model.intercept_[0]), 6),
    }
    WEIGHTS.write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")


def _write_subtitles(found: Sequence[Example], probabilities: NDArray[np.float64], directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for video in {one.video for one in found}:
        own = [(one, taken) for one, taken in zip(found, probabilities >= 1 / 2, strict=True) if one.video == video]
        cues = [cue for one, taken in own if taken for cue in one.found.cues]
        cues.sort(key=lambda cue: (cue.start_pts, cue.box.y0, cue.box.x0))
        (directory / f"{video}.srt").write_text(write_srt(cues, own[0][0].info), encoding="utf-8")


def _report(found: Sequence[Example], probabilities: NDArray[np.float64], fitted: Fit, command: str) -> str:
    truth = np.array([one.is_subtitle for one in found])
    wrong = (probabilities >= 1 / 2) != truth
    own_wrong = (fitted.probability(found) >= 1 / 2) != truth
    lines = [
        "# Which layers are subtitles",
        "",
        f"<!-- Written by `{command}`: fit again, don't change this file. -->",
        "",
        f"{len(found)} layers of text in {len({one.video for one in found})} videos from "
        f"{len({one.source for one in found})} sources, {int(truth.sum())} of them subtitles. Each source was decided "
        f"by weights that were fitted to the others: {int(wrong.sum())} layers were decided wrongly "
        f"({int((wrong & truth).sum())} subtitles left out, {int((wrong & ~truth).sum())} others taken). The weights "
        f"that the package carries were fitted to all, and decide {int(own_wrong.sum())} of the same layers wrongly.",
        "",
        "## How far the probabilities can be trusted",
        "",
        "| probability | layers | subtitles |",
        "| --- | --- | --- |",
    ]
    edges = (0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)
    for low, high in pairwise(edges):
        there = (probabilities >= low) & (probabilities < (high if high < 1 else 1.01))
        share = f"{truth[there].mean():.0%}" if there.any() else ""
        lines.append(f"| {low:.2f} to {high:.2f} | {int(there.sum())} | {share} |")
    lines += ["", "## The weights", "", "What one spread more of a feature adds to the log odds.", ""]
    lines += ["| feature | weight |", "| --- | --- |"]
    weights = zip(FEATURES, fitted.model.coef_[0], strict=True)
    lines += [f"| {name} | {weight:+.2f} |" for name, weight in sorted(weights, key=lambda pair: -abs(pair[1]))]
    lines += ["", provenance(environment(packages=["scikit-learn"]), "Fitted")]
    return "\n".join(lines) + "\n"


def _show(found: Sequence[Example], probabilities: NDArray[np.float64], *, every: bool) -> None:
    for one, probability in zip(found, probabilities, strict=True):
        is_wrong = (probability >= 1 / 2) != one.is_subtitle
        if every or is_wrong:
            texts = " | ".join(track.text for track in one.found.layer.tracks[:5])
            mark = "WRONG" if is_wrong else "subtitles" if one.is_subtitle else "other"
            print(f"{one.video}: {probability:.2f} {mark}, {len(one.found.layer.tracks)} lines: {texts[:120]}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.layers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", nargs="+", metavar="READINGS=TRUTH")
    parser.add_argument("--srt", type=Path, metavar="DIR", help="write the subtitles of every video to DIR")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report to FILE (Markdown)")
    parser.add_argument("--show", action="store_true", help="print every layer, not only those decided wrongly")
    parser.add_argument("--write", action="store_true", help="write the weights into the package")
    options = parser.parse_args(argv)
    found = [one for pair in options.pairs for one in examples(*map(Path, pair.split("=", 1)))]
    probabilities, fitted = cross_validated(found), _fit(found)
    _show(found, probabilities, every=options.show)
    report = _report(found, probabilities, fitted, "python -m training.layers")
    print(report)
    if options.srt:
        _write_subtitles(found, probabilities, options.srt)
    if options.report:
        options.report.write_text(report, encoding="utf-8")
    if options.write:
        _write_weights(fitted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
