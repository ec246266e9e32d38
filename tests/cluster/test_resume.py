"""A run that was killed goes on where it was when the same command is given again."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.test_command import command, environment
from tests.support.text_pictures import TEXTS

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(280)]

SMALL_STEPS = {
    "YIVIDEO_PIPELINE__CHUNK_S": "2",
    "YIVIDEO_PIPELINE__CROPS_PER_CALL": "1",
    "YIVIDEO_PIPELINE__CHUNKS_IN_FLIGHT": "1",
}


def run(
    env: dict[str, str], video: Path, *options: str, kill_at: Callable[[dict[str, Any]], bool] | None = None
) -> tuple[int, list[dict[str, Any]]]:
    """Returns the exit code and the events; the process is killed at the first event for which kill_at holds."""
    seen = []
    process = subprocess.Popen(
        command("run", video, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        cwd=video.parent,
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            seen.append(json.loads(line))
            if kill_at is not None and kill_at(seen[-1]):
                process.kill()
                break
        process.stdout.read()
    return process.returncode, seen


def two_of_each() -> Callable[[dict[str, Any]], bool]:
    """Returns what holds from the event on by which two chunks and two calls are done; which are first is chance."""
    done = {"chunk": 0, "calls": 0}

    def holds(event: dict[str, Any]) -> bool:
        data = event["data"]
        done["chunk"] += "chunk" in data
        done["calls"] = max(done["calls"], data.get("calls", 0))
        return min(done.values()) >= 2

    return holds


def output(video: Path, stage: str) -> dict[str, Any]:
    document = json.loads(video.with_suffix(".json").read_bytes())
    found: dict[str, Any] = next(record["output"] for record in document["stages"] if record["stage"] == stage)
    return found


def recognised(tmp_path: Path) -> int:
    """Returns how many calls for recognition the engine's last process has served."""
    entries = [json.loads(line) for line in (tmp_path / "state" / "log").read_text(encoding="utf-8").splitlines()]
    last = [entry for entry in entries if entry["pid"] == entries[-1]["pid"]]
    return sum(entry["event"] == "done" and entry["method"] == "recognize" for entry in last)


def test_a_killed_run_goes_on_at_its_chunk_and_gives_what_an_uninterrupted_one_gives(
    patterns: Path, tmp_path: Path
) -> None:
    calm, killed = (Path(shutil.copy(patterns, tmp_path / f"{name}.mp4")) for name in ("calm", "killed"))
    script = {"recognize_s": 0.4, "log": str(tmp_path / "state" / "log")}
    env = environment(tmp_path, script, **SMALL_STEPS)
    code, _ = run(env, calm)
    assert code == 0
    calls = output(calm, "paddleocr.perform_ocr")["calls"]
    assert calls == len(TEXTS)
    of_one_run = recognised(tmp_path)

    code, _ = run(env, killed, kill_at=two_of_each())
    assert code == -signal.SIGKILL
    assert not killed.with_suffix(".srt").exists()
    code, events = run(env, killed)
    assert code == 0
    assert any("were done before" in event["message"] for event in events)
    assert output(killed, "ffmpeg.crop_subtitle_images")["kept_chunks"] >= 2
    kept = output(killed, "paddleocr.perform_ocr")["kept_calls"]
    assert 2 <= kept < calls
    # The engine was not asked again for what was kept.
    assert recognised(tmp_path) == of_one_run - kept
    assert killed.with_suffix(".srt").read_bytes() == calm.with_suffix(".srt").read_bytes()
    one, other = (json.loads(video.with_suffix(".json").read_bytes()) for video in (calm, killed))
    for key in ("cues", "subtitle_area", "partial", "decoded_s", "warnings"):
        assert one[key] == other[key]

    # It has come to its end: given once more, the command does nothing of it, or all.
    code, events = run(env, killed)
    assert code == 0
    assert events[-1]["already_done"]
    assert "stage_started" not in {event["event"] for event in events}
    code, _ = run(env, killed, "--again")
    assert code == 0
    assert output(killed, "paddleocr.perform_ocr")["kept_calls"] == 0


def test_other_settings_take_nothing_over_that_rests_on_the_old_ones(patterns: Path, tmp_path: Path) -> None:
    video = Path(shutil.copy(patterns, tmp_path / "film.mp4"))
    env = environment(tmp_path, {"recognize_s": 0.3}, **SMALL_STEPS)
    code, _ = run(env, video, kill_at=two_of_each())
    assert code == -signal.SIGKILL
    code, _ = run({**env, "YIVIDEO_AREA_DETECTOR__REGIONS": '[{"y0": 0.5}]'}, video)
    assert code == 0
    assert output(video, "ffmpeg.crop_subtitle_images")["kept_chunks"] == 0
    assert output(video, "paddleocr.perform_ocr")["kept_calls"] == 0
    assert video.with_suffix(".srt").stat().st_size > 0


def test_chunks_of_another_length_go_on_with_those_that_were_begun(patterns: Path, tmp_path: Path) -> None:
    video = Path(shutil.copy(patterns, tmp_path / "film.mp4"))
    env = environment(tmp_path, {"recognize_s": 0.3}, **SMALL_STEPS)
    assert run(env, video, kill_at=two_of_each())[0] == -signal.SIGKILL
    assert run({**env, "YIVIDEO_PIPELINE__CHUNK_S": "3"}, video)[0] == 0
    assert output(video, "ffmpeg.crop_subtitle_images")["kept_chunks"] >= 2
    assert output(video, "paddleocr.perform_ocr")["kept_calls"] >= 2
