"""The scripted engine does what its script says, and reads patterns as they come out of a video."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yivideo_ray.config import Settings
from yivideo_ray.errors import ConfigError, DeviceError, InternalError, ModelError
from yivideo_ray.ocr import create_engine
from yivideo_ray.ocr.testing.pattern import draw_pattern, read_pattern
from yivideo_ray.ocr.testing.scripted import Fault, Script, ScriptedEngine, digest, load_script
from yivideo_ray.types import Luma


def loaded(script: Script) -> ScriptedEngine:
    engine = ScriptedEngine(script)
    engine.load()
    return engine


def picture(*texts: str) -> Luma:
    """Returns a dark picture with the patterns below each other."""
    image = np.full((20 + 60 * len(texts), 900), 30, np.uint8)
    for index, text in enumerate(texts):
        drawn = draw_pattern(text)
        image[20 + 60 * index :][: drawn.shape[0], 40 : 40 + drawn.shape[1]] = drawn
    return image


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1, max_size=20), st.integers(2, 6), st.integers(12, 60), st.integers(0, 9))
def test_a_pattern_reads_back_as_its_text(text: str, column_px: int, height_px: int, margin_px: int) -> None:
    drawn = draw_pattern(text, column_px=column_px, height_px=height_px, margin_px=margin_px)
    assert read_pattern(drawn) == text


@pytest.mark.parametrize("scale", [0.6, 1.0, 1.7])
def test_a_pattern_survives_scaling_and_lossy_compression(scale: float) -> None:
    drawn = draw_pattern("Cue 12, 今天", margin_px=6)
    scaled = cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    written, jpeg = cv2.imencode(".jpg", scaled, [cv2.IMWRITE_JPEG_QUALITY, 40])
    assert written
    lossy = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE), np.uint8)
    assert read_pattern(lossy) == "Cue 12, 今天"


@pytest.mark.parametrize("seed", range(20))
def test_noise_and_flat_pictures_are_not_read_as_text(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert read_pattern(rng.integers(0, 256, (40, 400), np.uint8)) is None
    assert read_pattern(np.full((40, 400), seed, np.uint8)) is None


def test_a_damaged_pattern_is_not_read_as_another_text() -> None:
    drawn = draw_pattern("Cue 12")
    drawn[:12, 16:20] = 251 - drawn[:12, 16:20]
    assert read_pattern(drawn) is None


def test_detection_finds_each_row_and_recognition_reads_it() -> None:
    engine = loaded(Script())
    image = picture("first", "second line")
    boxes = [found.box for found in engine.detect([image])[0]]
    readings = engine.recognize([image[box.y0 : box.y1, box.x0 : box.x1] for box in boxes])
    assert [reading.text for reading in readings] == ["first", "second line"]
    assert [char.text for char in readings[1].chars] == list("secondline")
    assert readings[1].chars[6].space_before == 1.0
    assert readings[1].chars[5].space_before == 0.0


def test_texts_in_the_script_replace_what_a_picture_shows() -> None:
    line = draw_pattern("shown")
    engine = loaded(Script(texts={digest(line): "scripted"}))
    assert [reading.text for reading in engine.recognize([line, draw_pattern("other")])] == ["scripted", "other"]


@pytest.mark.parametrize(
    ("kind", "error"),
    [("DEVICE_OUT_OF_MEMORY", DeviceError), ("DEVICE_FAILED", DeviceError), ("INTERNAL", InternalError)],
)
def test_a_fault_strikes_the_calls_it_names_with_its_code(kind: str, error: type[Exception]) -> None:
    engine = loaded(Script(faults=(Fault.model_validate({"kind": kind, "calls": [2]}),)))
    assert engine.detect([]) == []
    with pytest.raises(error) as raised:
        engine.recognize([])
    assert raised.value.code.name == kind  # type: ignore[attr-defined]
    assert engine.recognize([]) == []


def test_a_fault_can_wait_for_a_method_and_strike_a_number_of_times() -> None:
    engine = loaded(Script(faults=(Fault(kind="INTERNAL", method="recognize", times=1),)))
    assert engine.detect([]) == []
    with pytest.raises(InternalError):
        engine.recognize([])
    assert engine.recognize([]) == []


def test_a_fault_can_wait_for_a_text_in_a_line_or_in_a_picture_around_it() -> None:
    engine = loaded(Script(faults=(Fault(kind="DEVICE_FAILED", text="poison"),)))
    assert engine.recognize([draw_pattern("harmless")])[0].text == "harmless"
    with pytest.raises(DeviceError):
        engine.recognize([draw_pattern("harmless"), draw_pattern("poison")])
    with pytest.raises(DeviceError):
        engine.detect([picture("harmless", "poison")])


def test_a_fault_can_wait_for_a_picture() -> None:
    line = draw_pattern("x")
    engine = loaded(Script(faults=(Fault(kind="INTERNAL", digest=digest(line)),)))
    engine.recognize([draw_pattern("y")])
    with pytest.raises(InternalError):
        engine.recognize([line])


def _outcomes(seed: int) -> list[bool]:
    engine = loaded(Script(seed=seed, faults=(Fault(kind="INTERNAL", probability=0.3),)))
    outcomes = []
    for _ in range(100):
        try:
            engine.detect([])
            outcomes.append(True)
        except InternalError:
            outcomes.append(False)
    return outcomes


def test_faults_by_chance_depend_on_the_seed_alone() -> None:
    assert _outcomes(1) == _outcomes(1)
    assert _outcomes(1) != _outcomes(2)
    assert 10 < _outcomes(1).count(False) < 60


def test_time_is_slept_per_call_and_picture_with_seeded_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("yivideo_ray.ocr.testing.scripted.time.sleep", slept.append)
    script = Script(detect_s=1, detect_image_s=0.5, recognize_s=2, recognize_image_s=0.25, jitter=0.1, seed=3)
    line = draw_pattern("x")
    for _ in range(2):
        engine = loaded(script)
        engine.detect([line, line])
        engine.recognize([line])
    first, second = slept[1:3], slept[4:6]
    assert first == second
    assert first[0] == pytest.approx(2.0, rel=0.1)
    assert first[1] == pytest.approx(2.25, rel=0.1)
    assert first != [2.0, 2.25]


def test_a_hang_sleeps_and_then_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("yivideo_ray.ocr.testing.scripted.time.sleep", slept.append)
    engine = loaded(Script(faults=(Fault(kind="hang", seconds=77, calls=(1,)),)))
    assert engine.recognize([draw_pattern("x")])[0].text == "x"
    assert 77 in slept


def test_a_hang_until_a_file_is_there_ends_with_it(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    engine = loaded(Script(faults=(Fault(kind="hang", until=gate),)))
    call = threading.Thread(target=engine.recognize, args=([draw_pattern("x")],))
    call.start()
    call.join(0.1)
    assert call.is_alive()
    gate.touch()
    call.join(10)
    assert not call.is_alive()


def test_overlapping_calls_are_counted() -> None:
    engine = loaded(Script(detect_s=0.2))
    engine.detect([])
    engine.detect([])
    assert engine.max_overlap == 1
    threads = [threading.Thread(target=engine.detect, args=([],)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engine.max_overlap > 1


def test_loads_fail_as_often_as_scripted_across_engines(tmp_path: Path) -> None:
    script = Script(load_failures=2, state_dir=tmp_path)
    for _ in range(2):
        with pytest.raises(ModelError):
            ScriptedEngine(script).load()
    assert loaded(script).detect([]) == []


_CALLS = """
import sys
from yivideo_ray.ocr.testing.scripted import Script, ScriptedEngine
engine = ScriptedEngine(Script.model_validate_json(sys.argv[1]))
engine.load()
for _ in range(3):
    engine.detect([])
