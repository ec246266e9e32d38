"""CUDA's libraries: which ones the installed onnxruntime needs, where they are, and loading them.

They come as Python packages, which the loader does not search, or with the system. A package may lie in another site
directory than onnxruntime, as in images that brought CUDA along with something else. Nothing here is printed.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DRIVER_LIBRARIES", "Library", "build_cuda", "load_cuda", "look_for", "needed"]

DRIVER_LIBRARIES = ("libcuda.so.1", "libnvidia-ml.so.1", "libnvcuvid.so.1")
"""What the driver brings: CUDA itself, NVML, and decoding. In containers each takes a capability of its own."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Library:
    """A library that was looked for. place is its path, or "the system's"; None where none could be loaded, for the
    reason in problem."""

    name: str
    place: str | None
    problem: str = ""


def build_cuda() -> str | None:
    """Returns the version of CUDA that the installed onnxruntime was built for, None if for none, or if there is no
    onnxruntime."""
    try:
        module = importlib.import_module("onnxruntime.capi.build_and_package_info")
    except ImportError:
        return None
    return getattr(module, "cuda_version", None) or None


def needed(cuda: str) -> tuple[str, ...]:
    """Returns the libraries that a build for a version of CUDA loads, in an order in which each finds those that it
    needs. cuDNN and cuFFT are loaded late, by their names."""
    major = int(cuda.partition(".")[0])
    fft = 12 if major >= 13 else 11
    versions = {"cudart": major, "cublasLt": major, "cublas": major, "nvrtc": major, "curand": 10, "cufft": fft}
    return (*(f"lib{name}.so.{version}" for name, version in versions.items()), "libcudnn.so.9")


def load_cuda() -> tuple[Library, ...]:
    """Loads what the installed onnxruntime needs of CUDA, so that it finds all of it, and returns what was found.

    Nothing for a build without CUDA. What is missing is logged; whether the build can do without shows when it runs.
    """
    cuda = build_cuda()
    found = tuple(look_for(name) for name in needed(cuda)) if cuda else ()
    for library in found:
        if library.place is None:
            _log.warning("CUDA's library %s can't be loaded: %s", library.name, library.problem)
    return found


def look_for(name: str) -> Library:
    """Loads a library from NVIDIA's packages, the first one that has it, else from where the system has it."""
    problem = ""
    for folder in _package_folders():
        path = folder / name
        if path.is_file():
            try:
                _load(str(path))
            except OSError as error:
                problem = problem or str(error)
                continue
            return Library(name, str(path))
    try:
        _load(name)
    except OSError as error:
        return Library(name, None, problem or str(error))
    return Library(name, "the system's")


def _load(name: str) -> None:
    # Global: others that are loaded later find its symbols, and the library by its name.
    ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)


def _package_folders() -> Iterator[Path]:
    """Yields the folders of libraries in all of NVIDIA's packages: nvidia/cu13/lib, nvidia/cudnn/lib, ..."""
    spec = importlib.util.find_spec("nvidia")
    for package in (spec.submodule_search_locations or ()) if spec else ():
        yield from sorted(Path(package).glob("*/lib"))
