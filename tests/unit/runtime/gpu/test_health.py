"""What is told of a GPU's errors, with NVML in place of a driver."""

from __future__ import annotations

import sys
import time

import pytest

from tests.support.nvml import Nvml
from yivideo_ray.runtime.gpu.device import XIDS_KEPT, XidWatch, gpu_health


def driver(monkeypatch: pytest.MonkeyPatch, nvml: Nvml, visible: str = "0") -> Nvml:
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    return nvml


def test_memory_that_failed_is_told_and_what_a_gpu_does_not_tell_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = driver(monkeypatch, Nvml())
    assert gpu_health() == {
        "uncorrected_ecc": 3,
        "remapped_rows": 3,
        "remap_pending": True,
        "remap_failed": False,
    }
    driver(monkeypatch, nvml, visible="1")
    found = gpu_health()
    assert found is not None
    assert (found["uncorrected_ecc"], found["remapped_rows"], found["remap_pending"]) == (3, None, None)
    assert nvml.open == 0


def test_a_process_without_a_gpu_or_nvml_has_no_health(monkeypatch: pytest.MonkeyPatch) -> None:
    driver(monkeypatch, Nvml(), visible="")
    assert gpu_health() is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert gpu_health() is None


def watched(nvml: Nvml) -> XidWatch:
    """Returns a watch that has seen all that the driver reports."""
    watch = XidWatch()
    watch.start()
    ends = time.monotonic() + 10
    while nvml.xids and time.monotonic() < ends:
        time.sleep(0.01)
    watch.stop()
    return watch


def test_what_the_driver_reports_is_kept_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = driver(monkeypatch, Nvml(xids=[31, 79]), visible="1")
    began = time.time()
    watch = watched(nvml)
    assert [seen["xid"] for seen in watch.seen] == [31, 79]
    assert all(began <= seen["time"] <= time.time() for seen in watch.seen)
    assert (nvml.watched, nvml.open) == (None, 0)


def test_a_storm_of_reports_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watched(driver(monkeypatch, Nvml(xids=range(3 * XIDS_KEPT))))
    assert [seen["xid"] for seen in watch.seen] == list(range(2 * XIDS_KEPT, 3 * XIDS_KEPT))


@pytest.mark.parametrize("nvml", [None, Nvml(broken=True)])
def test_where_nobody_reports_nothing_is_seen_and_nothing_goes_on(
    monkeypatch: pytest.MonkeyPatch, nvml: Nvml | None
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    watch = XidWatch()
    watch.start()
    assert watch._thread is not None
    watch._thread.join(10)
    assert not watch._thread.is_alive()
    assert watch.seen == []
