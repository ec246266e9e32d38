"""Making and running the accuracy benchmark's cases: seeds, directories, progress."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from benchmarks.accuracy import run as accuracy_run
from benchmarks.accuracy.progress import Progress
from benchmarks.accuracy.run import make_tasks
from benchmarks.corpus.cases import CASES, CaseSpec
from benchmarks.corpus.making import Truth, spec_hash


class _Stream(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_progress_in_a_log_is_a_line_now_and_then_with_the_time_left() -> None:
    stream, clock = _Stream(terminal=False), _Clock()
    progress = Progress("running", 400.0, stream, clock)
    progress.show(0.0, "first")
    clock.now += 9.9
    progress.show(50.0, "too soon")
    clock.now += 30.1
    progress.show(100.0, "second")
    progress.clear()
    assert stream.getvalue() == "running:   0% (first)\nrunning:  25%, 2 min 00 s left (second)\n"


def test_progress_on_a_terminal_rewrites_its_line_and_makes_room_for_results() -> None:
    stream, clock = _Stream(terminal=True), _Clock()
    progress = Progress("running", 10.0, stream, clock)
    progress.show(0.0, "a long name")
    clock.now += 1
    progress.show(5.0, "short")
    progress.clear()
    progress.show(10.0, "last")
    first, second, third = "running:   0% (a long name)", "running:  50% (short)", "running: 100% (last)"
    width = len(first)
    assert stream.getvalue() == f"\r{first}\r{second:<{width}}\r{'':<{len(second)}}\r\r{third}"


def _truth(spec: CaseSpec, corpus: Path) -> Truth:
    return Truth(spec.name, spec.language, corpus / f"{spec.name}.mp4", Fraction(1, 25), (0, 1), ())


def test_each_seed_has_its_own_corpus_and_results_and_only_missing_videos_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[tuple[str, str, int]] = []

    @contextmanager
    def pool(workers: int) -> Iterator[Callable[[CaseSpec, Path], Future[list[Truth]]]]:
        def make(spec: CaseSpec, corpus: Path) -> list[Truth]:
            made.append((corpus.name, spec.name, spec.seed))
            return [_truth(spec, corpus)]

        with ThreadPoolExecutor(1) as threads:
            yield lambda spec, corpus: threads.submit(make, spec, corpus)

    monkeypatch.setattr(accuracy_run, "_pool", pool)
    monkeypatch.setattr(accuracy_run, "ensure_corpus", lambda specs, corpus: [_truth(specs[0], corpus)])
    short, long = replace(CASES[0], duration_s=5.0), replace(CASES[1], duration_s=50.0)
    there = tmp_path / "corpus" / f"{long.name}.truth.json"
    there.parent.mkdir()
    there.write_text(json.dumps({"spec_hash": spec_hash(long)}), encoding="utf-8")
    tasks = make_tasks([short, long], [0, 7], tmp_path)
    assert [(task.truth.case, task.seed, task.results.name) for task in tasks] == [
        (short.name, 0, "results"),
        (long.name, 0, "results"),
        (short.name, 7, "results-7"),
        (long.name, 7, "results-7"),
    ]
    assert [task.truth.video.parent.name for task in tasks] == ["corpus", "corpus", "corpus-7", "corpus-7"]
    # Longest first.
    assert made[0] == ("corpus-7", long.name, long.seed + 7)
    assert sorted(made[1:]) == [("corpus", short.name, short.seed), ("corpus-7", short.name, short.seed + 7)]
    assert f"making the corpus:   0% (1 of 4 videos are there; now {long.name}" in capsys.readouterr().err


def test_given_results_are_taken_seed_by_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy_run, "_is_made", lambda *_: True)
    monkeypatch.setattr(accuracy_run, "ensure_corpus", lambda specs, corpus: [_truth(specs[0], corpus)])
    tasks = make_tasks([CASES[0]], [3, 4], tmp_path, [Path("a"), Path("b")])
    assert [(task.seed, str(task.results)) for task in tasks] == [(3, "a"), (4, "b")]
