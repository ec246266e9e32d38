"""The benchmark of a GPU: a phase that hangs or crashes costs itself only, and what is wrong ends with exit code 1."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import benchmarks.gpu.__main__ as command
from benchmarks.gpu import decoding, phases
from benchmarks.gpu.phases import PHASES, Phase
from benchmarks.gpu.rows import Row, Setup, append, read, table
from benchmarks.gpu.speed import distinct_shapes
from yivideo_ray.config import DecoderSettings
from yivideo_ray.media import probe

SETUP = Setup("cpu", 20.0, True, Path("none"))
GOOD = Row("load", "does it load?", "yes", "4.1 s")
# The parent starts this in place of the phases' own module.
CHILD = """
import os, sys, time
from pathlib import Path
from benchmarks.gpu.rows import Row, append
rows = Path(sys.argv[sys.argv.index("--rows") + 1])
append(Row("load", "first", "known"), rows)
{then}
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that runs in place of a phase; returns where to write it."""
    path = tmp_path / "child.py"
    popen = subprocess.Popen

    def start(given: list[str], **options: Any) -> Any:
        return popen([sys.executable, "-P", str(path), *given[4:]], **options)

    monkeypatch.setattr(subprocess, "Popen", start)
    return path


def ran(child: Path, then: str, must_end: bool = False, seconds: float = 20.0) -> list[Row]:
    child.write_text(CHILD.format(then=then), encoding="utf-8")
    rows = child.with_name("rows.jsonl")
    setup = Setup("cpu", seconds, True, Path("none"))
    command.run_phase(Phase("load", seconds, "machine", "load", must_end), setup, rows)
    return read(rows)


def test_rows_come_back_as_they_were_written_and_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    append(GOOD, path)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"phase": "correct", "quest')
    assert read(path) == [GOOD]
    assert read(tmp_path / "none") == []


def test_one_table_has_question_answer_figure_and_setting_and_what_is_wrong_stands_out() -> None:
    drawn = table([GOOD, Row("correct", "texts?", "3 of 9 equal", setting="use_tf32 0", failed=True)])
    assert all(word in drawn for word in ("does it load?", "4.1 s", "WRONG: 3 of 9 equal", "use_tf32 0"))


def test_a_phase_that_ends_well_adds_nothing_of_its_own(child: Path) -> None:
    assert ran(child, "") == [Row("load", "first", "known")]


def test_a_phase_that_crashes_keeps_what_it_found_and_says_how_it_ended(child: Path) -> None:
    first, last = ran(child, "raise RuntimeError('CUDA failure 700')")
    assert first.answer == "known"
    assert last.answer == "no: exit code 1"
    assert "CUDA failure 700" in last.figure
    assert not last.failed


@pytest.mark.parametrize("must_end", [True, False])
def test_a_phase_that_hangs_is_stopped_and_is_wrong_where_it_must_end(child: Path, must_end: bool) -> None:
    last = ran(child, "time.sleep(60)", must_end, seconds=2.0)[-1]
    assert last.answer == "no: stopped after 2 s"
    assert last.failed is must_end


@pytest.mark.parametrize(("wrong", "code"), [(False, 0), (True, 1)])
def test_the_exit_code_is_that_of_the_answers(
    wrong: bool, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def run(phase: Phase, setup: Setup, rows: Path) -> None:
        asked.append(phase.name)
        append(Row(phase.name, "right?", "yes", failed=wrong), rows)

    monkeypatch.setattr(command, "run_phase", run)
    monkeypatch.setattr(command, "_fixtures", lambda *_: Path("none"))
    arguments = ["--device", "cpu", "--out", str(tmp_path), "--only", "correct", "--only", "facts"]
    assert command.main(arguments) == code
    assert asked == ["facts", "correct"]
    assert "right?" in capsys.readouterr().out


def test_where_no_time_is_left_a_phase_says_that_it_did_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_fixtures", lambda *_: Path("none"))
    assert command.main(["--device", "cpu", "--out", str(tmp_path), "--seconds", "0"]) == 1
    assert capsys.readouterr().out.count("no time was left") == len(PHASES)


def test_all_phases_together_keep_within_the_time_and_their_code_is_there() -> None:
    assert sum(phase.seconds for phase in PHASES) <= command.SECONDS
    assert all(callable(phase.run) for phase in PHASES)


def test_facts_are_told_without_a_gpu(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    arguments = ["facts", "--device", "cpu", "--seconds", "10", "--fixtures", "none", "--rows", str(rows)]
    assert phases.main(arguments) == 0
    found = {row.question: row.answer for row in read(rows)}
    assert {"onnxruntime", "libcuda.so.1", "libnvcuvid.so.1"} < set(found)
    assert found["transfers"] == "needs a GPU"


def test_full_batches_of_few_widths_run_in_eight_shapes_at_most() -> None:
    rng = np.random.default_rng(1)
    lines = [np.zeros((40, int(width)), np.uint8) for width in np.exp(rng.normal(6.0, 0.7, 400)).clip(20, 2600)]
    distinct, changes = distinct_shapes(lines, few=True)
    before, changes_before = distinct_shapes(lines, few=False)
    assert distinct <= 8
    assert before > 80
    assert changes < changes_before


@pytest.mark.slow
def test_the_whole_runs_on_a_cpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--device", "cpu", "--quick", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert all(phase.name in out for phase in PHASES)
    assert "did it end?" not in out


def test_a_clip_is_judged_by_plain_decoding_and_damage_by_what_a_cpu_makes_of_it(tmp_path: Path) -> None:
    video = decoding._drawn(tmp_path / "deep.mkv", "libx264", "yuv420p10le", (320, 180), 12)
    info = probe(video, DecoderSettings())
    row = decoding._kind("deep", info, "cpu")
    assert (row.answer, row.failed) == ("cpu, times equal", False)
    # Without a GPU that decodes, its answers are wrong ones, and no crash.
    assert decoding._kind("deep", info, "cuda").answer == "not decoded"
    assert "packets lost, on a CPU" in decoding._damage(tmp_path, "cpu").figure
