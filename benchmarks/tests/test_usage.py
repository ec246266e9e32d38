"""CPU time of the benchmarks' processes."""

from __future__ import annotations

import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.instruments.usage import CpuUse, cpu_use, gpu_use

__all__ = []


def test_work_of_this_process_is_its_own() -> None:
    with cpu_use() as use:
        until = time.process_time() + 0.3
        while time.process_time() < until:
            pass
    assert use.own_s >= 0.25
    assert use.wall_s >= 0.25
    assert use.others_s >= 0


@pytest.mark.parametrize(("every_s", "counts"), [(None, False), (0.05, True)])
def test_work_of_a_process_that_ends_is_its_own_where_looks_are_frequent(every_s: float | None, counts: bool) -> None:
    code = "import time; end = time.process_time() + 0.6\nwhile time.process_time() < end: pass"
    with cpu_use(every_s) as use:
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert (use.own_s >= 0.4) is counts


def test_sleeping_is_no_work() -> None:
    with cpu_use() as use:
        time.sleep(0.2)
    assert use.own_s < 0.15


def test_the_share_of_others_is_of_all_cores() -> None:
    assert CpuUse(wall_s=10.0, own_s=1.0, others_s=5.0).others(2) == pytest.approx(0.25)


class Nvml(SimpleNamespace):
    """Two devices: the first is at 20 %, the second at 40 % and 80 % in turn; `silent` ones don't tell."""

    class NVMLError(Exception): ...

    def __init__(self, silent: tuple[int, ...] = ()) -> None:
        super().__init__(silent=silent, open=0, asked=0)

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's own names
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:  # noqa: N802
        self.asked += handle
        if handle in self.silent:
            raise self.NVMLError("not supported")
        return SimpleNamespace(gpu=20 if handle == 0 else 40 + 40 * (self.asked % 2))


@pytest.mark.parametrize(("silent", "busy"), [((), 0.6), ((1,), 0.2), ((0, 1), None)])
def test_the_busiest_gpu_counts_with_its_mean(
    monkeypatch: pytest.MonkeyPatch, silent: tuple[int, ...], busy: float | None
) -> None:
    nvml = Nvml(silent)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    with gpu_use(every_s=0.001) as use:
        while nvml.asked < 20:
            time.sleep(0.001)
    assert nvml.open == 0
    # The last of its looks may be one of either kind.
    assert use.busy == (None if busy is None else pytest.approx(busy, abs=0.02))


def test_without_nvml_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with gpu_use() as use:
        pass
    assert use.busy is None
