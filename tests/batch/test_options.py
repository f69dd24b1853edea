"""What a batch does where the user left it open."""

from __future__ import annotations

import os

import pytest

from cxr_agent.models.runtime.device import CPU, Device
from cxr_agent.reading.batches import BatchOptions

from ..models.runtime.fakes import FakeGpu

GPU = Device("cuda")


@pytest.fixture(autouse=True)
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))


def test_a_cpu_has_a_process_for_each_core_that_reads_one_study_at_a_time() -> None:
    found = BatchOptions().on(CPU)
    assert (found.processes, found.lanes, found.threads, found.worker_mib) == (16, 1, 1, 4096)


@pytest.mark.parametrize(("mib", "processes"), [(6000, 1), (24_576, 3), (143_000, 8)])
def test_a_gpu_has_as_many_processes_as_its_memory_holds_and_half_the_cores(
    monkeypatch: pytest.MonkeyPatch, mib: int, processes: int
) -> None:
    FakeGpu(mib=mib).install(monkeypatch)
    found = BatchOptions().on(GPU)
    assert (found.processes, found.lanes, found.threads) == (processes, 8, 16 // processes)
    assert found.worker_mib == 8192 + 8 * 512


@pytest.mark.parametrize("device", [CPU, GPU])
def test_what_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch, device: Device) -> None:
    FakeGpu().install(monkeypatch)
    chosen = BatchOptions(workers=3, lanes=5, worker_mib=700, priors=0)
    assert chosen.on(device) == chosen
    assert BatchOptions(workers=0).on(device).processes == 0


def test_a_machine_with_one_core_has_a_process_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    FakeGpu().install(monkeypatch)
    assert BatchOptions().on(GPU).processes == 1
