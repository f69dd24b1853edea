"""A run in Python: its events, what it knows, and why it says what it says."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import pytest

import cxr_agent
from cxr_agent import tabular
from cxr_agent.errors import ConfigError, UsageError
from cxr_agent.trace import (
    EvidenceAdded,
    ReportDrafted,
    RunStarted,
    Trace,
    TraceWriter,
    read_trace,
)
from cxr_agent.trace.table import COLUMNS, to_csv, to_parquet

from .example import RUN_ID
from .golden import VERSION_1, VERSION_2
from .test_render import HOSTILE, is_plain

HEART = "The heart is enlarged, with a cardiothoracic ratio of 0.58 (0.55 to 0.61)."


@pytest.fixture
def first() -> Trace:
    """The golden run of version 1: one reading, no correction."""
    return Trace.load(VERSION_1 / RUN_ID)


@pytest.fixture
def second() -> Trace:
    return Trace.load(str(VERSION_2 / RUN_ID))


def test_load_gives_typed_events(second: Trace) -> None:
    assert cxr_agent.Trace is Trace
    assert isinstance(second, Trace)
    assert tuple(second) == second.events == read_trace(VERSION_2 / RUN_ID).events
    assert isinstance(next(iter(second)), RunStarted)


def test_why_walks_from_the_sentence_to_the_film(first: Trace) -> None:
    for what in (HEART, "  the HEART is\nenlarged", 1, "1"):
        why = first.why(what)
        assert why.sentence is not None
        assert (why.sentence.number, why.sentence.text) == (1, HEART)
        (support,) = why.support
        assert support.evidence.id == "e1"
        assert support.evidence.tool == "cardiothoracic_ratio"
        assert support.returned is not None
        assert support.returned.step == support.evidence.step == 1
        assert support.plan is not None
        assert support.image is not None
        assert support.image.handle == "img-1"
    text = str(first.why(1))
    for part in (HEART, "e1 finding cardiomegaly", "step 1: cardiothoracic_ratio", "film img-1"):
        assert part in text


def test_why_of_evidence_of_an_answer_and_of_a_correction(second: Trace) -> None:
    assert second.why("e1").sentence is None
    assert "(withdrawn: corrected)" in str(second.why("e1"))
    (support,) = second.why("The heart is not enlarged.").support
    assert support.corrected is not None
    assert "by reader 1: a deep breath" in str(second.why("not enlarged"))


def test_why_follows_what_evidence_rests_on(root: Path) -> None:
    """And does not go in a circle where a damaged run does."""
    with TraceWriter.create(root, "run") as writer:
        writer.append(RunStarted(run_id="run", program_version="1", planner="p"))
        for one, other in (("e1", "e2"), ("e2", "e1")):
            record = {"id": one, "basis": [other], "model": HOSTILE, "reading": HOSTILE}
            writer.append(EvidenceAdded(evidence={**record, "provenance": {"step": 1}}))
        writer.append(ReportDrafted(sentences=({"text": HOSTILE, "evidence": ["e1", "e9"]},)))
    trace = Trace.load(writer.directory)
    (support,) = trace.why(1).support
    assert [part.evidence.id for part in support.basis] == ["e2"]
    assert support.basis[0].basis == ()
    assert is_plain(str(trace.why(1)) + "\n")


@pytest.mark.parametrize("what", ["no such sentence", 0, 99, "99", "e99", ""])
def test_why_of_what_nobody_said(first: Trace, what: str | int) -> None:
    with pytest.raises(UsageError) as caught:
        first.why(what)
    assert caught.value.code == "unknown_sentence"


def test_why_of_a_part_that_two_have(root: Path) -> None:
    with TraceWriter.create(root, "run") as writer:
        writer.append(RunStarted(run_id="run", program_version="1", planner="p"))
        texts = ("No effusion.", "No effusion seen.")
        writer.append(ReportDrafted(sentences=tuple({"text": t, "evidence": []} for t in texts)))
    trace = Trace.load(writer.directory)
    with pytest.raises(UsageError) as caught:
        trace.why("no eff")
    assert caught.value.code == "ambiguous_sentence"
    assert trace.why("no effusion.").sentence is not None


def test_a_lost_report_leaves_the_draft(first: Trace, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(first.directory, copy)
    shutil.rmtree(copy / "artifacts")
    assert Trace.load(copy).why(HEART).sentence is not None


def test_evidence_is_a_sequence(second: Trace) -> None:
    known = second.evidence
    assert [one.id for one in known] == ["e1", "e3"]
    assert [one.id for one in known[1:]] == ["e3"]
    one = known[0]
    assert (one.value, one.interval, one.withdrawn) == (0.58, (0.55, 0.61), "corrected")
    assert known[1].sentences == (1,)
    assert known.get("e3") is known[1]
    assert known.get("e9") is None
    assert len(known.of("cardiomegaly")) == 2
    assert len(known.present("cardiomegaly")) == 0  # it was withdrawn
    assert "2" in repr(known)


def test_evidence_as_present(first: Trace) -> None:
    assert [one.id for one in first.evidence.present("cardiomegaly")] == ["e1"]


def test_csv_has_one_row_per_evidence(second: Trace) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(second.evidence).decode())))
    assert [tuple(row) for row in rows] == [COLUMNS] * 2
    assert rows[0]["value"] == "0.58"
    assert (rows[0]["interval_low"], rows[0]["interval_high"]) == ("0.55", "0.61")
    assert (rows[0]["withdrawn"], rows[1]["withdrawn"]) == ("corrected", "")
    assert (rows[0]["sentences"], rows[1]["sentences"]) == ("", "1")
    assert rows[1]["tool"] == "reader"


def test_csv_is_no_formula(root: Path) -> None:
    with TraceWriter.create(root, "run") as writer:
        record = {"id": "e1", "code": "=HYPERLINK(1)", "value": -1.5}
        writer.append(EvidenceAdded(evidence=record))
    (row,) = csv.DictReader(io.StringIO(to_csv(Trace.load(writer.directory).evidence).decode()))
    assert row["code"] == "'=HYPERLINK(1)"
    assert row["value"] == "-1.5"


def test_parquet(second: Trace) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    data = to_parquet(second.evidence)
    assert data == to_parquet(second.evidence)
    rows = pq.read_table(io.BytesIO(data)).to_pylist()
    assert list(rows[0]) == list(COLUMNS)
    assert (rows[0]["value"], rows[0]["step"], rows[1]["sentences"]) == (0.58, 1, [1])


def test_data_frame(second: Trace) -> None:
    pytest.importorskip("pandas")
    frame = second.evidence.to_frame()
    assert list(frame.columns) == list(COLUMNS)
    assert list(frame["id"]) == ["e1", "e3"]


def test_what_is_not_installed_is_said(second: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pandas") as frames:
        second.evidence.to_frame()
    assert "cxr-agent[frames]" in frames.value.hint
    with pytest.raises(ConfigError, match="pyarrow") as parquet:
        to_parquet(second.evidence)
    assert "cxr-agent[parquet]" in parquet.value.hint
