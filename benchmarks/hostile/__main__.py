"""Attacks a service of its own with damaged videos, hostile HTTP dialogues and slow senders, and judges what it does.

    python -m benchmarks.hostile [--parts videos dialogues senders] [--videos N] [--first N] [--dialogues N]
                                 [--senders N] [--seconds S] [--seed N] [--json FILE] [--add FILE]

yivideo serve runs with the scripted engine, whose calls cost nothing, and its defaults, but for the time that slow
clients have (5 s instead of 20). All is on loopback, and made here. It has worked on one video of each container when
counting begins: what the replica's memory is then counts as idle.

videos: mutations of eight videos of 4 s (mp4, mkv, webm, ts, avi, flv, mov, gif), one to three each (flipped bits,
truncation, extreme words, pieces cut out, repeated, zeroed or noise), uploaded, worked on with all six stages, and
deleted. Each must end within 60 s, in SUCCESS or in an error of the input. A SUCCESS that isn't partial counts as too
good if the headers tell a third more frames than FFmpeg can decode.
dialogues: 33 kinds of malformed, contradictory, oversized, unfinished requests, 20 at a time. Each must be answered or
closed within 60 s, and never as the service's own fault (a status of 500 or more that is not 503 or 507).
senders: clients that send heads, forms, JSON and uploads, a byte a second, all at the same time, and connect again when
they are closed; beside them four clients post a workflow of one stage each half second, and one asks /livez.

--first and --add are for parts of the videos, measured one after the other: they go on at number N, and add up the
figures in FILE. Exit code: 0 if all limits hold, 1 if not.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.hostile.dialogues import dialogues, speak
from benchmarks.hostile.figures import added, is_reached, limits, percentile, report
from benchmarks.hostile.observed import Observed, observed
from benchmarks.hostile.senders import siege
from benchmarks.hostile.videos import FrameCounter, base_videos, is_short, mutated
from benchmarks.instruments.command_line import benchmark_parser, hand_out
from benchmarks.instruments.environment import environment

__all__ = ["main", "report"]

UPLOADERS = 6
LOOK_S = 0.1
HUNG_S = 60.0
# A workflow may wait for others of the uploaders besides.
GIVEN_UP_S = 120.0
TERMINAL = {"SUCCESS", "FAILED", "CANCELLED"}


@dataclass(frozen=True, slots=True)
class Ended:
    """How one video ended: SUCCESS, PARTIAL, an error's code, or what the benchmark calls it; and after how long."""

    name: str
    outcome: str
    took_s: float
    too_good: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser("benchmarks.hostile", __doc__, out=None)
    kinds = ("videos", "dialogues", "senders")
    parser.add_argument("--parts", nargs="+", choices=kinds, default=kinds, help="what to attack with (all)")
    parser.add_argument("--videos", type=int, default=2000, help="mutated videos (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first of them (%(default)s)")
    parser.add_argument("--dialogues", type=int, default=200, help="hostile dialogues (%(default)s)")
    parser.add_argument("--senders", type=int, default=1000, help="slow senders at the same time (%(default)s)")
    parser.add_argument("--seconds", type=float, default=60, help="how long they send (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of what is mutated and said (%(default)s)")
    parser.add_argument("--add", type=Path, metavar="FILE", help="figures of earlier parts, to be added to")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="yivideo-") as directory:
        videos = Path(directory) / "videos"
        videos.mkdir()
        bases = base_videos(videos)
        with observed(Path(directory) / "work", videos) as service:
            for path in bases.values():
                _worked_on(service.client, path.name, path.read_bytes())
            service.ready()
            found: dict[str, Any] = {"environment": environment(), "load_before": round(load, 1), "seed": options.seed}
            if "videos" in options.parts:
                numbers = range(options.first, options.first + options.videos)
                found["videos"] = _videos(service, bases, numbers, options.seed, videos)
            if "dialogues" in options.parts:
                found["dialogues"] = _dialogues(service, options.dialogues, options.seed)
            if "senders" in options.parts:
                found["senders"] = _senders(service, bases["mp4"], options.senders, options.seconds, options.seed)
            found["service"] = service.figures()
    if options.add is not None and options.add.is_file():
        found = added(json.loads(options.add.read_text(encoding="utf-8")), found)
    found["limits"] = limits(found)
    hand_out(found, options, report)
    return 0 if is_reached(found) else 1


