"""What a workflow warns of when the device or the decoder is not the one that was hoped for."""

from __future__ import annotations

from yivideo_ray.errors import WarningCode
from yivideo_ray.jobs import Event, EventKind
from yivideo_ray.journal import Journal
from yivideo_ray.types import EngineFacts

ON_GPU = EngineFacts("e", "gpu:0", "CUDAExecutionProvider", "d", "r")
ON_CPU = EngineFacts("e", "cpu", "CPUExecutionProvider", "d", "r")


def journal() -> tuple[Journal, list[Event]]:
    events: list[Event] = []
    return Journal("w", "film.mp4", 10.0, events.append), events


def test_a_part_that_another_device_read_is_told_once() -> None:
    told, events = journal()
    for facts in (ON_GPU, None, ON_CPU, ON_CPU):
        told.check_engine(ON_GPU, facts)
    (warning,) = told.warnings
    assert warning.code == WarningCode.MODELS_ON_CPU
    assert warning.facts == {"provider": "CPUExecutionProvider"}
    assert "on cpu (CPUExecutionProvider), not on gpu:0" in warning.message
    assert [event.kind for event in events] == [EventKind.WARNING]


def test_what_the_result_names_is_no_warning() -> None:
    told, events = journal()
    told.check_engine(ON_CPU, ON_CPU)
    told.check_engine(None, ON_CPU)
    assert (told.warnings, events) == ([], [])


def test_a_gpu_that_does_not_decode_is_told_once_however_many_chunks_meet_it() -> None:
    told, _ = journal()
    told.warn_of_decoder("The GPU's decoder failed: a.")
    told.warn_of_decoder("The GPU's decoder failed: b.")
    (warning,) = told.warnings
    assert (warning.code, warning.message.endswith("failed: a.")) == (WarningCode.DECODED_ON_CPU, True)
