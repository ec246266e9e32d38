"""Where chunks are decoded, and what happens to a decoder that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.support.videos import make_video
from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import DeviceError
from yivideo_ray.media import cuda_decodes, probe, read_chunk
from yivideo_ray.runtime.workflow.decoding import decode_site
from yivideo_ray.types import ChunkSpan

TABLE = [
    # backend, runs_on, what the actor can do: where, and what the decoder is told there
    ("auto", "auto", "cpu", "task", "cpu"),
    ("auto", "auto", "cuda", "actor", "auto"),
    ("auto", "task", "cuda", "task", "cpu"),
    ("auto", "actor", "cpu", "actor", "cpu"),
    ("auto", "actor", "cuda", "actor", "auto"),
    ("cpu", "auto", "cuda", "task", "cpu"),
    ("cpu", "actor", "cuda", "actor", "cpu"),
    ("cpu", "task", "cpu", "task", "cpu"),
    ("cuda", "auto", "cuda", "actor", "cuda"),
    ("cuda", "actor", "cuda", "actor", "cuda"),
]


@pytest.mark.parametrize(("backend", "runs_on", "can", "where", "told"), TABLE)
def test_the_gpu_decodes_where_it_can_and_may(backend: str, runs_on: str, can: str, where: str, told: str) -> None:
    found = decode_site(DecoderSettings.model_validate({"backend": backend, "runs_on": runs_on, "threads": 3}), can)
    assert (found.runs_on, found.decoder.backend) == (where, told)
    assert found.decoder.threads == 3


@pytest.mark.parametrize("runs_on", ["auto", "actor"])
def test_a_gpu_decoder_that_is_demanded_and_not_there_is_an_error(runs_on: str) -> None:
    with pytest.raises(DeviceError) as caught:
        decode_site(DecoderSettings.model_validate({"backend": "cuda", "runs_on": runs_on}), "cpu")
    assert caught.value.code.name == "DECODER_UNAVAILABLE"


def test_a_task_can_not_be_told_to_use_the_gpu() -> None:
    with pytest.raises(ValidationError, match="tasks have no GPU"):
        DecoderSettings(backend="cuda", runs_on="task")


WHOLE = ChunkSpan(0, None, None)


@pytest.mark.skipif(cuda_decodes(), reason="a GPU decodes here")
def test_without_a_gpu_auto_decodes_on_the_cpu_and_says_so_and_cuda_is_refused(tmp_path: Path) -> None:
    info = probe(make_video(tmp_path / "film.mp4", frames=20), DecoderSettings())
    pictures = []
    for backend in ("auto", "cpu"):
        with read_chunk(info, WHOLE, DecoderSettings.model_validate({"backend": backend})) as reader:
            pictures.append([frame.luma().tobytes() for frame in reader])
            assert reader.decoder == "cpu"
    assert pictures[0] == pictures[1]
    with pytest.raises(DeviceError) as caught:
        read_chunk(info, WHOLE, DecoderSettings(backend="cuda"))
    assert caught.value.code.name == "DECODER_UNAVAILABLE"
