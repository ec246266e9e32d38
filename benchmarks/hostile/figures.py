"""What was measured of a service under attack: the limits, parts added up, and the figures for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

__all__ = ["INPUT_ERRORS", "added", "is_reached", "limits", "percentile", "report"]

PEAK_SHARE = 1.2
P99_BELOW_S = 2.0
INPUT_ERRORS = frozenset(
    {
        "INPUT_EMPTY",
        "INPUT_UNRECOGNIZED",
        "INPUT_FORMAT_FORBIDDEN",
        "INPUT_CORRUPT",
        "INPUT_TOO_DEMANDING",
        "NO_VIDEO_STREAM",
        "CODEC_UNSUPPORTED",
        "RESOLUTION_TOO_LARGE",
        "DURATION_TOO_LONG",
        "TIMESTAMPS_UNUSABLE",
    }
)
"""What a damaged video may end with. INPUT_SET_ASIDE is none of them: it ended a process again and again."""


def percentile(times: Sequence[float], share: float) -> float:
    """Returns the time that this share of them took at most, by nearest rank."""
    return sorted(times)[max(0, -int(-share * len(times) // 1) - 1)]


def added(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Returns the figures of another part added to earlier ones: parts that both have are summed up."""
    whole = {**before, **now}
    if "videos" in before and "videos" in now:
        first, second = before["videos"], now["videos"]
        whole["videos"] = {
            "count": first["count"] + second["count"],
            "outcomes": dict(Counter(first["outcomes"]) + Counter(second["outcomes"])),
            "hung": first["hung"] + second["hung"],
            "longest_s": max(first["longest_s"], second["longest_s"]),
            "too_good": first["too_good"] + second["too_good"],
        }
    first, second = before["service"], now["service"]
    worst = max((first, second), key=lambda part: float(part["peak_share"]))
    whole["service"] = {
        **worst,
        "crashes": first["crashes"] + second["crashes"],
        "tracebacks": first["tracebacks"] + second["tracebacks"],
        "left": first["left"] + second["left"],
    }
    return whole


def limits(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns each limit with whether it was reached, and the figure."""
    service = found["service"]
    judged = [
        ("no crash of the service", not service["crashes"], ", ".join(service["crashes"]) or "0"),
        ("no traceback", not service["tracebacks"], "; ".join(sorted(set(service["tracebacks"]))) or "0"),
        (
            f"replica's peak at most {PEAK_SHARE:g} x idle",
            not service["crashes"] and service["peak_share"] <= PEAK_SHARE,
            f"{service['peak_share']:.2f} x {service['idle_bytes'] / 1e6:.0f} MB",
        ),
        ("nothing left on disk", not service["left"], ", ".join(service["left"]) or "0 files"),
    ]
    hung = [name for part in ("videos", "dialogues") for name in found.get(part, {}).get("hung", ())]
    judged.append(("nothing hangs over 60 s", not hung, ", ".join(hung) or "0"))
    if "videos" in found:
        outcomes, too_good = found["videos"]["outcomes"], found["videos"]["too_good"]
        others = {name: count for name, count in outcomes.items() if name not in {"SUCCESS", "PARTIAL", *INPUT_ERRORS}}
        judged += [
            ("errors are of the input", not others, _counted(others) or "0 others"),
            ("fewer frames are told", not too_good, ", ".join(too_good) or "0 too good"),
        ]
    if "dialogues" in found:
        faults = found["dialogues"]["faults"]
        judged.append(("no fault of its own is answered", not faults, ", ".join(faults) or "0"))
    if "senders" in found:
        part = found["senders"]
        judged += [
            ("normal posts are taken", set(part["statuses"]) == {"202"}, _counted(part["statuses"])),
            (f"normal posts' p99 below {P99_BELOW_S:g} s", part["p99_s"] < P99_BELOW_S, f"{part['p99_s']:.3f} s"),
            ("it says that it lives", set(part["livez"]) == {"200"}, _counted(part["livez"])),
        ]
    return [{"name": name, "reached": reached, "figure": figure} for name, reached, figure in judged]


def is_reached(found: dict[str, Any]) -> bool:
    return all(limit["reached"] for limit in found["limits"])


def report(found: dict[str, Any]) -> str:
    """Returns the figures for people."""
    lines = [f"load average before: {found['load_before']}"]
    if "videos" in found:
        part = found["videos"]
        lines.append(f"{part['count']} videos: {_counted(part['outcomes'])}; the longest {part['longest_s']} s")
    if "dialogues" in found:
        part = found["dialogues"]
        lines.append(f"{part['count']} dialogues: {_counted(part['statuses'])}; the longest {part['longest_s']} s")
    if "senders" in found:
        part = found["senders"]
        lines += [
            f"{part['count']} slow senders for {part['seconds']:g} s; their connections: {_counted(part['ended'])}",
            f"{part['posts']} posts beside them: median {part['median_s']:.3f} s, p99 {part['p99_s']:.3f} s, "
            f"most {part['longest_s']:.3f} s; /livez {part['livez_longest_s']:.3f} s at most",
        ]
    lines.append("")
    lines += [
        f"{limit['name']:<34} {'reached' if limit['reached'] else 'MISSED':<8} {limit['figure']}"
        for limit in found["limits"]
    ]
    return "\n".join(lines)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in sorted(counts.items(), key=lambda pair: -pair[1]))
