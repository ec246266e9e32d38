"""Chunks decoded beside the GPU actor, on a cluster whose GPU exists in name only: who is told, and what goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import SettingsMaker, expected, found, run
from yivideo_ray.jobs import Job, Outcome
from yivideo_ray.runtime.gpu.decoders import FAULTS_ALLOWED
from yivideo_ray.runtime.session import Session
from yivideo_ray.runtime.workflow import ray_stages
from yivideo_ray.types import Stage

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

CHUNKS = {"chunk_s": 2, "crops_per_call": 2}


def cropping(outcome: Outcome) -> dict[str, Any]:
    (record,) = [record for record in outcome.stages if record.stage is Stage.CROP_SUBTITLE_IMAGES]
    return record.output


async def _takes(*_: object) -> str:
    """What a GPU says to every video that decodes them all."""
    return ""


def test_a_gpu_decoder_that_is_not_there_is_an_error_and_never_a_silent_fallback(
    namespace: str, make_settings: SettingsMaker, video: Path
) -> None:
    (outcome,) = run(make_settings(decoder={"backend": "cuda"}), namespace, Job(video))
    assert outcome.error is not None
    assert outcome.error["code"] == "DECODER_UNAVAILABLE"
    assert "libcuda.so.1" in outcome.error["message"]
    assert not video.with_suffix(".srt").exists()


def test_with_auto_the_cpus_decode_what_the_gpu_refuses_and_the_result_says_why(
    namespace: str, make_settings: SettingsMaker, video: Path
) -> None:
    (outcome,) = run(make_settings(gpu={"decode_lanes": 2}), namespace, Job(video))
    assert found(outcome) == expected()
    assert cropping(outcome)["decoder"] == "cpu"
    warnings = json.loads(video.with_suffix(".json").read_bytes())["warnings"]
    (warning,) = [warning for warning in warnings if warning["code"] == "DECODED_ON_CPU"]
    assert "libcuda.so.1" in warning["message"]


def test_a_gpu_that_is_lost_while_chunks_are_decoded_costs_no_result_and_is_said_once(
    namespace: str, make_settings: SettingsMaker, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It took the video; from then on no process beside the actor can open it.
    monkeypatch.setattr(ray_stages, "gpu_refusal", _takes)
    (plain,) = run(make_settings(), namespace, Job(video))
    expected_bytes = video.with_suffix(".srt").read_bytes()
    session = Session(make_settings(gpu={"decode_lanes": 1}, pipeline=CHUNKS), namespace)

    (outcome,) = session.run([Job(video, again=True)], lambda _: None)
    assert found(outcome) == found(plain) == expected()
    assert video.with_suffix(".srt").read_bytes() == expected_bytes
    assert cropping(outcome)["chunks"] > FAULTS_ALLOWED
    codes = [warning.code for warning in outcome.warnings]
    assert codes.count("DECODED_ON_CPU") == 1


def test_where_cuda_is_insisted_on_a_lost_gpu_is_the_devices_failure(
    namespace: str, make_settings: SettingsMaker, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_stages, "gpu_refusal", _takes)
    (outcome,) = run(make_settings(decoder={"backend": "cuda"}), namespace, Job(video))
    assert outcome.error is not None
    assert outcome.error["code"] == "DEVICE_FAILED"
    assert not video.with_suffix(".srt").exists()
