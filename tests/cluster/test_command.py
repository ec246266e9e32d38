"""`python -m yivideo_ray run` as a process of its own, with the Ray that it starts itself."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.text_pictures import TEXTS

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(280)]

ROOT = Path(__file__).parents[2]


def environment(tmp_path: Path, script: dict[str, Any] | None = None, **more: str) -> dict[str, str]:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"state_dir": str(tmp_path / "state"), **(script or {})}))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "YIVIDEO_OCR__ENGINE": "scripted",
        "YIVIDEO_OCR__SCRIPT": str(path),
        "YIVIDEO_STORAGE__WORK_DIR": str(tmp_path / "work"),
        "YIVIDEO_GPU_LOCK__RETRY_INTERVAL": "1",
        **more,
    }


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "yivideo_ray", *map(str, arguments)]


def call(env: dict[str, str], *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=240, check=False, env=env, cwd=cwd
    )


def test_a_run_writes_its_files_and_clean_json_although_a_process_dies(patterns: Path, tmp_path: Path) -> None:
    video = Path(shutil.copy(patterns, tmp_path / "-电影 🎬.mp4"))
    script = {"faults": [{"kind": "kill", "method": "recognize", "times": 1}]}
    result = call(
        environment(tmp_path, script), "run", "-o", "out", "--format", "srt,ass", "--", video.name, cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines[0]["event"] == "workflow_started"
    assert lines[-1]["event"] == "outcome"
    assert lines[-1]["cues"] == len(TEXTS)
    assert any(line["data"].get("code") == "ACTOR_LOST" for line in lines if line["event"] == "warning")
    written = (tmp_path / "out" / "-电影 🎬.srt").read_text(encoding="utf-8")
    assert [line for line in written.splitlines() if line in TEXTS] == list(TEXTS)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"-电影 🎬.{suffix}" for suffix in ("ass", "json", "srt")
    ]
    assert lines[-1]["outputs"] == [f"out/-电影 🎬.{suffix}" for suffix in ("srt", "ass", "json")]
    assert "6 cues" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_layers_are_drawn_told_and_given_as_json_without_writing_anything_else(
    patterns: Path, tmp_path: Path
) -> None:
    video = Path(shutil.copy(patterns, tmp_path / "-电影 🎬.mp4"))
    result = call(environment(tmp_path), "area", "--json", "--", video.name, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    page = json.loads(result.stdout)
    cues = [cue["text"] for layer in page["layers"] if layer["taken"] for cue in layer["cues"]]
    assert sorted(cues) == sorted(TEXTS)
    assert f"layer 1: taken, probability {page['layers'][0]['probability']:.2f}, " in result.stderr
    assert sorted(path.name for path in tmp_path.glob("-*")) == ["-电影 🎬.area.png", "-电影 🎬.mp4"]


def test_the_regions_are_drawn_told_and_given_as_json_without_reading_anything(patterns: Path, tmp_path: Path) -> None:
    video = Path(shutil.copy(patterns, tmp_path / "-电影 🎬.mp4"))
    result = call(environment(tmp_path), "area", "--regions", "--json", "--", video.name, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    page = json.loads(result.stdout)
    (band,) = page["subtitle_area"]["bands"]
    assert band["name"] == "bottom"
    assert (
        f"looked at: bottom, x {band['box'][0]} to {band['box'][2]}, y {band['box'][1]} to {band['box'][3]}"
        in result.stderr
    )
    assert page["picture"] == "-电影 🎬.area.png"
    with Image.open(tmp_path / page["picture"]) as picture:
        assert (picture.format, picture.size) == ("PNG", (960, 540))
    assert sorted(path.name for path in tmp_path.glob("-*")) == ["-电影 🎬.area.png", "-电影 🎬.mp4"]
    # The texts are shown for a second, every two seconds from 0.4 s on.
    (frame,) = page["frames"]
    assert (frame["s"] - 0.4) % 2 < 1
    assert page["layers"] == []


def test_a_gpu_that_is_not_there_is_an_error_at_once_and_never_a_pending_actor(patterns: Path, tmp_path: Path) -> None:
    video = Path(shutil.copy(patterns, tmp_path / "film.mp4"))
    env = environment(tmp_path, YIVIDEO_GPU__DEVICE="gpu", CUDA_VISIBLE_DEVICES="")
    result = call(env, "run", video, cwd=tmp_path)
    assert result.returncode == 1
    assert "DEVICE_UNAVAILABLE: " in result.stderr.strip().splitlines()[-1]
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    stage = next(line for line in lines if line["event"] == "stage_started")
    assert lines[-2]["time"] - stage["time"] < 60
    assert not video.with_suffix(".srt").exists()


TWO_RUNS = """
import json, sys
from pathlib import Path
import psutil
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Job
from yivideo_ray.runtime.session import Session
with Session(Settings()) as opened:
    cues = [len(opened.run([Job(Path(sys.argv[1]), again=True)], lambda event: None)[0].cues) for _ in range(2)]
    done = opened.status()["gpu_actors"][0]["calls"]["done"]
    lines = [process.cmdline() for process in psutil.Process().children(recursive=True)]
rays = {Path(part).name: line for line in lines for part in line if part.endswith((".py", "raylet", "gcs_server"))}
minimal = any("agent.py" in part and "--minimal" in part for part in rays["raylet"])
print(json.dumps({"cues": cues, "done": done, "rays": sorted(rays), "minimal": minimal}))
"""


def test_a_ray_of_its_own_and_the_actor_live_as_long_as_the_session(patterns: Path, tmp_path: Path) -> None:
    video = Path(shutil.copy(patterns, tmp_path / "film.mp4"))
    result = subprocess.run(
        [sys.executable, "-c", TWO_RUNS, str(video)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env=environment(tmp_path),
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    page = json.loads(result.stdout.splitlines()[-1])
    assert (page["cues"], page["done"]) == ([6, 6], 6)
    # Neither monitor.py, which scales a cluster, nor log_monitor.py, nor dashboard.py; workers and agents bear other
    # names by now.
    assert page["rays"] == ["gcs_server", "raylet"]
    assert page["minimal"]


def test_an_address_where_no_ray_is_fails_at_once(patterns: Path, tmp_path: Path) -> None:
    env = environment(tmp_path, RAY_ADDRESS="127.0.0.1:1")
    started = time.monotonic()
    result = call(env, "run", patterns, "-o", tmp_path, cwd=tmp_path)
    assert result.returncode == 1
    assert "CLUSTER_UNAVAILABLE: Nothing answers at RAY_ADDRESS=127.0.0.1:1" in result.stderr
    assert time.monotonic() - started < 60


def test_an_interrupt_ends_everything_and_leaves_nothing_half_written(patterns: Path, tmp_path: Path) -> None:
    video = Path(shutil.copy(patterns, tmp_path / "film.mp4"))
    # A shell that starts something in the background has it ignore the signal, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        command("run", video),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path, {"recognize_s": 600}),
        cwd=tmp_path,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, before)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["stage"] == "paddleocr.perform_ocr":
                break
        # As a terminal does it: to every process of the group.
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "Interrupted" in errors
    assert sorted(path.name for path in tmp_path.glob("film*")) == ["film.mp4"]
    # Ray's agents notice within seconds that their node is gone.
    deadline = time.monotonic() + 60
    while left := [path for path in Path("/proc").glob("[0-9]*/stat") if _session_of(path) == process.pid]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def _session_of(stat: Path) -> int | None:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[3])
    except OSError:
        return None
