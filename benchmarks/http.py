"""Posts many workflows at once to a service of its own, and counts what it answers and how long that takes.

    python -m benchmarks.http [--posts N] [--clients N] [--chain full|one] [--json FILE]

yivideo serve runs with the scripted engine and its default settings, but for a directory of its own. First a hundred
clients post the same request under one Idempotency-Key, at once; then the clients post one after the other each, a
thousand times in all, while what they posted is worked on beside. Times are those from the first byte of a request to
the last of its answer, on connections that stay open. Exit code: 0 if one key made one workflow, nothing but 202 and
429 was answered, and the 99th percentile is less than a second; 1 if not.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.instruments.command_line import benchmark_parser, hand_out
from benchmarks.instruments.environment import environment
from tests.support.serving import free_port, served
from yivideo_ray.types import STAGES

__all__ = ["Answer", "main", "percentile", "report", "verdict"]

DEMO = Path(__file__).parents[1] / "samples" / "demo.mp4"
SAME_KEY = 100
P99_BELOW_S = 1.0
ALLOWED = {202, 429}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a post was answered with, and the seconds that took. workflow_id is empty if none was made."""

    status: int
    took_s: float
    workflow_id: str = ""


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Returns the time that this share of the answers took at most, by nearest rank."""
    times = sorted(answer.took_s for answer in answers)
    return times[max(0, -int(-share * len(times) // 1) - 1)]


def verdict(same: Sequence[Answer], posts: Sequence[Answer]) -> list[tuple[str, bool, str]]:
    """Returns each limit with whether it holds, and the figure."""
    ids = {answer.workflow_id for answer in same}
    statuses = Counter(answer.status for answer in posts)
    p99 = percentile(posts, 0.99)
    counted = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    return [
        ("one key makes one workflow", len(ids) == 1 and "" not in ids, f"{len(ids)} of {len(same)} posts"),
        ("nothing but 202 and 429", set(statuses) <= ALLOWED, counted),
        (f"p99 below {P99_BELOW_S:g} s", p99 < P99_BELOW_S, f"{p99:.3f} s"),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser("benchmarks.http", __doc__, out=None)
    parser.add_argument("--posts", type=int, default=1000, help="in all (1000)")
    parser.add_argument("--clients", type=int, default=20, help="at once (20)")
    parser.add_argument("--chain", choices=["full", "one"], default="one", help="the six stages, or the first (one)")
    options = parser.parse_args(arguments)
    chain = [stage.value for stage in (STAGES if options.chain == "full" else STAGES[:1])]
    # What others do on the machine counts: a figure is worth nothing without it.
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="yivideo-") as work, _service(Path(work)) as url:
        same = _at_once(url, chain)
        began = time.monotonic()
        posts = _one_after_the_other(url, chain, options.posts, options.clients)
        took_s = time.monotonic() - began
        queue = httpx2.get(f"{url}/v1/queue", trust_env=False, timeout=60).json()["workflows"]
    times = [answer.took_s for answer in posts]
    found: dict[str, Any] = {
        "environment": environment(),
        "load_before": round(load, 1),
        "same_key": {"posts": len(same), "workflows": len({answer.workflow_id for answer in same})},
        "posts": len(posts),
        "clients": options.clients,
        "statuses": dict(Counter(answer.status for answer in posts)),
        "posts_per_s": round(len(posts) / took_s, 1),
        "median_s": round(statistics.median(times), 4),
        "p95_s": round(percentile(posts, 0.95), 4),
        "p99_s": round(percentile(posts, 0.99), 4),
        "max_s": round(max(times), 4),
        "waiting_at_the_end": queue["waiting"],
        "limits": [
            {"name": name, "reached": reached, "figure": figure} for name, reached, figure in verdict(same, posts)
        ],
    }
    hand_out(found, options, report)
    return 0 if all(limit["reached"] for limit in found["limits"]) else 1


def report(found: dict[str, Any]) -> str:
    """Returns the figures for people."""
    lines = [
        f"load average before: {found['load_before']}",
        f"{found['posts']} posts by {found['clients']} clients: {found['posts_per_s']} a second",
        f"median {found['median_s']:.3f} s, p95 {found['p95_s']:.3f} s, p99 {found['p99_s']:.3f} s, "
        f"most {found['max_s']:.3f} s; {found['waiting_at_the_end']} workflows wait at the end",
    ]
    for limit in found["limits"]:
        lines.append(f"{limit['name']:<28} {'reached' if limit['reached'] else 'MISSED':<8} {limit['figure']}")
    return "\n".join(lines)


@contextmanager
def _service(work: Path) -> Iterator[str]:
    settings = {
        "YIVIDEO_OCR__ENGINE": "scripted",
        "YIVIDEO_STORAGE__WORK_DIR": str(work),
        "YIVIDEO_STORAGE__ALLOWED_ROOTS": json.dumps([str(DEMO.parent)]),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("YIVIDEO_", "RAY_"))}
    root = DEMO.parents[1]
    command = [sys.executable, "-m", "yivideo_ray", "serve", "--port", str(free_port())]
    with served(command, {**kept, "PYTHONPATH": str(root), **settings}, root) as service:
        if not service.url:
            raise SystemExit("".join(["The service does not start.\n", *service.told]))
        yield service.url


def _post(client: httpx2.Client, url: str, chain: list[str], key: str | None = None) -> Answer:
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"video_path": str(DEMO), "workflow_config": {"workflow_chain": chain}}
    began = time.perf_counter()
    answer = client.post(f"{url}/v1/workflows", json=body, headers=headers)
    took_s = time.perf_counter() - began
    made = answer.json()["workflow_id"] if answer.status_code == 202 else ""
    return Answer(answer.status_code, took_s, made)


def _at_once(url: str, chain: list[str]) -> list[Answer]:
    barrier = threading.Barrier(SAME_KEY)

    def post(_: int) -> Answer:
        with httpx2.Client(trust_env=False, timeout=60) as client:
            barrier.wait()
            return _post(client, url, chain, "benchmark")

    with ThreadPoolExecutor(SAME_KEY) as pool:
        return list(pool.map(post, range(SAME_KEY)))


def _one_after_the_other(url: str, chain: list[str], posts: int, clients: int) -> list[Answer]:
    left = iter(range(posts))
    lock = threading.Lock()

    def post(_: int) -> list[Answer]:
        found: list[Answer] = []
        with httpx2.Client(trust_env=False, timeout=60) as client:
            while True:
                with lock:
                    if next(left, None) is None:
                        return found
                found.append(_post(client, url, chain))

    with ThreadPoolExecutor(clients) as pool:
        return [answer for found in pool.map(post, range(clients)) for answer in found]


if __name__ == "__main__":
    sys.exit(main())
