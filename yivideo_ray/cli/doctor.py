"""`yivideo doctor`: what is installed here, and would a run work?

Every answer is tried out, not looked up: cv2 is imported, both models read a drawn line of text, a Ray is started.
Whatever fails is a row in the report with its remedy, never a traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import importlib
import importlib.metadata
import json as jsonlib
import os
import platform
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING

from yivideo_ray import __version__
from yivideo_ray.cli.arguments import load, take_stdout
from yivideo_ray.cli.checks import Check, Verdict, cuda
from yivideo_ray.errors import ConfigError, YivideoError
from yivideo_ray.locations import PACKAGES, Url

if TYPE_CHECKING:
    from yivideo_ray.cli.arguments import Commands
    from yivideo_ray.config import Settings
    from yivideo_ray.types import Luma

__all__ = ["Check", "Verdict", "add", "doctor", "examine"]

REQUIRED = ("ray", "paddleocr", "paddlex", "rapidocr", "av", "numpy", "pydantic", "pysubs2", "rich")
ENGINE_PACKAGES = {
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "paddle": ("paddlepaddle", "paddlepaddle-gpu"),
    "scripted": (),
}
INSTALLED_BY = {"onnxruntime": "again", "paddle": "with the extra [paddle] or [paddle-gpu]"}
DISK_NEEDED_GIB = 1.0
# A run's whole process tree stays below this.
MEMORY_NEEDED_GIB = 2.5
DRAWN_TEXT = "Subtitle 2468"


def add(commands: Commands) -> None:
    """Adds the subcommand."""
    command = commands.add_parser(
        "doctor",
        help="what is installed, which device works",
        description="Tells what is installed, runs a real inference, and names what is missing; exit code 1 if so.",
    )
    command.add_argument("--config", type=Path, metavar="FILE", help="settings in YAML")
    command.add_argument("--json", action="store_true", help="one JSON object on standard output")
    command.set_defaults(command=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    machine = take_stdout()
    return doctor(load(options.config), json=options.json, stream=machine)


def doctor(settings: Settings, json: bool = False, stream: IO[str] | None = None) -> int:
    """Writes the report to stream (standard output by default) and returns the exit code: 0 only if a run would work.

    json: one JSON object, {"ok": …, "checks": [{"name", "verdict", "found", "remedy"}, …]}, in place of a table.
    """
    stream = stream or sys.stdout
    checks = list(examine(settings))
    works = all(check.verdict is not Verdict.FAILED for check in checks)
    if json:
        report = {"ok": works, "checks": [asdict(check) for check in checks]}
        stream.write(jsonlib.dumps(report, ensure_ascii=False, indent=2) + "\n")
    else:
        _print_table(checks, works, stream)
    stream.flush()
    return 0 if works else 1


def examine(settings: Settings) -> Iterator[Check]:
    """Yields the rows one by one, the quick ones first."""
    probes: tuple[tuple[str, Callable[[Settings], Iterable[Check]]], ...] = (
        ("python", _python),
        ("packages", _packages),
        ("cv2", _cv2),
        ("machine", _machine),
        ("storage", _storage),
        ("database", _database),
        ("gpu", _gpu),
        ("decoder", _decoder),
        ("engine", _engine),
        ("ray", _ray),
    )
    for name, probe in probes:
        try:
            yield from probe(settings)
        except YivideoError as error:
            yield _failed(name, error)
        except Exception as error:
            yield Check(name, Verdict.FAILED, f"{type(error).__name__}: {_one_line(error)}", "Report this as a fault.")


def _failed(name: str, error: YivideoError) -> Check:
    return Check(name, Verdict.FAILED, f"{error.code.name}: {error.message}", error.remedy)


def _python(_: Settings) -> Iterator[Check]:
    system = platform.platform(terse=True)
    yield Check("python", Verdict.OK, f"{platform.python_version()} on {system}, {sys.executable}")


def _packages(settings: Settings) -> Iterator[Check]:
    yield Check("yivideo-ray", Verdict.OK, __version__)
    for name in REQUIRED:
        version = _version(name)
        if version is None:
            yield Check(name, Verdict.FAILED, "not installed", f"pip install {name}, or install yivideo-ray again.")
        else:
            yield Check(name, Verdict.OK, version)
    for name in sorted({PACKAGES[Url(prefix).protocol] for prefix in settings.storage.allowed_urls}):
        version = _version(name)
        remedy = f"pip install {name} on every node: storage.allowed_urls need it."
        yield Check(name, Verdict.OK, version) if version else Check(name, Verdict.FAILED, "not installed", remedy)
    yield from _engine_packages(settings.ocr.engine)


def _engine_packages(engine: str) -> Iterator[Check]:
    """What runs the models has one package for the CPU and one for GPUs, of which one may be there."""
    candidates = ENGINE_PACKAGES[engine]
    found = {name: version for name in candidates if (version := _version(name))}
    if len(found) > 1:
        listed = " and ".join(f"{name} {version}" for name, version in found.items())
        error = ConfigError(
            f"{listed} are both installed, and unpack into the same directory.",
            code="PACKAGES_CONFLICT",
            remedy="\n".join(one_of(found, Path(sys.prefix), sys.executable)),
        )
        yield _failed(candidates[0], error)
    elif found:
        yield from (Check(name, Verdict.OK, version) for name, version in found.items())
    elif candidates:
        remedy = f"Install yivideo-ray {INSTALLED_BY[engine]}; docs/gpu.md says how for GPUs."
        yield Check(candidates[0], Verdict.FAILED, "not installed", remedy)


def one_of(found: Mapping[str, str], prefix: Path, python: str) -> Iterator[str]:
    """Yields, for each package in found (with its version), the sentence with the commands that leave it alone there.

    prefix: the environment, which ./yivideo may have made; python: its interpreter.
    """
    if "onnxruntime" in found and (prefix / "have-run").is_file():
        launcher = shlex.quote(str(prefix.parent / "yivideo"))
        yield f"For a GPU: {launcher} install --gpu cu12 (or cu13)."
        yield f"For the CPU: {launcher} install --gpu none"
        return
    pip = f"{shlex.quote(python)} -m pip"
    for name, version in sorted(found.items(), reverse=True):
        where = "a GPU" if name.endswith("-gpu") else "the CPU"
        removed = f"{pip} uninstall --yes {' '.join(found)}"
        yield f"For {where}: {removed} && {pip} install --no-deps {name}=={version}"


def _cv2(_: Settings) -> Iterator[Check]:
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError as error:
        remedy = (
            "apt install libgl1 libglib2.0-0, or: pip install --force-reinstall --no-deps "
            f"opencv-python-headless=={_version('opencv-python-headless') or '4.10.0.84'}"
        )
        yield Check("cv2", Verdict.FAILED, _one_line(error), remedy)
        return
    kind = "headless" if getattr(cv2.version, "headless", False) else "with windows (needs libGL)"
    yield Check("cv2", Verdict.OK, f"{cv2.__version__}, {kind}")
    variants = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
    versions = {name: version for name in variants if (version := _version(name))}
    if len(set(versions.values())) > 1:
        listed = ", ".join(f"{name} {version}" for name, version in versions.items())
        remedy = "They overwrite each other's files: install all of them in version 4.10.0.84."
        yield Check("opencv packages", Verdict.WARNING, listed, remedy)


def _machine(_: Settings) -> Iterator[Check]:
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Check("cores", Verdict.OK, str(cores))
    memory = psutil.virtual_memory()
    free = memory.available / 2**30
    short = free < MEMORY_NEEDED_GIB
    yield Check(
        "memory",
        Verdict.WARNING if short else Verdict.OK,
        f"{free:.1f} GiB available of {memory.total / 2**30:.1f}",
        f"A run may take {MEMORY_NEEDED_GIB:g} GiB: close other programs." if short else "",
    )


def _storage(settings: Settings) -> Iterator[Check]:
    directory = settings.storage.work_dir
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        remedy = "Set storage.work_dir to a directory that this user may write to."
        yield Check("work_dir", Verdict.FAILED, f"{directory}: {error.strerror or error}", remedy)
        return
    free = shutil.disk_usage(directory).free / 2**30
    yield Check(
        "work_dir",
        Verdict.OK if free >= DISK_NEEDED_GIB else Verdict.FAILED,
        f"{directory}, {free:.1f} GiB free",
        "" if free >= DISK_NEEDED_GIB else f"Free {DISK_NEEDED_GIB:g} GiB, or set storage.work_dir elsewhere.",
    )


def _database(settings: Settings) -> Iterator[Check]:
    from yivideo_ray.storage.database import require_answer

    yield Check("database", Verdict.OK, require_answer(settings.storage))


def _gpu(settings: Settings) -> Iterator[Check]:
    names = _gpu_names()
    if names:
        yield Check("gpu", Verdict.OK, ", ".join(names))
    elif settings.gpu.device == "gpu":
        yield Check("gpu", Verdict.FAILED, "none seen", "Set gpu.device to auto or cpu, or run where a GPU is.")
    else:
        yield Check("gpu", Verdict.OK, "none seen; the CPU runs the models")
    yield from cuda(settings, names)


def _decoder(settings: Settings) -> Iterator[Check]:
    from yivideo_ray.media import cuda_decodes

    wanted = settings.decoder.backend
    if wanted != "cpu" and cuda_decodes():
        yield Check("decoder", Verdict.OK, "the GPU decodes (cuda)")
    elif wanted == "cuda":
        remedy = "Set decoder.backend to auto or cpu, or run where a GPU decodes: see docs/gpu.md."
        yield Check("decoder", Verdict.FAILED, "no frame could be decoded with cuda", remedy)
    else:
        yield Check("decoder", Verdict.OK, "the CPU decodes")


def _engine(settings: Settings) -> Iterator[Check]:
    from yivideo_ray.ocr import create_engine

    engine = create_engine(settings)
    try:
        facts = engine.load()
        models = f"{facts.detection_model}, {facts.recognition_model}"
        found = f"{facts.engine} on {facts.device}, {facts.provider}; {models}"
        unused = facts.device == "cpu" and settings.gpu.device != "cpu" and bool(_gpu_names())
        remedy = "A GPU is there and not used: see docs/gpu.md." if unused else ""
        yield Check("engine", Verdict.WARNING if unused else Verdict.OK, found, remedy)
        if settings.ocr.engine == "scripted":
            yield Check("inference", Verdict.WARNING, "the scripted engine reads no real text", "Set ocr.engine.")
            return
        image = _drawn_line()
        boxes = [seen.box for seen in engine.detect([image])[0]]
        from yivideo_ray.geometry import bounding_box

        box = bounding_box(boxes) if boxes else None
        text = engine.recognize([image[box.y0 : box.y1, box.x0 : box.x1]])[0].text if box else ""
        right = difflib.SequenceMatcher(None, text.replace(" ", ""), DRAWN_TEXT.replace(" ", "")).ratio() >= 0.9
        yield Check(
            "inference",
            Verdict.OK if right else Verdict.FAILED,
            f"read {text!r} where {DRAWN_TEXT!r} was drawn",
            "" if right else "Use the embedded models, or models that read Latin letters.",
        )
    finally:
        with contextlib.suppress(YivideoError):
            engine.close()


def _ray(_: Settings) -> Iterator[Check]:
    from yivideo_ray.runtime import cluster

    running = cluster.start()
    try:
        whose = "joined" if running.joined else "started here"
        yield Check("ray", Verdict.OK, f"{whose}; nodes: {running.nodes}, CPUs: {running.cpus}, GPUs: {running.gpus:g}")
    finally:
        cluster.stop(running)


def _gpu_names() -> list[str]:
    """Returns the names of the GPUs that the driver shows; without nvidia-ml-py, one "NVIDIA device" each."""
    from yivideo_ray.runtime.gpu.device import nvml

    with nvml() as module:
        if module is None:
            return ["NVIDIA device" for _ in Path("/dev").glob("nvidia[0-9]*")]
        handles = [module.nvmlDeviceGetHandleByIndex(index) for index in range(module.nvmlDeviceGetCount())]
        return [str(module.nvmlDeviceGetName(handle)) for handle in handles]


def _drawn_line() -> Luma:
    """Returns a strip of luma, (96, 640), with DRAWN_TEXT on it."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("L", (640, 96), 40)
    ImageDraw.Draw(picture).text((320, 48), DRAWN_TEXT, 235, ImageFont.load_default(size=48), anchor="mm")
    return np.asarray(picture)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _print_table(checks: list[Check], works: bool, stream: IO[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colors = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red"}
    table = Table(box=None, pad_edge=False)
    for heading in ("check", "", "found, and what to do"):
        table.add_column(heading, overflow="fold")
    for check in checks:
        said = Text(check.found)
        if check.remedy:
            said.append(f"\n{check.remedy}", style="bold")
        table.add_row(check.name, Text(check.verdict.value, style=colors[check.verdict]), said)
    # Without a terminal there is no width to keep to, and whoever reads it may search for whole lines.
    console = Console(file=stream, width=None if stream.isatty() else 200, highlight=False)
    console.print(table)
    console.print("A run would work." if works else "A run would not work: see what failed above.", style="bold")
