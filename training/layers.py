"""Fits the decision which layers of text are subtitles, and tells how well it does on sources that it has not seen.

    python -m training.layers READINGS=TRUTH [READINGS=TRUTH ...] [--write] [--show]

READINGS is a directory that training.readings filled, TRUTH the directory of the videos with NAME.srt, NAME.truth.srt or
NAME.reference.srt (none: the video has no subtitles) and, if there, INDEX.tsv, whose columns `file` and `source` say
which videos come from one source (else each is one of its own) and `script` which ones are left out: scripts that the
model can't read. --write writes the weights, fitted to all, to where the stage reads them.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pysubs2
from rapidfuzz import fuzz
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from training.readings import load
from yivideo_ray.config import load_settings
from yivideo_ray.stages.postprocess_and_finalize.layer_features import FEATURES
from yivideo_ray.stages.postprocess_and_finalize.stage import FoundLayer, find_layers
from yivideo_ray.subtitles.formats import write_srt
from yivideo_ray.text.voting import folded
from yivideo_ray.types import VideoInfo

UNREADABLE = ("arabic", "cyrillic", "hangul", "hebrew", "thai", "devanagari")
TRUTHS = (".srt", ".truth.srt", ".reference.srt")
C = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A layer of a video: is it the subtitles? weight: how many texts it has, in the root."""

    source: str
    video: str
    info: VideoInfo
    layer: FoundLayer
    features: tuple[float, ...]
    is_subtitle: bool
    weight: float
    share: float


def truth_of(directory: Path, name: str) -> list[tuple[float, float, str]]:
    path = next((p for end in TRUTHS if (p := directory / f"{name}{end}").exists()), None)
    if path is None:
        return []
    events = pysubs2.load(str(path), encoding="utf-8", format_="srt")
    return [(e.start / 1000, e.end / 1000, folded(e.plaintext)) for e in events if e.plaintext.strip()]


def share_true(layer: FoundLayer, truth: Sequence[tuple[float, float, str]], info: VideoInfo) -> float:
    right = total = 0.0
    for track in layer.layer.tracks:
        start, end = info.seconds(track.start_pts), info.seconds(track.end_pts)
        text = folded(track.text)
        weight = max(1, len(text))
        total += weight
        for t0, t1, wanted in truth:
            if min(end, t1) - max(start, t0) > 0.5 * (end - start):
                if fuzz.partial_ratio(text, wanted) >= 70 and len(text) <= 1.3 * len(wanted):
                    right += weight
                    break
    return right / total if total else 0.0


def examples(readings: Path, truths: Path) -> Iterator[Example]:
    settings = load_settings().postprocessor
    index: dict[str, dict[str, str]] = {}
    if (truths / "INDEX.tsv").exists():
        with (truths / "INDEX.tsv").open(encoding="utf-8") as file:
            index = {Path(row.get("file") or row["name"]).stem: row for row in csv.DictReader(file, delimiter="\t")}
    for name, kept in load(readings):
        row = index.get(name, {})
        if any(script in row.get("script", "") for script in UNREADABLE):
            continue
        truth = truth_of(truths, name)
        for layer in find_layers(kept.info, kept.area, kept.crops, kept.texts, settings):
            share = share_true(layer, truth, kept.info)
            yield Example(
                f"{truths.name}:{row.get('source', name)}",
                name,
                kept.info,
                layer,
                tuple(layer.features[feature] for feature in FEATURES),
                share >= 0.5,
                math.sqrt(len(layer.layer.tracks)),
                share,
            )


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    scaler: StandardScaler
    model: LogisticRegression

    def probability(self, features: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(self.scaler.transform(features))[:, 1]


def fit(found: Sequence[Example]) -> Fit:
    x = np.array([one.features for one in found])
    y = np.array([one.is_subtitle for one in found])
    weights = np.array([one.weight for one in found])
    scaler = StandardScaler().fit(x, sample_weight=weights)
    model = LogisticRegression(C=C, max_iter=2000)
    model.fit(scaler.transform(x), y, sample_weight=weights)
    return Fit(scaler, model)


def cross_validated(found: Sequence[Example]) -> np.ndarray:
    out = np.zeros(len(found))
    for source in sorted({one.source for one in found}):
        fitted = fit([one for one in found if one.source != source])
        own = [at for at, one in enumerate(found) if one.source == source]
        out[own] = fitted.probability(np.array([found[at].features for at in own]))
    return out


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.layers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", nargs="+", metavar="READINGS=TRUTH")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--srt", type=Path)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args(argv)
    found = [one for pair in options.pairs for one in examples(*map(Path, pair.split("=")))]
    p = cross_validated(found)
    whole = fit(found)
    own = whole.probability(np.array([one.features for one in found]))
    wrong = [(one, a, b) for one, a, b in zip(found, p, own, strict=True) if (a >= 0.5) != one.is_subtitle]
    print(
        f"{len(found)} layers of {len({one.source for one in found})} sources, {sum(o.is_subtitle for o in found)} subtitles"
    )
    for name, weight in sorted(zip(FEATURES, whole.model.coef_[0], strict=True), key=lambda pair: -abs(pair[1])):
        print(f"  {name:16s} {weight:+.2f}")
    print(f"wrong: {len(wrong)}")
    for one, a, b in wrong:
        texts = " | ".join(t.text for t in one.layer.layer.tracks[:4])
        print(
            f"  {one.video} p={a:.2f} ({b:.2f}) truth share {one.share:.2f} tracks {len(one.layer.layer.tracks)}: {texts[:100]}"
        )
    if options.show:
        for one, a in zip(found, p, strict=True):
            print(
                one.video,
                f"{a:.2f}",
                f"{one.share:.2f}",
                len(one.layer.layer.tracks),
                one.layer.layer.box.corners,
                " | ".join(t.text for t in one.layer.layer.tracks[:5])[:120],
            )
    if options.srt:
        options.srt.mkdir(parents=True, exist_ok=True)
        for video in {one.video for one in found}:
            own_ = [(one, a) for one, a in zip(found, p, strict=True) if one.video == video]
            cues = sorted(
                (c for one, a in own_ if a >= 0.5 for c in one.layer.cues),
                key=lambda c: (c.start_pts, c.box.y0, c.box.x0),
            )
            (options.srt / f"{video}.srt").write_text(write_srt(cues, own_[0][0].info), encoding="utf-8")
    if options.write:
        options.write.write_text(
            json.dumps(
                {
                    "features": list(FEATURES),
                    "mean": whole.scaler.mean_.tolist(),
                    "scale": whole.scaler.scale_.tolist(),
                    "weights": whole.model.coef_[0].tolist(),
                    "bias": float(whole.model.intercept_[0]),
                },
                indent=1,
            )
            + "\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
