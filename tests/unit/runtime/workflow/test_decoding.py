"""Where chunks are decoded, and what happens to a decoder that is not there."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from yivideo_ray.config import DecoderSettings, GpuSettings
from yivideo_ray.errors import DeviceError
from yivideo_ray.runtime.gpu.decoders import wants_gpu
from yivideo_ray.runtime.workflow.decoding import decode_site

TABLE = [
    # backend, gpu.decode_lanes: whether a GPU is asked
    ("auto", "auto", False),
    ("auto", 1, True),
    ("cpu", "auto", False),
    ("cpu", 4, False),
    ("cuda", "auto", True),
    ("cuda", 2, True),
]


@pytest.mark.parametrize(("backend", "lanes", "asked"), TABLE)
def test_the_cpus_decode_unless_the_settings_ask_for_a_gpu(backend: str, lanes: str | int, asked: bool) -> None:
    decoder = DecoderSettings.model_validate({"backend": backend})
    assert wants_gpu(decoder, GpuSettings.model_validate({"decode_lanes": lanes})) is asked


@pytest.mark.parametrize(
    ("backend", "refusal", "on_gpu", "told"),
    [
        ("auto", None, False, "cpu"),
        ("auto", "The GPU decodes no av1.", False, "cpu"),
        ("auto", "", True, "auto"),
        ("cpu", None, False, "cpu"),
        ("cuda", "", True, "cuda"),
    ],
)
def test_a_gpu_decodes_what_it_has_not_refused(backend: str, refusal: str | None, on_gpu: bool, told: str) -> None:
    found = decode_site(DecoderSettings.model_validate({"backend": backend, "threads": 3}), refusal)
    assert (found.on_gpu, found.decoder.backend, found.decoder.threads) == (on_gpu, told, 3)


def test_a_gpu_decoder_that_is_demanded_and_refuses_is_an_error_with_its_reason() -> None:
    with pytest.raises(DeviceError, match="decodes no av1") as caught:
        decode_site(DecoderSettings(backend="cuda"), "The GPU decodes no av1.")
    assert caught.value.code.name == "DECODER_UNAVAILABLE"


@pytest.mark.parametrize("lanes", [0, 65, "some"])
def test_lanes_are_a_count(lanes: object) -> None:
    with pytest.raises(ValidationError):
        GpuSettings.model_validate({"decode_lanes": lanes})
