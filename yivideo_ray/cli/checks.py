"""Rows of doctor's report, and those about what onnxruntime needs of the driver and of CUDA.

A build of onnxruntime for GPUs needs a driver that serves its version of CUDA, and libraries that come in packages or
with the system. It says little where one is missing: it goes on with the CPU, or fails at the first inference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yivideo_ray.config import Settings

__all__ = ["Check", "Verdict", "cuda"]

# The first driver for each version of CUDA, by NVIDIA's release notes.
DRIVERS = {12: 525, 13: 580}
IN_CONTAINERS = "In a container: NVIDIA_DRIVER_CAPABILITIES=compute,utility,video."


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the report. A run works if no row's verdict is FAILED."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


def cuda(settings: Settings, gpus: Sequence[str]) -> Iterator[Check]:
    """Yields a row for the build of onnxruntime, the driver, and each library that one of them lacks.

    gpus: the names of the GPUs that are there. Nothing where no GPU is meant to run onnxruntime's models.
    """
    if settings.gpu.device == "cpu" or settings.ocr.engine != "onnxruntime":
        return
    from yivideo_ray.ocr import libraries

    build = libraries.build_cuda()
    lacking = Verdict.FAILED if settings.gpu.device == "gpu" else Verdict.WARNING
    if build is None:
        if gpus:
            remedy = "./yivideo install --gpu cu13 (or cu12); docs/gpu.md has the commands for pip."
            yield Check("cuda", lacking, "this onnxruntime is built for the CPU", remedy)
        return
    if not gpus and settings.gpu.device == "auto":
        yield Check("cuda", Verdict.OK, f"onnxruntime is built for CUDA {build}; no GPU is there")
        return
    yield _driver(build, lacking)
    major = build.partition(".")[0]
    for whose, names, remedy in (
        ("driver's libraries", libraries.DRIVER_LIBRARIES, f"Install NVIDIA's driver. {IN_CONTAINERS}"),
        ("CUDA's libraries", libraries.needed(build), f"./yivideo install --gpu cu{major}; docs/gpu.md has more."),
    ):
        yield from _libraries(whose, names, remedy, lacking)


def _libraries(whose: str, names: Sequence[str], remedy: str, lacking: Verdict) -> Iterator[Check]:
    from yivideo_ray.ocr import libraries

    found = [libraries.look_for(name) for name in names]
    missing = [library for library in found if library.place is None]
    for library in missing:
        # Decoding goes on on the CPU, and memory is told less exactly.
        matters = library.name not in libraries.DRIVER_LIBRARIES or library.name.startswith("libcuda")
        yield Check(library.name, lacking if matters else Verdict.WARNING, library.problem, remedy)
    there = ", ".join(f"{library.name} ({library.place})" for library in found if library.place is not None)
    if there:
        yield Check(whose, Verdict.OK, there)


def _driver(build: str, lacking: Verdict) -> Check:
    from yivideo_ray.runtime.gpu.device import nvml

    major = int(build.partition(".")[0])
    needed = f"Install driver {DRIVERS[major]} or newer" if major in DRIVERS else "Install a newer driver"
    with nvml() as module:
        if module is None:
            remedy = f"Install nvidia-ml-py, and NVIDIA's driver if there is none. {IN_CONTAINERS}"
            return Check("driver", Verdict.WARNING, "NVML tells nothing", remedy)
        version, serves = _told(module)
    said = f"{version}, for CUDA up to {serves // 1000}.{serves % 1000 // 10}; onnxruntime is built for {build}"
    if serves // 1000 >= major:
        return Check("driver", Verdict.OK, said)
    older = serves // 1000
    other = f", or ./yivideo install --gpu cu{older}" if older in DRIVERS else ""
    return Check("driver", lacking, said, f"{needed}{other}.")


def _told(module: Any) -> tuple[str, int]:
    """Returns the driver's version, and the newest CUDA that it serves: 13000 for 13.0."""
    return str(module.nvmlSystemGetDriverVersion()), int(module.nvmlSystemGetCudaDriverVersion_v2())
