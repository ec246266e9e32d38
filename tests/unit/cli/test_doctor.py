"""yivideo doctor with the scripted engine: what it reports, how it fails, and its two forms of output."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from yivideo_ray.cli import doctor as module
from yivideo_ray.cli.doctor import Check, Verdict, doctor, examine
from yivideo_ray.config import Settings
from yivideo_ray.errors import DeviceError, ModelError
from yivideo_ray.geometry import Box
from yivideo_ray.types import EngineFacts, Luma, Reading, TextBox


class Engine:
    """Finds one box and reads `text` in it."""

    def __init__(self, text: str = module.DRAWN_TEXT, device: str = "cpu") -> None:
        self.text, self.device, self.closed = text, device, 0

    def load(self) -> EngineFacts:
        return EngineFacts("onnxruntime", self.device, "CPUExecutionProvider", "det", "rec")

    def detect(self, images: list[Luma]) -> list[tuple[TextBox, ...]]:
        return [(TextBox(Box(150, 20, 490, 76), 0.9),) for _ in images]

    def recognize(self, lines: list[Luma]) -> list[Reading]:
        return [Reading(self.text, 0.9) for _ in lines]

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> Settings:
    monkeypatch.setattr("yivideo_ray.ocr.create_engine", lambda _: engine)
    monkeypatch.setattr(module, "_ray", lambda _: [Check("ray", Verdict.OK, "not started in a unit test")])
    monkeypatch.setattr(module, "_gpu_names", list)
    return Settings.model_validate({"storage": {"work_dir": tmp_path / "work"}})


def rows(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in examine(settings)}


def reported(settings: Settings) -> tuple[int, str]:
    stream = io.StringIO()
    return doctor(settings, stream=stream), stream.getvalue()


def test_a_sound_installation_gets_exit_code_0(settings: Settings, engine: Engine) -> None:
    code, text = reported(settings)
    assert code == 0
    assert "A run would work." in text
    assert "onnxruntime on cpu, CPUExecutionProvider; det, rec" in text
    assert engine.closed == 1


def test_json_says_the_same_as_the_table(settings: Settings) -> None:
    stream = io.StringIO()
    assert doctor(settings, json=True, stream=stream) == 0
    report = json.loads(stream.getvalue())
    assert report["ok"] is True
    names = [check["name"] for check in report["checks"]]
    assert {"python", "ray", "av", "cv2", "memory", "cores", "work_dir", "gpu", "engine", "inference"} <= set(names)
    _, text = reported(settings)
    assert all(name in text for name in names)


def test_a_model_that_reads_nonsense_fails(settings: Settings, engine: Engine) -> None:
    engine.text = "qqqq"
    assert rows(settings)["inference"].verdict is Verdict.FAILED
    code, text = reported(settings)
    assert code == 1
    assert "A run would not work" in text


def test_spaces_that_the_model_drops_are_forgiven(settings: Settings, engine: Engine) -> None:
    engine.text = module.DRAWN_TEXT.replace(" ", "")
    assert rows(settings)["inference"].verdict is Verdict.OK


def test_a_picture_in_which_nothing_is_found_fails(settings: Settings, engine: Engine) -> None:
    engine.detect = lambda images: [() for _ in images]  # type: ignore[method-assign]
    assert rows(settings)["inference"].verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModelError("No such model."), "MODEL_UNAVAILABLE: No such model."),
        (DeviceError("No GPU."), "DEVICE_UNAVAILABLE: No GPU."),
        (ZeroDivisionError("a surprise\nin two lines"), "ZeroDivisionError: a surprise in two lines"),
    ],
)
def test_an_engine_that_does_not_load_is_a_row_with_a_remedy(
    settings: Settings, engine: Engine, error: Exception, said: str
) -> None:
    def fail() -> EngineFacts:
        raise error

    engine.load = fail  # type: ignore[method-assign]
    row = rows(settings)["engine"]
    assert (row.verdict, row.found) == (Verdict.FAILED, said)
    assert row.remedy
    assert "Traceback" not in reported(settings)[1]
    assert engine.closed >= 1


@pytest.mark.parametrize("probe", ["_python", "_packages", "_cv2", "_machine", "_storage", "_gpu", "_ray"])
def test_no_check_that_breaks_takes_the_others_with_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, probe: str
) -> None:
    def broken(_: Settings) -> Iterator[Check]:
        raise RuntimeError("broken")

    monkeypatch.setattr(module, probe, broken)
    found = rows(settings)
    assert found[probe[1:]].verdict is Verdict.FAILED
    assert found["inference"].verdict is Verdict.OK


def test_a_missing_package_fails_with_how_to_get_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    version = module._version
    monkeypatch.setattr(module, "_version", lambda name: None if name in ("pysubs2", "onnxruntime") else version(name))
    found = rows(settings)
    assert found["pysubs2"].verdict is Verdict.FAILED
    assert "pip install pysubs2" in found["pysubs2"].remedy
    assert "[cpu] or [gpu]" in found["onnxruntime"].remedy


def only(versions: dict[str, str]) -> Callable[[str], str | None]:
    return lambda name: versions.get(name, "1.0" if name in module.REQUIRED else None)


def test_packages_that_overwrite_each_other_are_warned_about(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = {"onnxruntime": "1", "onnxruntime-gpu": "1", "opencv-python": "4.10", "opencv-python-headless": "5.0"}
    monkeypatch.setattr(module, "_version", only(packages))
    found = rows(settings)
    assert found["onnxruntime"].verdict is Verdict.WARNING
    assert found["opencv packages"].verdict is Verdict.WARNING


def test_a_cv2_that_cannot_be_loaded_fails_with_its_reason(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library(name: str) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr("importlib.import_module", no_library)
    row = rows(settings)["cv2"]
    assert row.verdict is Verdict.FAILED
    assert "libGL.so.1" in row.found
    assert "libgl1" in row.remedy


def test_a_work_directory_that_cannot_be_written_fails(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    blocked = settings.model_copy(
        update={"storage": settings.storage.model_copy(update={"work_dir": tmp_path / "file/x"})}
    )
    row = rows(blocked)["work_dir"]
    assert row.verdict is Verdict.FAILED
    assert "storage.work_dir" in row.remedy


def test_a_gpu_that_the_engine_does_not_use_is_warned_about(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_gpu_names", lambda: ["Some GPU"])
    assert rows(settings)["engine"].verdict is Verdict.WARNING
    engine.device = "gpu:0"
    assert rows(settings)["engine"].verdict is Verdict.OK


def test_a_gpu_that_was_asked_for_and_is_not_there_fails(settings: Settings) -> None:
    insisting = settings.model_copy(update={"gpu": settings.gpu.model_copy(update={"device": "gpu"})})
    assert rows(insisting)["gpu"].verdict is Verdict.FAILED


def test_little_memory_is_warned_about(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    short = type("Memory", (), {"available": 2**30, "total": 2**32})()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: short)
    assert rows(settings)["memory"].verdict is Verdict.WARNING


def test_what_decodes_is_tried_out_and_a_gpu_that_is_demanded_in_vain_fails(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    demanding = settings.model_copy(update={"decoder": settings.decoder.model_copy(update={"backend": "cuda"})})
    for works, expected in ((True, (Verdict.OK, Verdict.OK)), (False, (Verdict.OK, Verdict.FAILED))):
        monkeypatch.setattr("yivideo_ray.media.cuda_decodes", lambda works=works: works)
        assert (rows(settings)["decoder"].verdict, rows(demanding)["decoder"].verdict) == expected


def test_a_package_that_an_allowed_address_needs_is_missed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = settings.storage.model_copy(update={"allowed_urls": ("https://host.example", "s3://films", "s3://more")})
    allowing = settings.model_copy(update={"storage": storage})
    monkeypatch.setattr(module, "_version", only({"aiohttp": "3.1", "onnxruntime": "1"}))
    found = rows(allowing)
    assert (found["aiohttp"].verdict, found["aiohttp"].found) == (Verdict.OK, "3.1")
    assert (found["s3fs"].verdict, found["s3fs"].found) == (Verdict.FAILED, "not installed")
    assert "pip install s3fs" in found["s3fs"].remedy
    assert "s3fs" not in rows(settings)
