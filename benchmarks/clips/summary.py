"""The figures of a directory of clips without a name or a text of theirs, for docs/figures."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

__all__ = ["SHIPPED", "report", "summary"]

SHIPPED = "the weights that are shipped"

_HEADER = "cues  found  recall  precision     CER     WER  exact  start±2  end±2"
Figures = Mapping[str, Any]


def summary(document: Figures, decided_by: str) -> dict[str, Any]:
    """Returns the sums of what benchmarks.clips writes as JSON: over all clips, by kind and by script. decided_by says
    by which weights the layers were decided."""
    facts = {**document["environment"], "command": _without_names(document["environment"]["command"])}
    phantoms = document["phantoms"]
    return {
        "environment": facts,
        "decided_by": decided_by,
        "cost": document["cost"],
        "all": document["all"],
        "kinds": document["kinds"],
        "scripts": document["scripts"],
        "empty": len(document["empty"]),
        "without_subtitles": {
            "clips": len(phantoms["clips"]),
            "phantoms": phantoms["cues"],
            "precision_with_phantoms": phantoms["precision_with_phantoms"],
        },
    }


def report(figures: Figures) -> str:
    """Returns a summary for people."""
    groups = {**figures["kinds"], **figures["scripts"], "all": figures["all"]}
    width = max(map(len, groups))
    lines = [f"layers decided by {figures['decided_by']}", f"{'':{width}}  {_HEADER}"]
    lines += [f"{name:{width}}  {_row(group)}" for name, group in groups.items()]
    without, cost = figures["without_subtitles"], figures["cost"]
    precision = without["precision_with_phantoms"]
    lines += [
        f"clips that came out empty: {figures['empty']} of {figures['all']['clips']}",
        f"clips without subtitles: {without['phantoms']} cues in {without['clips']}"
        + ("" if precision is None else f"; precision with them {precision:.4f}"),
    ]
    if cost is not None:
        lines.append(f"CPU time: {cost['cpu_s']:.1f} s for {cost['video_s']:.1f} s of video")
    return "\n".join(lines)


def _row(group: Figures) -> str:
    return (
        f"{group['reference_cues']:4}  {group['result_cues']:5}  {_share(group['recall']):>6}"
        f"  {_share(group['precision']):>9}  {_share(group['cer']['matched_only']):>6}"
        f"  {_share(group['wer']['matched_only']):>6}  {_share(group['exact_share'], 3):>5}"
        f"  {_share(group['start']['share_within_two_frames'], 3):>7}"
        f"  {_share(group['end']['share_within_two_frames'], 3):>5}"
    )


def _share(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _without_names(command: str) -> str:
    """Returns a command line without the names of clips that follow --soft, however it is written."""
    kept: list[str] = []
    are_names = False
    for argument in shlex.split(command):
        is_option = argument.startswith("--")
        are_names = argument.startswith("--so") or (are_names and not is_option)
        if are_names and is_option:
            kept += ["--soft", "NAMES"]
        elif not are_names:
            kept.append(argument)
    return shlex.join(kept)
