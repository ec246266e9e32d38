"""The engine on real models: what it adds to PaddleOCR, and what it must not do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.e2e.test_engine_contract import TEXTS, written
from yivideo_ray.config import Settings
from yivideo_ray.errors import DeviceError
from yivideo_ray.ocr import OcrEngine, create_engine
from yivideo_ray.ocr.ctc import CtcDecoder
from yivideo_ray.ocr.embedded import embedded_model
from yivideo_ray.ocr.models import Role

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def engine(work_dir: Path) -> Iterator[OcrEngine]:
    engine = create_engine(Settings.model_validate({"gpu": {"device": "cpu"}, "storage": {"work_dir": work_dir}}))
    engine.load()
    yield engine
    engine.close()


def test_it_reads_what_paddleocr_itself_reads(engine: OcrEngine, work_dir: Path) -> None:
    from paddleocr import TextRecognition

    model = embedded_model("onnxruntime", Role.RECOGNITION, work_dir)
    paddleocr = TextRecognition(
        model_name=model.name, model_dir=str(model.directory), engine="onnxruntime", device="cpu"
    )
    lines = [written(text, height_px) for text in TEXTS for height_px in (36, 48, 64)]
    expected = paddleocr.predict([cv2.cvtColor(line, cv2.COLOR_GRAY2BGR) for line in lines], batch_size=1)
    for reading, result in zip(engine.recognize(lines), expected, strict=True):
        assert reading.text == result["rec_text"]
        assert reading.confidence == pytest.approx(result["rec_score"], abs=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_its_decoding_equals_paddleocrs_on_any_probabilities(seed: int) -> None:
    from paddlex.inference.models.text_recognition.processors import CTCLabelDecode

    characters = [*"abcdefgh", "世", "界"]
    rng = np.random.default_rng(seed)
    # Steps are repeated, so that runs of equal classes come up.
    probabilities = rng.dirichlet(np.full(len(characters) + 2, 0.2), (4, 80)).astype(np.float32)
    probabilities[:, 1::3] = probabilities[:, ::3][:, : probabilities[:, 1::3].shape[1]]
    texts, scores = CTCLabelDecode(characters)([probabilities])
    readings = CtcDecoder([*characters, " "])(probabilities)
    assert [reading.text for reading in readings] == texts
    assert [reading.confidence for reading in readings] == pytest.approx(scores)


def test_pictures_side_by_side_give_what_each_gives_alone(work_dir: Path) -> None:
    lines = [written(text) for text in ("Nobody knows", "No.", "We'll meet at 10:30 in front of the old station")]
    pages = [np.pad(lines[0], ((40, 40 + 100 * more), (60, 200))) for more in range(3)]
    found = []
    for threads in (1, 2, 6):
        engine = create_engine(
            Settings.model_validate(
                {"gpu": {"device": "cpu"}, "ocr": {"threads": threads}, "storage": {"work_dir": work_dir}}
            )
        )
        engine.load()
        found.append((engine.recognize([*lines, *lines[::-1]]), engine.detect(pages)))
        engine.close()
    assert found[0] == found[1]
    # A lane and the threads that help it share out sums in another order.
    assert [reading.text for reading in found[0][0]] == [reading.text for reading in found[2][0]]
    assert [len(boxes) for boxes in found[0][1]] == [len(boxes) for boxes in found[2][1]] == [1, 1, 1]


_OFFLINE = """
import socket, sys
def refuse(*_, **__):
    raise SystemExit("the network was used")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
import numpy as np
from yivideo_ray.config import Settings
from yivideo_ray.ocr import create_engine
assert not {"cv2", "onnxruntime", "paddleocr", "paddlex", "paddle"} & set(sys.modules), "heavy before load()"
engine = create_engine(Settings.model_validate({"storage": {"work_dir": sys.argv[1]}}))
engine.load()
print([reading.text for reading in engine.recognize([np.load(sys.argv[2])])][0])
"""


def test_embedded_models_need_no_network_and_an_empty_home_will_do(tmp_path: Path) -> None:
    np.save(tmp_path / "line.npy", written("Nobody knows"))
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _OFFLINE, str(tmp_path / "work"), str(tmp_path / "line.npy")],
        env={**os.environ, "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].replace(" ", "") == "Nobodyknows"


def test_a_gpu_asked_for_and_not_there_is_refused(work_dir: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime is built for CUDA")
    engine = create_engine(Settings.model_validate({"gpu": {"device": "gpu"}, "storage": {"work_dir": work_dir}}))
    with pytest.raises(DeviceError) as raised:
        engine.load()
    assert raised.value.code.name == "DEVICE_UNAVAILABLE"


def test_auto_says_that_the_cpu_runs_the_models(work_dir: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime is built for CUDA")
    engine = create_engine(Settings.model_validate({"storage": {"work_dir": work_dir}}))
    facts = engine.load()
    engine.close()
    assert (facts.device, facts.provider) == ("cpu", "CPUExecutionProvider")
    assert (facts.detection_model, facts.recognition_model) == ("PP-OCRv6_small_det", "PP-OCRv6_small_rec")