"""


@pytest.mark.parametrize(("kind", "status"), [("kill", -9), ("exit", 1)])
def test_a_killed_process_leaves_its_counts_and_log_to_the_next(tmp_path: Path, kind: str, status: int) -> None:
    log = tmp_path / "log.jsonl"
    script = json.dumps(
        {"faults": [{"kind": kind, "calls": [2]}], "state_dir": str(tmp_path / "state"), "log": str(log)}
    )
    returned = [
        subprocess.run([sys.executable, "-c", _CALLS, script], check=False, timeout=60).returncode for _ in range(2)
    ]
    assert returned == [status, 0]
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(entry["call"], entry["event"]) for entry in entries] == [
        (1, "start"),
        (1, "done"),
        (2, "start"),
        *((number, event) for number in (3, 4, 5) for event in ("start", "done")),
    ]
    assert len({entry["pid"] for entry in entries}) == 2


def test_a_script_comes_from_the_settings_and_survives_pickling(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text('{"seed": 5, "faults": [{"kind": "INTERNAL", "calls": [1]}]}')
    script = load_script(path)
    assert pickle.loads(pickle.dumps(script)) == script
    engine = create_engine(Settings(ocr={"engine": "scripted", "script": path}))
    engine.load()
    with pytest.raises(InternalError):
        engine.detect([])


@pytest.mark.parametrize("text", ["", "{", '{"faults": [{"kind": "explode"}]}', '{"unknown": 1}'])
def test_a_script_that_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "script.json"
    path.write_text(text)
    with pytest.raises(ConfigError):
        load_script(path)
    with pytest.raises(ConfigError):
        load_script(tmp_path / "missing.json")
