"""2,000 phantom studies with faults among them: what can be read is, once; the rest says why."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import pytest

from cxr_agent.batch.batch import Batch
from cxr_agent.batch.layout import report_file, traces_of
from cxr_agent.reading.batches import BatchOptions
from cxr_agent.report.model import Report
from cxr_agent.trace import read_trace, verify

from .faulty import ONCE_VARIABLE, Fault, faulty_agent, write_films

_STUDIES = 2000
_FAULTS = {
    17: Fault.KILLED,
    18: Fault.KILLED_ONCE,
    400: Fault.HANGS,
    401: Fault.HANGS_ONCE,
    700: Fault.EATS_MEMORY,
    900: Fault.CRASHED,
    1100: Fault.EXITS,
    1300: Fault.RAISES,
    1301: Fault.KILLED_ONCE,
    1999: Fault.KILLED_ONCE,
}
_FAILED = {
    "000017.png": "worker_killed",
    "000400.png": "study_timeout",
    "000700.png": "out_of_memory",
    "000900.png": "worker_crashed",
    "001100.png": "worker_crashed",
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
def test_2000_phantoms_with_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert {name for name, row in read.items() if row["code"]} == {"001300.png"}
    with (out / "measurements.csv").open() as file:
        measured = Counter(row["study"] for row in csv.DictReader(file))
    assert measured.keys() == {row["study"] for row in read.values() if not row["code"]}
    assert set(measured.values()) == {1}

    kept = sorted(path.name for path in out.glob("traces/*/*"))
    assert kept == sorted(row["run"] for row in read.values())
    for row in list(read.values())[::100]:
        number = int(row["study"][1:])
        trace = read_trace(traces_of(out, number) / row["run"])
        assert verify(trace).intact
        report = Report.model_validate_json(report_file(out, number, ".json").read_bytes())
        assert report.run_id == row["run"]

    again = run(films, out)  # a poisonous film does not get another worker unasked
    assert (again.progress.here, again.progress.lost) == (0, 0)
