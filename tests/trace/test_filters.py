"""Which of many runs are listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_agent.errors import UsageError
from cxr_agent.trace import EvidenceAdded, RunFinished, RunStarted, TraceHeader, TraceWriter
from cxr_agent.trace import filters as module
from cxr_agent.trace.filters import Filter, finding, moment, status_of, statuses

from .golden import VERSION_1, VERSION_2


def header(name: str, **rest: object) -> TraceHeader:
    return TraceHeader(name, Path(name), **rest)  # type: ignore[arg-type]


RUNS = (
    header("c", started="2026-01-03T00:00:00.000000Z", planner="llm", seconds=9.0, status="failed"),
    header("b", started="2026-01-02T23:59:59.000000Z", planner="Protocol 6", seconds=1.0,
           status="complete"),
    header("a", started="2026-01-01T00:00:00.000000Z", planner="protocol 5"),
    header("x", problem="trace_damaged"),
)  # fmt: skip


def chosen(limit: int | None = None, **rest: object) -> str:
    return "".join(h.name for h in Filter(**rest).choose(RUNS, limit))  # type: ignore[arg-type]


def test_by_their_ends() -> None:
    assert chosen() == "cbax"
    assert chosen(2) == "cb"
    assert chosen(since=moment("2026-01-02")) == "cb"
    assert chosen(until=moment("2026-01-02", after=True)) == "ba"
    assert chosen(since=moment("2026-01-02"), until=moment("2026-01-02", after=True)) == "b"
    assert chosen(planner="PROTOCOL") == "ba"
    assert chosen(statuses=statuses("failed, unfinished")) == "ca"
    assert chosen(statuses=statuses("damaged")) == "x"
    assert chosen(slower=1.0) == "c"
    assert chosen(faster=9.0) == "b"


def test_without_a_finding_no_run_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(module, "read_trace")
    assert chosen(planner="llm") == "c"


def test_moments() -> None:
    assert moment("2026-01-31") == "2026-01-31T00:00:00.000000Z"
    assert moment("2026-01-31", after=True) == "2026-01-31T23:59:59.999999Z"
    assert moment("2026-01-31T14:30") == "2026-01-31T14:30:00.000000Z"
    assert moment("2026-01-31T14:30+02:00", after=True) == "2026-01-31T12:30:00.000000Z"


@pytest.mark.parametrize(
    ("reads", "text", "code"),
    [
        (moment, "yesterday", "bad_date"),
        (moment, "2026-02-30", "bad_date"),
        (moment, "0001-01-01T00:00+23:00", "bad_date"),
        (statuses, "good", "bad_status"),
        (statuses, ",", "bad_status"),
        (finding, "cardiomegaly=maybe", "bad_finding"),
        (finding, "cardiomegaly=", "bad_finding"),
        (finding, "=present", "bad_finding"),
    ],
)
def test_what_cannot_be_asked(reads: object, text: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        reads(text)  # type: ignore[operator]
    assert caught.value.code == code
    assert caught.value.hint


def write(root: Path, name: str, *evidence: dict[str, object]) -> None:
    with TraceWriter.create(root, name) as writer:
        writer.append(RunStarted(run_id=name, program_version="1", planner="p"))
        for item in evidence:
            writer.append(EvidenceAdded(evidence=item))  # type: ignore[arg-type]
        writer.append(RunFinished(status="complete", seconds=1))


def test_by_finding(root: Path) -> None:
    from cxr_agent.trace import list_traces

    heart = {"id": "e1", "kind": "finding", "code": "cardiomegaly"}
    write(root, "present", heart | {"polarity": "present"})
    write(root, "absent", heart | {"polarity": "absent"})
    write(root, "sign", heart | {"kind": "descriptor", "category": "cardiomegaly"})
    write(root, "none")
    write(root, "broken", heart | {"polarity": "present"})
    file = root / "broken" / "trace.jsonl"
    file.write_bytes(file.read_bytes().replace(b"run_finished", b"run_vanished"))

    def found(text: str) -> set[str]:
        code, polarity = finding(text)
        return {h.name for h in Filter(finding=code, polarity=polarity).choose(list_traces(root))}

    assert found("cardiomegaly") == {"present", "absent"}
    assert found("cardiomegaly=present") == {"present"}
    assert found("cardiomegaly=uncertain") == set()
    assert found("pneumothorax") == set()


def test_what_was_withdrawn_does_not_count() -> None:
    from cxr_agent.trace import list_traces

    present = Filter(finding="cardiomegaly", polarity="present")
    absent = Filter(finding="cardiomegaly", polarity="absent")
    assert len(list(present.choose(list_traces(VERSION_1)))) == 1
    assert list(present.choose(list_traces(VERSION_2))) == []
    assert len(list(absent.choose(list_traces(VERSION_2)))) == 1
    assert [status_of(h) for h in list_traces(VERSION_2)] == ["partial"]
