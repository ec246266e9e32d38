"""Phases facts and load: what the machine has, and whether the engine runs there at all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.gpu.rows import Row, Setup
from yivideo_ray.config import Settings
from yivideo_ray.ocr import create_engine, libraries, onnx
from yivideo_ray.runtime.gpu.device import gpu_memory, nvml

__all__ = ["device_of", "facts", "load"]

TRANSFER_BYTES = 64 * 2**20
# Loads the engine, without the libraries whose names hold the second argument.
ENGINE_IN_A_CHILD = """
import sys
from yivideo_ray.config import Settings
from yivideo_ray.ocr import create_engine, libraries
needed = libraries.needed
libraries.needed = lambda cuda: tuple(name for name in needed(cuda) if not sys.argv[2] or sys.argv[2] not in name)
settings = Settings.model_validate({"gpu": {"device": "gpu"}, "storage": {"work_dir": sys.argv[1]}})
try:
    print("loaded", create_engine(settings).load().provider, file=sys.stderr)
except Exception as error:
    print(getattr(error, "code", None) and error.code.name, error, file=sys.stderr)
"""


def device_of(setup: Setup) -> onnx.Device:
    """Returns the device that a phase's sessions run on, with its libraries loaded."""
    if setup.device == "cpu":
        return onnx.CPU
    onnx.cuda_offered()
    return onnx.CUDA


def facts(setup: Setup) -> Iterator[Row]:
    for name, answer in _told_by_nvml():
        yield Row("facts", name, answer)
    build = libraries.build_cuda()
    yield Row("facts", "onnxruntime", onnxruntime.__version__, f"CUDA {build}" if build else "no CUDA")
    for name in (*libraries.DRIVER_LIBRARIES, *(libraries.needed(build) if build else ())):
        library = libraries.look_for(name)
        yield Row("facts", name, library.place or f"missing: {library.problem}")
    if setup.device == "cpu":
        yield Row("facts", "transfers", "needs a GPU")
        return
    yield Row("facts", "host to device and back", "pageable memory", _transfers(device_of(setup)))


def load(setup: Setup) -> Iterator[Row]:
    gpu = "gpu" if setup.device == "gpu" else "cpu"
    settings = Settings.model_validate({"gpu": {"device": gpu}, "storage": {"work_dir": setup.fixtures.parent}})
    engine = create_engine(settings)
    began = time.perf_counter()
    with _Stdout() as printed:
        facts = engine.load()
        engine.recognize([np.full((40, 300), 90, np.uint8)])
    seconds = time.perf_counter() - began
    right = facts.device.startswith(gpu)
    yield Row("load", "the engine loads", f"{facts.device}, {facts.provider}", f"{seconds:.1f} s", failed=not right)
    clean = not printed()
    yield Row("load", "standard output", "clean" if clean else f"has {printed()[:200]!r}", failed=not clean)
    memory = gpu_memory() if gpu == "gpu" else None
    if memory:
        used = memory["process_bytes"] or memory["used_bytes"]
        yield Row("load", "memory on the device", memory["name"], f"{used / 2**20:.0f} MiB")
    engine.close()
    for model, name in zip(_models(setup), ("detection", "recognition"), strict=True):
        yield Row("load", f"nodes of {name} by provider", _placed(model, device_of(setup)))
    if setup.device == "cpu":
        yield Row("load", "without a GPU that is seen", "needs a GPU")
        return
    for visible in ("", "9"):
        said = _in_a_child(setup, {"CUDA_VISIBLE_DEVICES": visible})
        yield Row("load", f"CUDA_VISIBLE_DEVICES={visible!r}", said, failed="DEVICE_UNAVAILABLE" not in said)
    for without in ("libcudnn", "libcublas"):
        # The system may have it all the same: no answer is wrong.
        yield Row("load", f"without {without} of the packages", _in_a_child(setup, {}, without))


def _models(setup: Setup) -> list[Path]:
    from benchmarks.gpu.fixtures import embedded

    return [model.directory / "inference.onnx" for model in embedded(setup.fixtures.parent)]


def _told_by_nvml() -> Iterator[tuple[str, str]]:
    with nvml() as module:
        if module is None:
            yield "NVML", "no driver, or no nvidia-ml-py"
            return
        handle = module.nvmlDeviceGetHandleByIndex(0)
        asked: dict[str, Callable[[], Any]] = {
            "GPU": lambda: module.nvmlDeviceGetName(handle),
            "driver": module.nvmlSystemGetDriverVersion,
            "CUDA that the driver serves": module.nvmlSystemGetCudaDriverVersion_v2,
            "compute mode (0: shared)": lambda: module.nvmlDeviceGetComputeMode(handle),
            "MIG (now, after a reset)": lambda: module.nvmlDeviceGetMigMode(handle),
            "rows remapped (2: pending)": lambda: module.nvmlDeviceGetRemappedRows(handle),
            "uncorrected errors since the start": lambda: module.nvmlDeviceGetTotalEccErrors(handle, 1, 0),
            "PCIe generation, lanes": lambda: (
                module.nvmlDeviceGetCurrPcieLinkGeneration(handle),
                module.nvmlDeviceGetCurrPcieLinkWidth(handle),
            ),
        }
        for name, ask in asked.items():
            try:
                yield name, str(ask())
            except module.NVMLError as error:
                yield name, f"not told: {error}"


def _transfers(device: onnx.Device) -> str:
    """Returns the rates of both ways, GB/s, of the best of three."""
    values = np.zeros(TRANSFER_BYTES, np.uint8)
    there, back = [], []
    for _ in range(3):
        began = time.perf_counter()
        moved = onnxruntime.OrtValue.ortvalue_from_numpy(values, device.memory, 0)
        there.append(time.perf_counter() - began)
        began = time.perf_counter()
        moved.numpy()
        back.append(time.perf_counter() - began)
    return f"{TRANSFER_BYTES / min(there) / 1e9:.1f} and {TRANSFER_BYTES / min(back) / 1e9:.1f} GB/s"


def _placed(model: Path, device: onnx.Device) -> str:
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    providers: list[Any] = [(device.provider, device.options), *([] if device is onnx.CPU else [onnx.CPU.provider])]
    session = onnxruntime.InferenceSession(str(model), options, providers=providers, enable_fallback=0)
    counts: dict[str, int] = {}
    for part in session.get_provider_graph_assignment_info():
        counts[part.ep_name] = counts.get(part.ep_name, 0) + len(part.get_nodes())
    return ", ".join(f"{name.removesuffix('ExecutionProvider')} {count}" for name, count in counts.items())


def _in_a_child(setup: Setup, variables: dict[str, str], without: str = "") -> str:
    command = [sys.executable, "-P", "-c", ENGINE_IN_A_CHILD, str(setup.fixtures.parent), without]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    lines = done.stderr.strip().splitlines()
    return lines[-1][:300] if lines else f"exit code {done.returncode}"


class _Stdout:
    """Keeps what is written to file descriptor 1; the block's value is a function that returns it."""

    def __enter__(self) -> Callable[[], str]:
        self._read, write = os.pipe()
        self._own = os.dup(1)
        os.dup2(write, 1)
        os.close(write)
        self._kept = b""
        return lambda: self._kept.decode(errors="replace")

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()
        os.dup2(self._own, 1)
        os.close(self._own)
        with os.fdopen(self._read, "rb") as file:
            self._kept = file.read()
