"""The attacks themselves, and how what came of them is judged."""

from __future__ import annotations

import random
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from benchmarks.hostile.dialogues import KINDS, Dialogue, dialogues, speak
from benchmarks.hostile.figures import added, is_reached, limits, percentile, report
from benchmarks.hostile.videos import CONTAINERS, FrameCounter, base_videos, is_short, mutated

SERVICE = {
    "crashes": [],
    "idle_bytes": 300_000_000,
    "peak_bytes": 330_000_000,
    "peak_share": 1.1,
    "tracebacks": [],
    "left": [],
}
VIDEOS = {"count": 3, "outcomes": {"SUCCESS": 1, "PARTIAL": 1, "INPUT_CORRUPT": 1}, "hung": [], "longest_s": 2.0}
DIALOGUES = {"count": 2, "statuses": {"400": 2}, "hung": [], "longest_s": 5.0, "faults": []}
SENDERS = {
    "count": 9,
    "seconds": 60,
    "ended": {"408": 90},
    "posts": 10,
    "statuses": {"202": 10},
    "median_s": 0.1,
    "p99_s": 0.9,
    "longest_s": 0.9,
    "livez": {"200": 5},
    "livez_longest_s": 0.1,
}


def found(**changes: dict[str, Any]) -> dict[str, Any]:
    """Returns figures all of whose limits hold, but for the changes in their parts."""
    parts = {
        "service": SERVICE,
        "videos": {**VIDEOS, "too_good": []},
        "dialogues": DIALOGUES,
        "senders": SENDERS,
    }
    return {"load_before": 1.0, **{name: {**part, **changes.get(name, {})} for name, part in parts.items()}}


def missed(**changes: dict[str, Any]) -> list[str]:
    return [limit["name"] for limit in limits(found(**changes)) if not limit["reached"]]


def test_a_service_that_held_out_misses_no_limit() -> None:
    whole = found()
    whole["limits"] = limits(whole)
    assert is_reached(whole)
    assert "3 videos: 1 x SUCCESS, 1 x PARTIAL, 1 x INPUT_CORRUPT" in report(whole)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"service": {"tracebacks": ["KeyError"]}}, "no traceback"),
        ({"service": {"peak_share": 1.21}}, "replica's peak at most 1.2 x idle"),
        ({"service": {"left": ["uploads/a"]}}, "nothing left on disk"),
        ({"videos": {"hung": ["1.mp4"]}}, "nothing hangs over 60 s"),
        ({"dialogues": {"hung": ["noise"]}}, "nothing hangs over 60 s"),
        ({"videos": {"outcomes": {"INTERNAL": 1}}}, "errors are of the input"),
        ({"videos": {"outcomes": {"INPUT_SET_ASIDE": 1}}}, "errors are of the input"),
        ({"videos": {"too_good": ["1.mp4"]}}, "fewer frames are told"),
        ({"dialogues": {"faults": ["noise: 500"]}}, "no fault of its own is answered"),
        ({"senders": {"statuses": {"202": 9, "429": 1}}}, "normal posts are taken"),
        ({"senders": {"p99_s": 2.0}}, "normal posts' p99 below 2 s"),
        ({"senders": {"livez": {"200": 4, "0": 1}}}, "it says that it lives"),
    ],
)
def test_each_limit_is_judged_by_itself(changes: dict[str, Any], name: str) -> None:
    assert missed(**changes) == [name]


def test_a_replica_that_is_another_one_has_no_peak_to_judge() -> None:
    crashed = missed(service={"crashes": ["ServeReplica"], "peak_share": 0.0})
    assert crashed == ["no crash of the service", "replica's peak at most 1.2 x idle"]


def test_parts_that_are_measured_one_after_the_other_add_up() -> None:
    second = found(videos={"outcomes": {"SUCCESS": 2}, "hung": ["9.ts"]}, service={"peak_share": 1.3, "left": ["x"]})
    whole = added(found(), second)
    assert whole["videos"]["count"] == 6
    assert whole["videos"]["outcomes"] == {"SUCCESS": 3, "PARTIAL": 1, "INPUT_CORRUPT": 1}
    assert whole["videos"]["hung"] == ["9.ts"]
    assert (whole["service"]["peak_share"], whole["service"]["left"]) == (1.3, ["x"])


def test_percentiles_are_by_nearest_rank() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.99) == 4.0


def test_every_container_has_a_video_that_decodes_whole(tmp_path: Path) -> None:
    counter = FrameCounter()
    paths = base_videos(tmp_path)
    assert paths.keys() == CONTAINERS.keys()
    for name, path in paths.items():
        counted = counter.count(path)
        assert counted is not None, name
        assert counted[1] >= 48, name
        assert not is_short(*counted), (name, counted)
    half = tmp_path / "half.mkv"
    half.write_bytes(paths["mkv"].read_bytes()[: paths["mkv"].stat().st_size // 2])
    counted = counter.count(half)
    assert counted is not None
    assert is_short(*counted)
    counter.close()


def test_mutations_change_the_bytes_and_come_again_from_the_same_seed() -> None:
    data = bytes(range(256)) * 40
    made = [mutated(data, random.Random(f"1 {number}")) for number in range(200)]
    assert made == [mutated(data, random.Random(f"1 {number}")) for number in range(200)]
    assert sum(one != data for one in made) > 190
    assert len({len(one) for one in made}) > 20


def test_dialogues_are_of_every_kind_in_turn() -> None:
    made = list(dialogues(2 * len(KINDS), 1))
    assert [one.name for one in made] == [*KINDS, *KINDS]
    assert all(one.pieces for one in made)


def test_a_dialogue_hears_the_status_or_that_it_was_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for reply in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b""):
                client, _ = server.accept()
                client.recv(100)
                client.sendall(reply)
                client.close()

        thread = threading.Thread(target=answer)
        thread.start()
        port = server.getsockname()[1]
        heard = [speak(port, iter([Dialogue("noise", (b"x",))]))[0] for _ in range(2)]
        thread.join()
    assert [(one.status, one.hung) for one in heard] == [(400, False), (0, False)]
