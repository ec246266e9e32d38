"""On a machine with an NVIDIA GPU: what truly runs the models and decodes, and what the status says of it.

    .venv/bin/python -P -m pytest -m gpu tests/gpu -s

The tests print what docs/gpu.md is to quote.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.videos import plain_decode
from yivideo_ray.config import DecoderSettings, Settings
from yivideo_ray.jobs import Job, Outcome
from yivideo_ray.media import cuda_decodes, gpu_refusal, probe, read_chunk
from yivideo_ray.runtime.session import Session
from yivideo_ray.types import ChunkSpan, Stage

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(600)]

DEMO = Path(__file__).parents[2] / "samples" / "demo.mp4"
WHOLE = ChunkSpan(0, None, None)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    work = tmp_path_factory.mktemp("work")
    settings = Settings(gpu={"device": "gpu"}, storage={"work_dir": work})
    with Session(settings) as running:
        yield running


def run(opened: Session, video: Path) -> Outcome:
    (outcome,) = opened.run([Job(video)], lambda _: None)
    assert outcome.error is None, outcome.error
    return outcome


def cropping(outcome: Outcome) -> dict[str, Any]:
    return next(record.output for record in outcome.stages if record.stage is Stage.CROP_SUBTITLE_IMAGES)


def actor(opened: Session) -> dict[str, Any]:
    (found,) = opened.status()["gpu_actors"]
    return dict(found)


def test_the_status_names_the_device_the_provider_and_its_memory(opened: Session) -> None:
    facts = opened.engine_facts()
    found = actor(opened)
    print(json.dumps({key: found[key] for key in ("engine", "memory", "gpu_health")}, indent=1))
    assert facts.device.startswith("gpu")
    assert facts.provider == "CUDAExecutionProvider"
    assert found["engine"] == facts.as_dict()
    gpu = found["memory"]["gpu"]
    assert "NVIDIA" in gpu["name"] or gpu["name"]
    assert 0 < gpu["used_bytes"] < gpu["total_bytes"]


def test_nvdec_gives_the_pictures_of_plain_decoding() -> None:
    assert cuda_decodes()
    info = probe(DEMO, DecoderSettings())
    assert gpu_refusal(info, DecoderSettings()) == ""
    with read_chunk(info, WHOLE, DecoderSettings(backend="cuda")) as reader:
        found = [(frame.pts, frame.luma().copy()) for frame in reader]
        assert (reader.decoder, reader.gpu_fault) == ("cuda", "")
    # Not with our reader: on a CPU it leaves out deblocking where few frames depend on it, which NVDEC never does.
    plain = list(plain_decode(DEMO))
    assert [pts for pts, _ in found] == [pts for pts, _ in plain]
    for (_, ours), (_, theirs) in zip(found, plain, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("start_s", [0, 5, 11])
def test_nvdec_gives_the_same_chunk_wherever_it_starts(start_s: int) -> None:
    info = probe(DEMO, DecoderSettings())
    span = ChunkSpan(0, info.pts_at(start_s), info.pts_at(start_s + 4))
    found = []
    for backend in ("cpu", "cuda"):
        with read_chunk(info, span, DecoderSettings.model_validate({"backend": backend})) as reader:
            found.append([(frame.pts, frame.key) for frame in reader if not reader.is_end(frame)])
    assert found[0] == found[1]


def test_a_whole_run_decodes_on_cpus_unless_told_otherwise(opened: Session, tmp_path: Path) -> None:
    outcome = run(opened, Path(shutil.copy(DEMO, tmp_path / "demo.mp4")))
    assert cropping(outcome)["decoder"] == "cpu"
    document = json.loads((tmp_path / "demo.json").read_bytes())
    assert document["device"].startswith("gpu")
    assert document["provider"] == "CUDAExecutionProvider"
    assert outcome.cues


def test_a_killed_actor_gives_its_memory_back_and_the_result_stays(opened: Session, tmp_path: Path) -> None:
    first = run(opened, Path(shutil.copy(DEMO, tmp_path / "first.mp4")))
    before = actor(opened)
    os.kill(before["pid"], signal.SIGKILL)
    again = run(opened, Path(shutil.copy(DEMO, tmp_path / "second.mp4")))
    after = actor(opened)
    assert after["pid"] != before["pid"]
    assert again.cues == first.cues
    assert after["memory"]["gpu"]["used_bytes"] < 1.5 * before["memory"]["gpu"]["used_bytes"]


def test_nvdec_beside_the_actor_gives_the_same_cues(opened: Session, tmp_path: Path) -> None:
    plain = run(opened, Path(shutil.copy(DEMO, tmp_path / "plain.mp4")))
    decoder = opened.settings.decoder.model_copy(update={"backend": "cuda"})
    settings = opened.settings.model_copy(update={"decoder": decoder})
    opened.close()
    with Session(settings) as running:
        beside = run(running, Path(shutil.copy(DEMO, tmp_path / "beside.mp4")))
    assert cropping(beside)["decoder"] == "cuda"
    assert beside.cues == plain.cues
