"""yivideo doctor with the scripted engine: what it reports, how it fails, and its two forms of output."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.support.serving import free_port
from yivideo_ray.cli import doctor as module
from yivideo_ray.cli.doctor import Check, Verdict, doctor, examine
from yivideo_ray.config import Settings
from yivideo_ray.errors import DeviceError, ModelError
from yivideo_ray.geometry import Box
from yivideo_ray.storage.database import FILE, Database
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


@pytest.mark.parametrize("probe", ["_python", "_packages", "_cv2", "_machine", "_storage", "_database", "_gpu", "_ray"])
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
    assert found["onnxruntime"].verdict is Verdict.FAILED
    assert "Install yivideo-ray again" in found["onnxruntime"].remedy


def only(versions: dict[str, str]) -> Callable[[str], str | None]:
    return lambda name: versions.get(name, "1.0" if name in module.REQUIRED else None)


def test_cv2_packages_of_several_versions_are_warned_about(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = {"onnxruntime": "1", "opencv-python": "4.10", "opencv-python-headless": "5.0"}
    monkeypatch.setattr(module, "_version", only(packages))
    assert rows(settings)["opencv packages"].verdict is Verdict.WARNING


@pytest.mark.parametrize("engine", ["onnxruntime", "paddle"])
def test_the_packages_of_an_engine_for_the_cpu_and_for_gpus_are_not_both_taken(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    names = module.ENGINE_PACKAGES[engine]
    monkeypatch.setattr(module, "_version", only(dict(zip(names, ("3.2.2", "3.1"), strict=True))))
    using = settings.model_copy(update={"ocr": settings.ocr.model_copy(update={"engine": engine})})
    row = rows(using)[names[0]]
    assert row.verdict is Verdict.FAILED
    assert row.found.startswith(f"PACKAGES_CONFLICT: {names[0]} 3.2.2 and {names[1]} 3.1 are both installed")
    assert reported(using)[0] == 1


def test_the_remedy_for_two_packages_are_commands_that_leave_one(tmp_path: Path) -> None:
    found = {"onnxruntime": "1.32.0", "onnxruntime-gpu": "1.26.0"}
    gpu, cpu = module.one_of(found, tmp_path / ".venv", "/a b/python")
    removed = "'/a b/python' -m pip uninstall --yes onnxruntime onnxruntime-gpu && '/a b/python' -m pip install"
    assert gpu == f"For a GPU: {removed} --no-deps onnxruntime-gpu==1.26.0"
    assert cpu == f"For the CPU: {removed} --no-deps onnxruntime==1.32.0"


def test_the_remedy_in_a_checkouts_own_environment_is_its_launcher(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/have-run").touch()
    found = {"onnxruntime": "1.32.0", "onnxruntime-gpu": "1.26.0"}
    gpu, cpu = module.one_of(found, tmp_path / ".venv", "python")
    assert gpu == f"For a GPU: {tmp_path}/yivideo install --gpu cu12 (or cu13)."
    assert cpu == f"For the CPU: {tmp_path}/yivideo install --gpu none"


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


def storing(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"storage": settings.storage.model_copy(update={"url": SecretStr(url)})})


def test_a_database_that_does_not_answer_fails_without_telling_its_password(settings: Settings) -> None:
    silent = storing(settings, f"postgresql://me:correct-horse@127.0.0.1:{free_port()}/yivideo")
    row = rows(silent)["database"]
    assert row.verdict is Verdict.FAILED
    assert row.found.startswith("STORAGE_UNAVAILABLE: ")
    assert "storage.url" in row.remedy
    code, text = reported(silent)
    assert code == 1
    assert "correct-horse" not in text


def test_a_database_that_answers_is_named(settings: Settings, postgres_url: str) -> None:
    row = rows(storing(settings, postgres_url))["database"]
    assert (row.verdict, row.found.partition(",")[0]) == (Verdict.OK, "PostgreSQL")


def test_no_database_is_made_by_looking_for_it(settings: Settings) -> None:
    assert rows(settings)["database"].verdict is Verdict.OK
    assert list(settings.storage.work_dir.iterdir()) == []


def test_a_file_that_is_no_database_fails(settings: Settings) -> None:
    settings.storage.work_dir.mkdir()
    file = settings.storage.work_dir / FILE
    file.write_bytes(b"noise" * 1000)
    assert rows(settings)["database"].verdict is Verdict.FAILED
    file.unlink()
    Database(settings.storage).identity()
    assert rows(settings)["database"].found == f"SQLite, {file}"


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
