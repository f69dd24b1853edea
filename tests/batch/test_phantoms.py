"""Phantom studies with faults among them: what can be read is, once; the rest says why."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_agent.batch.batch import Batch
from cxr_agent.batch.layout import report_file, traces_of
from cxr_agent.reading.batches import BatchOptions
from cxr_agent.report.model import Report
from cxr_agent.trace import read_trace, verify
from tests.long_runs import long_or

from .faulty import ONCE_VARIABLE, Fault, faulty_agent, write_films

_STUDIES = long_or(200, 2000)
_AT = _STUDIES // 20
_FAULTS = {
    _AT: Fault.KILLED,
    _AT + 1: Fault.KILLED_ONCE,
    4 * _AT: Fault.HANGS,
    4 * _AT + 1: Fault.HANGS_ONCE,
    7 * _AT: Fault.EATS_MEMORY,
    9 * _AT: Fault.CRASHED,
    11 * _AT: Fault.EXITS,
    13 * _AT: Fault.RAISES,
    13 * _AT + 1: Fault.KILLED_ONCE,
    _STUDIES - 1: Fault.KILLED_ONCE,
}
_FAILED = {
    f"{_AT:06d}.png": "worker_killed",
    f"{4 * _AT:06d}.png": "study_timeout",
    f"{7 * _AT:06d}.png": "out_of_memory",
    f"{9 * _AT:06d}.png": "worker_crashed",
    f"{11 * _AT:06d}.png": "worker_crashed",
}
_UNREADABLE = {
    "empty.png": "empty_file",
    "not.png": "not_an_image",
    "torn.png": "truncated",
}


def run(folder: Path, out: Path) -> Batch:
    with (
        faulty_agent() as agent,
        agent.batch(
            folder, out, BatchOptions(workers=2, study_s=5, worker_mib=450, max_failures=50)
        ) as batch,
    ):
        batch.run()
    return batch


@pytest.mark.slow
@pytest.mark.long
def test_phantoms_with_faults(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    (tmp_path / "once").mkdir()
    monkeypatch.setenv(ONCE_VARIABLE, str(tmp_path / "once"))
    films, out = tmp_path / "films", tmp_path / "out"
    made = write_films(films, _STUDIES, _FAULTS)
    (films / "empty.png").touch()
    (films / "not.png").write_bytes(os.urandom(5000))
    (films / "torn.png").write_bytes(made[3].read_bytes()[:-3000])

    batch = run(films, out)
    with (out / "studies.csv").open() as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert len(rows) == batch.progress.settled == _STUDIES + len(_UNREADABLE)
    told = {name: row["code"] for name, row in rows.items()}
    assert {n: told[n] for n, row in rows.items() if row["outcome"] == "failed"} == _FAILED
    assert {n: told[n] for n, row in rows.items() if row["outcome"] == "refused"} == _UNREADABLE
    read = {n: row for n, row in rows.items() if row["outcome"] == "read"}
    assert {name for name, row in read.items() if row["code"]} == {f"{13 * _AT:06d}.png"}
    with (out / "measurements.csv").open() as file:
        measured = Counter(row["study"] for row in csv.DictReader(file))
    assert measured.keys() == {row["study"] for row in read.values() if not row["code"]}
    assert set(measured.values()) == {1}

    kept = sorted(path.name for path in out.glob("traces/*/*"))
    assert kept == sorted(row["run"] for row in read.values())
    for row in list(read.values())[:: _STUDIES // 20]:
        number = int(row["study"][1:])
        trace = read_trace(traces_of(out, number) / row["run"])
        assert verify(trace).intact
        report = Report.model_validate_json(report_file(out, number, ".json").read_bytes())
        assert report.run_id == row["run"]

    again = run(films, out)  # a poisonous film does not get another worker unasked
    assert (again.progress.here, again.progress.lost) == (0, 0)
    record_property("studies", len(rows))
    record_property("faults", len(_FAULTS) + len(_UNREADABLE))
