"""The examples do what they say, with the real models."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.test_command import environment
from tests.support.serving import free_port, served

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "samples" / "demo.mp4"
FIRST, CUES = "天亮了", 9

pytestmark = pytest.mark.e2e


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return Path(shutil.copy(DEMO, tmp_path / "film.mp4"))


def example(name: str, *arguments: str | Path, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("YIVIDEO_")}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / f"{name}.py", *arguments],
        cwd=cwd,
        env=env | {"PYTHONPATH": str(ROOT), "YIVIDEO_STORAGE__WORK_DIR": str(cwd / "work")},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def test_one_file_is_printed_and_written_and_no_file_of_anybody_is_overwritten(film: Path) -> None:
    done = example("one_file", film, cwd=film.parent)
    assert len(done.stdout.splitlines()) == CUES
    written = film.with_suffix(".srt").read_text(encoding="utf-8")
    assert written.count("-->") == CUES
    missing = example("one_file", "none.mp4", cwd=film.parent, code=1)
    assert missing.stderr.startswith("INPUT_NOT_FOUND: ")


def test_an_engine_of_ones_own_reads(film: Path) -> None:
    done = example("own_engine", film, cwd=film.parent)
    assert done.stdout.startswith(FIRST)
    assert "lines read" in done.stderr


def test_many_files_are_worked_on_together_and_one_that_is_none_stops_no_other(film: Path) -> None:
    (film.parent / "text.mp4").write_text("no video")
    done = example("many_files", film.parent / "results", film, film.parent / "text.mp4", cwd=film.parent, code=1)
    assert done.stdout.splitlines()[0] == f"film.mp4: {CUES} cues"
    assert done.stdout.splitlines()[1].startswith("text.mp4: ")
    assert sorted(path.name for path in (film.parent / "results").iterdir()) == ["film.json", "film.srt"]


@pytest.mark.slow
def test_a_service_is_given_a_file_and_gives_its_subtitles(film: Path) -> None:
    env = environment(film.parent) | {"YIVIDEO_SERVE__PORT": str(free_port()), "YIVIDEO_OCR__ENGINE": "onnxruntime"}
    with served([sys.executable, "-m", "yivideo_ray", "serve"], env, film.parent) as there:
        done = example("service_client", there.url, film, cwd=film.parent)
    assert done.stdout.count("-->") == CUES
    assert FIRST in done.stdout
