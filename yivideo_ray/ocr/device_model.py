"""A model on a device that plans anew for each shape: one session per shape, uint8 pictures in, little data out.

onnxruntime's CUDA provider keeps the plan of one shape for each convolution, and makes another one whenever the shape
changes. So batches are always full, shapes few, and each shape has a session of its own, which keeps its plans.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from yivideo_ray.ocr import graphs, onnx
from yivideo_ray.ocr.ctc import CtcDecoder

__all__ = ["DeviceModel", "Normalisation", "in_step"]

Batch = TypeVar("Batch")
Prepared = TypeVar("Prepared")
Output = TypeVar("Output")
Result = TypeVar("Result")

Shape = tuple[int, int, int]
"""How many pictures, their height and their width."""

_SESSIONS = 32
# Batches whose outputs wait to be finished: of a batch of sheets, 15 MB.
_UNFINISHED = 4


@dataclass(frozen=True, slots=True)
class Normalisation:
    """What becomes of grey values before a model sees them: value / divisor * scale + shift, for three channels."""

    divisor: float
    scale: tuple[float, ...]
    shift: tuple[float, ...]


class DeviceModel:
    """Runs one model. Not thread-safe: one call at a time."""

    def __init__(
        self,
        model: Path,
        device: onnx.Device,
        threads: int,
        normalisation: Normalisation,
        decoder: CtcDecoder | None = None,
    ) -> None:
        """decoder: of a CTC model; `run` then returns what graphs.REDUCE makes of the probabilities."""
        self._model = model
        self._device = device
        self._threads = threads
        self._decoder = decoder
        self._sessions: OrderedDict[Shape, onnxruntime.InferenceSession] = OrderedDict()
        self._normalise = onnx.new_session(graphs.NORMALISE, 1, device)
        self._reduce = onnx.new_session(graphs.REDUCE, threads, device)
        scale, shift = (
            np.array(values, np.float32).reshape(3, 1, 1) for values in (normalisation.scale, normalisation.shift)
        )
        self._divisor = self._on_device(np.array([normalisation.divisor], np.float32))
        self._scale, self._shift = self._on_device(scale), self._on_device(shift)
        self._spaces = self._on_device(np.array(decoder.spaces if decoder else [0], np.int64))

    @property
    def shapes(self) -> list[Shape]:
        """The shapes that have a session, the one that was used last at the end."""
        return list(self._sessions)

    @property
    def provider(self) -> str:
        """What the session reports that ran last."""
        return str(next(reversed(self._sessions.values())).get_providers()[0])

    def run(self, pictures: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """Returns what the model, or the reduction, gives for pictures (n, h, w).

        Errors: DeviceError DEVICE_UNAVAILABLE for the first of a shape, DEVICE_FAILED if something else than the device
        ran it; onnxruntime's own.
        """
        session = self._session(pictures.shape)
        pixels = {"pixels": self._on_device(pictures[:, None])}
        constants = {"divisor": self._divisor, "scale": self._scale, "shift": self._shift}
        normalised = self._ask(self._normalise, {**pixels, **constants})
        outputs = self._ask(session, {session.get_inputs()[0].name: normalised[0]})
        if self._decoder is not None:
            classes = outputs[0].shape()[-1]
            if classes != self._decoder.classes:
                raise ValueError(f"the model has {classes} classes, its character list {self._decoder.classes}")
            outputs = self._ask(self._reduce, {"probabilities": outputs[0], "spaces": self._spaces})
        onnx.require_provider(session, self._device)
        return [output.numpy() for output in outputs]

    def close(self) -> None:
        self._sessions.clear()
        del self._normalise, self._reduce, self._divisor, self._scale, self._shift, self._spaces

    def _session(self, shape: Shape) -> onnxruntime.InferenceSession:
        """Returns the session of a shape, a new one where there is none; the one that was not used longest may go."""
        if shape not in self._sessions:
            if len(self._sessions) == _SESSIONS:
                self._sessions.popitem(last=False)
            self._sessions[shape] = onnx.new_session(self._model, self._threads, self._device, one_shape=True)
        self._sessions.move_to_end(shape)
        return self._sessions[shape]

    def _on_device(self, values: NDArray[Any]) -> Any:
        return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(values), self._device.memory, 0)

    def _ask(self, session: onnxruntime.InferenceSession, inputs: dict[str, Any]) -> Sequence[Any]:
        """Returns a session's outputs, which stay on the device."""
        binding = session.io_binding()
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        for output in session.get_outputs():
            binding.bind_output(output.name, self._device.memory, 0)
        session.run_with_iobinding(binding)
        found: Sequence[Any] = binding.get_outputs()
        return found


def in_step(
    batches: Sequence[Batch],
    prepare: Callable[[Batch], Prepared],
    run: Callable[[Prepared], Sequence[Output]],
    finish: Callable[[Output], Result],
    *,
    ahead: Executor,
    behind: Executor,
) -> list[Result]:
    """Returns what finish makes of each output of each batch's run, in order.

    While a batch runs, in the caller's thread, the next one is prepared in `ahead` and those before are finished in
    `behind`. Only a few wait there, so that outputs don't fill the memory.
    """
    finishing: list[Future[Result]] = []
    waiting: deque[list[Future[Result]]] = deque()
    coming = ahead.submit(prepare, batches[0]) if batches else None
    for index in range(len(batches)):
        assert coming is not None, "each batch is prepared while the one before runs"
        prepared = coming.result()
        coming = ahead.submit(prepare, batches[index + 1]) if index + 1 < len(batches) else None
        waiting.append([behind.submit(finish, output) for output in run(prepared)])
        finishing += waiting[-1]
        if len(waiting) > _UNFINISHED:
            wait(waiting.popleft())
    return [future.result() for future in finishing]