def _videos(
    service: Observed, bases: dict[str, Path], numbers: Sequence[int], seed: int, directory: Path
) -> dict[str, Any]:
    names = list(bases)
    counter = FrameCounter()

    def one(number: int) -> Ended:
        kind = names[number % len(names)]
        data = mutated(bases[kind].read_bytes(), random.Random(f"{seed} {number}"))
        with httpx2.Client(base_url=service.client.base_url, trust_env=False, timeout=GIVEN_UP_S) as client:
            ended = _worked_on(client, f"{number}.{kind}", data)
        if ended.outcome != "SUCCESS":
            return ended
        path = directory / ended.name
        path.write_bytes(data)
        frames = counter.count(path)
        path.unlink()
        too_good = frames is not None and is_short(*frames)
        return Ended(ended.name, ended.outcome, ended.took_s, too_good)

    with ThreadPoolExecutor(UPLOADERS) as pool:
        ended = list(pool.map(one, numbers))
    counter.close()
    return {
        "count": len(ended),
        "outcomes": dict(Counter(end.outcome for end in ended)),
        "hung": [end.name for end in ended if end.took_s > HUNG_S],
        "longest_s": round(max(end.took_s for end in ended), 1),
        "too_good": [end.name for end in ended if end.too_good],
    }


def _worked_on(client: httpx2.Client, name: str, data: bytes) -> Ended:
    """Uploads a video, waits for its end, and deletes it. took_s: how long it was worked on."""
    answer = client.post("/v1/workflows", files={"video": (name, data)})
    if answer.status_code != 202:
        return Ended(name, str(answer.json().get("code", answer.status_code)), 0.0)
    here = f"/v1/workflows/{answer.json()['workflow_id']}"
    began = time.monotonic()
    while (found := client.get(here).json())["state"] not in TERMINAL:
        if time.monotonic() - began > GIVEN_UP_S:
            return Ended(name, "HUNG", GIVEN_UP_S)
        if found["state"] == "PENDING":
            began = time.monotonic()
        time.sleep(LOOK_S)
    client.delete(here)
    took_s = time.monotonic() - began
    if found["state"] != "SUCCESS":
        return Ended(name, str((found["error"] or {}).get("code", found["state"])), took_s)
    return Ended(name, "PARTIAL" if found["partial"] else "SUCCESS", took_s)


def _dialogues(service: Observed, count: int, seed: int) -> dict[str, Any]:
    heard = speak(service.port, dialogues(count, seed))
    return {
        "count": len(heard),
        "statuses": dict(Counter(str(one.status or "closed") for one in heard)),
        "hung": [one.name for one in heard if one.hung],
        "longest_s": round(max(one.took_s for one in heard), 1),
        "faults": sorted({f"{one.name}: {one.status}" for one in heard if _is_fault(one.status)}),
    }


def _is_fault(status: int) -> bool:
    return status >= 500 and status not in (503, 507)


def _senders(service: Observed, video: Path, senders: int, seconds: float, seed: int) -> dict[str, Any]:
    beside = asyncio.run(siege(service.port, video, senders=senders, seconds=seconds, seed=seed))
    _delete_all(service.client)
    return {
        "count": senders,
        "seconds": seconds,
        "ended": dict(beside.slow),
        "posts": len(beside.times),
        "statuses": {str(status): count for status, count in beside.statuses.items()},
        "median_s": round(percentile(beside.times, 0.5), 3),
        "p99_s": round(percentile(beside.times, 0.99), 3),
        "longest_s": round(max(beside.times), 3),
        "livez": {str(status): count for status, count in beside.livez.items()},
        "livez_longest_s": round(max(beside.livez_s), 3),
    }


def _delete_all(client: httpx2.Client) -> None:
    """Waits for the ends of all workflows, and deletes them."""
    deadline = time.monotonic() + GIVEN_UP_S
    while found := client.get("/v1/workflows", params={"limit": 200}).json()["workflows"]:
        for one in found:
            if one["state"] in TERMINAL:
                client.delete(f"/v1/workflows/{one['workflow_id']}")
            elif time.monotonic() > deadline:
                return
        time.sleep(LOOK_S)


if __name__ == "__main__":
    sys.exit(main())
