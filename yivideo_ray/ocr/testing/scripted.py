"""An engine without models or device that does what a script says: results, delays, faults. For tests and benchmarks.

What it reads is drawn with `pattern.draw_pattern`; detection finds rows of bright pixels. Or it answers what
another engine did, from a recording. A script is JSON, for example

    {"recognize_s": 0.02, "recognize_image_s": 0.005, "jitter": 0.2,
     "state_dir": "/tmp/s", "log": "/tmp/s/log.jsonl",
     "faults": [{"kind": "kill", "calls": [5]}, {"kind": "DEVICE_OUT_OF_MEMORY", "probability": 0.01},
                {"kind": "exit", "text": "poison"}, {"kind": "hang", "seconds": 60, "calls": [9], "times": 1}]}

Time on the modelled device is slept, so it costs no CPU.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from yivideo_ray.errors import ConfigError, DeviceError, InternalError, ModelError
from yivideo_ray.geometry import Box
from yivideo_ray.ocr.testing.pattern import read_pattern
from yivideo_ray.ocr.testing.recording import Recording, digest
from yivideo_ray.types import CharReading, EngineFacts, Luma, Reading, TextBox

__all__ = ["Fault", "Script", "ScriptedEngine", "digest", "load_script"]

Result = TypeVar("Result")
Seconds = Annotated[float, Field(ge=0)]

_BRIGHT = 160
_MIN_LINE_PX = 8


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fault(_Value):
    """A fault, and the calls that it strikes: those for which all conditions given hold.

    kind: an error code to raise; hang: sleep for `seconds`, or until the file `until` is there, then go on; exit:
    os._exit(1); kill: SIGKILL to itself.
    calls: numbers of calls, from 1, counted over detect and recognize together. digest, text: a picture of the call
    has this `digest()`, or shows this pattern. probability: of each call, drawn from the script's seed and the call's
    number. times: how often it strikes at most.
    """

    kind: Literal["DEVICE_OUT_OF_MEMORY", "DEVICE_FAILED", "INTERNAL", "hang", "exit", "kill"]
    method: Literal["detect", "recognize"] | None = None
    calls: tuple[int, ...] | None = None
    digest: str | None = None
    text: str | None = None
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    times: Annotated[int, Field(ge=0)] | None = None
    seconds: Seconds = 3600.0
    until: Path | None = None


class Script(_Value):
    """What the engine does. Times in seconds: of load, of each call, and of each picture of a call on top.

    jitter spreads a call's time evenly by ± this share. load_failures: how many loads fail with MODEL_UNAVAILABLE
    first. texts maps a picture's `digest()` to what is read in it, in place of its pattern. recording: a file of
    `recording.Recorder`, whose answers are given; its times are added, multiplied by recording_scale. state_dir keeps
    the counts of calls, loads and strikes, so that they go on in a process that takes the place of a killed one.
    log: a file that gets one JSON line at the start and one at the end of each call.
    """

    load_s: Seconds = 0.0
    detect_s: Seconds = 0.0
    detect_image_s: Seconds = 0.0
    recognize_s: Seconds = 0.0
    recognize_image_s: Seconds = 0.0
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.0
    seed: int = 0
    load_failures: Annotated[int, Field(ge=0)] = 0
    texts: dict[str, str] = {}
    recording: Path | None = None
    recording_scale: Seconds = 1.0
    faults: tuple[Fault, ...] = ()
    state_dir: Path | None = None
    log: Path | None = None


def load_script(path: Path) -> Script:
    """Returns the script in a JSON file. Errors: ConfigError CONFIG_INVALID."""
    try:
        return Script.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigError(f"ocr.script {path} can't be used: {' '.join(str(error).split())}") from error


class ScriptedEngine:
    """Follows the engine contract as its script lets it. max_overlap: the most calls that ever ran at once."""

    def __init__(self, script: Script) -> None:
        self.max_overlap = 0
        self._script = script
        self._state: Literal["new", "loaded", "closed"] = "new"
        self._running = 0
        self._lock = threading.Lock()
        if script.state_dir is not None:
            script.state_dir.mkdir(parents=True, exist_ok=True)
        self._recording = None if script.recording is None else Recording(script.recording)
        self._loads = _Count(script.state_dir, "loads")
        self._calls = _Count(script.state_dir, "calls")
        self._strikes = [_Count(script.state_dir, f"fault-{index}") for index in range(len(script.faults))]

    def load(self) -> EngineFacts:
        if self._state != "new":
            raise InternalError("The OCR engine can be loaded once only.")
        time.sleep(self._script.load_s)
        if self._loads.next() <= self._script.load_failures:
            raise ModelError("The script lets this load fail.")
        self._state = "loaded"
        return EngineFacts("scripted", "none", "scripted", "rows", "pattern")

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        script = self._script
        seconds = script.detect_s + script.detect_image_s * len(images)
        if self._recording is None:
            return self._call("detect", images, seconds, lambda: [_rows(image) for image in images])
        taken_s, boxes = self._recording.detect(images)
        return self._call("detect", images, seconds + script.recording_scale * taken_s, lambda: boxes)

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        script = self._script
        seconds = script.recognize_s + script.recognize_image_s * len(lines)
        if self._recording is None:
            return self._call("recognize", lines, seconds, lambda: [_reading(self._text(line)) for line in lines])
        taken_s, readings = self._recording.recognize(lines)
        return self._call("recognize", lines, seconds + script.recording_scale * taken_s, lambda: readings)

    def close(self) -> None:
        self._state = "closed"

    def _call(self, method: str, images: Sequence[Luma], seconds: float, work: Callable[[], Result]) -> Result:
        if self._state != "loaded":
            raise InternalError(f"The OCR engine is {'closed' if self._state == 'closed' else 'not loaded'}.")
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 2 or not image.size:
                raise InternalError(f"An image must be (H, W) uint8 and not empty, got {image.shape} {image.dtype}.")
        number = self._calls.next()
        chance = random.Random(f"{self._script.seed} {number}")
        with self._counted(), self._logged(method, number, len(images)):
            time.sleep(seconds * (1 + self._script.jitter * chance.uniform(-1, 1)))
            for fault, strikes in zip(self._script.faults, self._strikes, strict=True):
                drawn = chance.random()
                if self._strikes_now(fault, method, number, images, drawn) and (
                    fault.times is None or strikes.next() <= fault.times
                ):
                    _strike(fault)
            return work()

    def _strikes_now(self, fault: Fault, method: str, number: int, images: Sequence[Luma], drawn: float) -> bool:
        return (
            fault.method in (None, method)
            and (fault.calls is None or number in fault.calls)
            and (fault.probability is None or drawn < fault.probability)
            and (fault.digest is None or any(digest(image) == fault.digest for image in images))
            and (fault.text is None or any(fault.text in self._texts(image) for image in images))
        )

    def _texts(self, image: Luma) -> set[str]:
        """Returns all that can be read in a picture: as a line, and in its rows."""
        rows = [box.box for box in _rows(image)]
        return {self._text(image), *(self._text(image[box.y0 : box.y1, box.x0 : box.x1]) for box in rows)}

    def _text(self, line: Luma) -> str:
        scripted = self._script.texts.get(digest(line)) if self._script.texts else None
        return scripted if scripted is not None else read_pattern(line) or ""

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._running += 1
            self.max_overlap = max(self.max_overlap, self._running)
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1

    @contextmanager
    def _logged(self, method: str, number: int, images: int) -> Iterator[None]:
        entry = {"method": method, "call": number, "images": images, "pid": os.getpid()}
        self._log({"event": "start", **entry, "running": self._running})
        outcome = "error"
        try:
            yield
            outcome = "done"
        finally:
            self._log({"event": outcome, **entry})

    def _log(self, entry: dict[str, object]) -> None:
        if self._script.log is not None:
            # One write in append mode: lines of several processes don't mix.
            with self._script.log.open("ab", buffering=0) as file:
                file.write(json.dumps({**entry, "time": time.time()}).encode() + b"\n")


class _Count:
    """Counts from 1; in a file that grows by a byte each time if it is to go on in the next process."""

    def __init__(self, directory: Path | None, name: str) -> None:
        self._path = None if directory is None else directory / name
        self._value = 0

    def next(self) -> int:
        if self._path is None:
            self._value += 1
            return self._value
        with self._path.open("ab", buffering=0) as file:
            file.write(b".")
            return file.tell()


def _strike(fault: Fault) -> None:
    match fault.kind:
        case "hang":
            _sleep(fault.seconds, fault.until)
        case "exit":
            os._exit(1)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "INTERNAL":
            raise InternalError("The script lets this call fail.")
        case code:
            raise DeviceError("The script lets this call fail.", code=code)


def _sleep(seconds: float, until: Path | None) -> None:
    if until is None:
        time.sleep(seconds)
        return
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not until.exists():
        time.sleep(0.02)


def _rows(image: Luma) -> tuple[TextBox, ...]:
    """Returns the boxes of bright pixels: rows of at least 8 px, split where a gap is wider than the row is high."""
    mask = image >= _BRIGHT
    boxes = []
    for y0, y1 in _runs(mask.sum(axis=1) > 1):
        if y1 - y0 >= _MIN_LINE_PX:
            for x0, x1 in _runs(mask[y0:y1].sum(axis=0) > 0, join=y1 - y0):
                if x1 - x0 > y1 - y0:
                    boxes.append(TextBox(Box(x0, y0, x1, y1), 1.0))
    return tuple(boxes)


def _runs(bright: NDArray[Any], join: int = 0) -> Iterator[tuple[int, int]]:
    """Yields the half-open runs of True, those joined between which there are at most `join` False."""
    edges = np.flatnonzero(np.diff(bright.astype(np.int8), prepend=0, append=0)).tolist()
    start: int | None = None
    end = 0
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if start is not None and first - end > join:
            yield start, end
            start = None
        start = first if start is None else start
        end = last
    if start is not None:
        yield start, end


def _reading(text: str) -> Reading:
    """Returns a sure reading of a text, its characters evenly spread."""
    if not text:
        return Reading("", 0.0)
    chars: list[CharReading] = []
    space = 0.0
    for index, character in enumerate(text):
        if character.isspace():
            space = 1.0
            continue
        chars.append(CharReading(character, 1.0, index / len(text), (index + 1) / len(text), space if chars else 0.0))
        space = 0.0
    return Reading(text, 1.0, tuple(chars))
