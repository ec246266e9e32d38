"""What an engine answered, given again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from yivideo_ray.errors import ConfigError, InternalError
from yivideo_ray.ocr.testing.pattern import draw_pattern
from yivideo_ray.ocr.testing.recording import Recorder, Recording
from yivideo_ray.ocr.testing.scripted import Script, ScriptedEngine, load_script
from yivideo_ray.types import Luma


def picture(text: str) -> Luma:
    pattern = draw_pattern(text, column_px=3)
    image = np.full((80, 900), 30, np.uint8)
    image[20 : 20 + pattern.shape[0], 40 : 40 + pattern.shape[1]] = pattern
    return image


@pytest.fixture
def pictures() -> list[Luma]:
    return [picture("fox"), picture("two lions")]


@pytest.fixture
def recording(tmp_path: Path, pictures: list[Luma]) -> Path:
    recorder = Recorder(ScriptedEngine(Script(detect_s=0.02, recognize_s=0.04)))
    recorder.load()
    recorder.detect(pictures)
    recorder.recognize(pictures)
    assert recorder.device_s >= 0.06
    recorder.save(tmp_path / "recording.json")
    return tmp_path / "recording.json"


def test_a_recording_gives_the_same_answers_and_their_times(recording: Path, pictures: list[Luma]) -> None:
    engine = ScriptedEngine(Script())
    engine.load()
    found = Recording(recording)
    detected_s, boxes = found.detect(pictures[::-1])
    recognized_s, readings = found.recognize(pictures[:1])
    assert boxes == engine.detect(pictures[::-1])
    assert readings == engine.recognize(pictures[:1])
    assert [reading.text for reading in readings] == ["fox"]
    assert detected_s >= 0.02
    # One of two pictures of a call has half of its time.
    both_s, _ = found.recognize(pictures)
    assert recognized_s == pytest.approx(both_s / 2)
    assert both_s >= 0.04


def test_the_scripted_engine_answers_from_a_recording_in_its_scaled_time(
    recording: Path, pictures: list[Luma], tmp_path: Path
) -> None:
    log, script = tmp_path / "log", tmp_path / "script.json"
    script.write_text(json.dumps({"recording": str(recording), "recording_scale": 2.0, "log": str(log)}))
    engine = ScriptedEngine(load_script(script))
    engine.load()
    assert [reading.text for reading in engine.recognize(pictures)] == ["fox", "two lions"]
    assert len(engine.detect(pictures[:1])) == 1
    start, done = (json.loads(line)["time"] for line in log.read_text().splitlines()[:2])
    assert done - start >= 0.08


def test_a_picture_that_was_not_recorded_is_an_error(recording: Path) -> None:
    with pytest.raises(InternalError, match="another video"):
        Recording(recording).recognize([picture("owl")])


@pytest.mark.parametrize("content", ["", "[]", '{"detect": {"x": 1}, "recognize": {}}'])
def test_a_recording_that_is_none_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "recording.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match="can't be used"):
        Recording(path)
