"""The public way to read a study, in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import cxr_agent
from cxr_agent.errors import CxrAgentError, InputError, OutputError, UnsuitableFilm, UsageError
from cxr_agent.evidence import EvidenceKind
from cxr_agent.planning.budget import Budget
from cxr_agent.reading import Agent
from cxr_agent.report.model import Report
from cxr_agent.testing.scripted import ScriptedPlanner
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.trace import (
    ReportDrafted,
    StudyLoaded,
    ToolCalled,
    default_traces,
    read_trace,
    verify,
)
from tests.cli.program import Films, run_program, write_films


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return write_films(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """One reader that stays warm."""
    with Agent(traces=tmp_path_factory.mktemp("traces")) as one:
        yield one


@pytest.fixture(scope="module")
def report(agent: Agent, films: Films) -> Report:
    return agent.read(films["chest.dcm"], indication="cough in room QZX")


def test_python_and_command_line_agree(films: Films, tmp_path: Path) -> None:
    ours = cxr_agent.read(films["grey8.png"], traces=tmp_path / "ours", indication="cough")
    theirs = run_program(
        "read", films["grey8.png"], "--indication", "cough", "--json", traces=tmp_path / "theirs"
    ).json
    expected = json.loads(ours.model_dump_json())
    for run in (expected, theirs):
        assert Path(run.pop("trace")).name == run.pop("run_id")
    assert theirs == expected


def test_readers_of_one_device_share_what_is_loaded(agent: Agent, tmp_path: Path) -> None:
    with Agent(traces=tmp_path) as other:
        assert other.runtime is agent.runtime


@pytest.mark.parametrize(
    ("device", "code"), [("tpu", "bad_device"), ("cuda", "device_unavailable")]
)
def test_a_device_that_cannot_be_used(
    device: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(CxrAgentError) as caught:
        Agent(traces=tmp_path, device=device)
    assert caught.value.code == code
    with pytest.raises(CxrAgentError) as caught:
        cxr_agent.read(tmp_path / "film.png", traces=tmp_path, device=device)
    assert caught.value.code == code


def test_same_film_same_report(agent: Agent, films: Films, report: Report) -> None:
    again = agent.read([films["chest.dcm"]], indication="cough in room QZX")
    changes = {"run_id": "", "trace": None}
    assert again.model_copy(update=changes) == report.model_copy(update=changes)


def test_every_sentence_can_be_walked_back_to_pixels(report: Report) -> None:
    assert report.trace is not None
    trace = read_trace(Path(report.trace))
    calls = {event.step: event for event in trace.events if isinstance(event, ToolCalled)}
    (loaded,) = (event for event in trace.events if isinstance(event, StudyLoaded))
    seen = {image.sha256 for image in loaded.images}
    for sentence in report.sentences():
        for evidence in map(report.cited, sentence.evidence):
            provenance = evidence.provenance
            assert provenance.image_sha256 in seen
            if provenance.tool not in ("imaging", "protocol"):
                assert calls[provenance.step].tool == provenance.tool
            if evidence.kind is EvidenceKind.REGION:
                assert provenance.weights_sha256
            for sha256 in evidence.artifacts.values():
                assert trace.artifact(sha256)


def test_unknown_evidence_is_an_error(report: Report) -> None:
    with pytest.raises(KeyError):
        report.cited("e999")


def test_trace_is_whole_and_keeps_the_report_without_the_indication(report: Report) -> None:
    assert report.history == "cough in room QZX"
    assert report.trace is not None
    trace = read_trace(Path(report.trace))
    assert verify(trace).intact
    assert trace.finished is not None
    assert trace.finished.status == report.status == "complete"
    assert trace.finished.report_sha256 is not None
    kept = Report.model_validate_json(trace.artifact(trace.finished.report_sha256))
    assert "QZX" not in kept.history
    changes = {"history": "", "trace": None}
    assert kept.model_copy(update=changes) == report.model_copy(update=changes)
    assert any(isinstance(event, ReportDrafted) for event in trace.events)
    for path in trace.directory.rglob("*"):
        assert path.is_dir() or b"QZX" not in path.read_bytes()


def test_used_up_budget_gives_a_partial_report(films: Films, tmp_path: Path) -> None:
    with Agent(traces=tmp_path, budget=Budget(steps=1)) as agent:
        report = agent.read(films["grey8.png"])
    assert report.status == "partial"
    assert any("budget of steps" in sentence.text for sentence in report.limitations)
    assert not [e for e in report.evidence if e.kind is EvidenceKind.FINDING]
    assert report.trace is not None
    finished = read_trace(Path(report.trace)).finished
    assert finished is not None
    assert (finished.status, finished.code) == ("partial", "partial_reading")


def test_planner_that_measures_nothing_gives_a_report_that_says_so(
    films: Films, tmp_path: Path
) -> None:
    with Agent(traces=tmp_path, planner=ScriptedPlanner([])) as agent:
        report = agent.read(films["grey8.png"])
    assert report.planner == "scripted"
    assert all("Not examined" in sentence.text for sentence in report.findings)
    assert report.findings
    assert all(sentence.evidence for sentence in report.sentences())


def test_planner_that_breaks_ends_the_trace(films: Films, tmp_path: Path) -> None:
    def fall() -> None:
        raise RuntimeError("planner broke")

    planner = ScriptedPlanner([ToolCall("segment_anatomy", {"film": "img-1"})], before=fall)
    with (
        Agent(traces=tmp_path, planner=planner) as agent,
        pytest.raises(RuntimeError, match="planner broke"),
    ):
        agent.read(films["grey8.png"])
    (folder,) = tmp_path.iterdir()
    trace = read_trace(folder)
    assert verify(trace).intact
    assert trace.finished is not None
    assert (trace.finished.status, trace.finished.code) == ("failed", "internal_error")


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("missing.png", InputError, "file_not_found"),
        ("lateral.dcm", UnsuitableFilm, "lateral_view"),
        ("hand.png", UnsuitableFilm, "not_chest"),
    ],
)
def test_refused_film(
    name: str, kind: type[InputError], code: str, agent: Agent, films: Films
) -> None:
    with pytest.raises(kind) as caught:
        agent.read(films[name])
    assert caught.value.code == code
    assert type(caught.value) is kind
    assert caught.value.hint


def test_bad_prior_is_named_by_its_place(agent: Agent, films: Films) -> None:
    with pytest.raises(InputError, match=r"prior 2: "):
        agent.read(films["grey8.png"], priors=[films["grey16.png"], films["letter.txt"]])


def test_one_refused_film_of_a_study_does_not_hide_the_other(agent: Agent, films: Films) -> None:
    report = agent.read([films["turned.png"], films["grey8.png"]])
    measured = [e for e in report.evidence if e.code == "cardiothoracic_ratio" and e.value]
    assert {e.image for e in measured} == {"img-2"}
    said = " ".join(sentence.text for sentence in report.limitations)
    assert "the picture looks turned by a quarter or a half" in said


def test_no_film(agent: Agent) -> None:
    with pytest.raises(UsageError):
        agent.read([])


def test_traces_that_cannot_be_written(films: Films, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with Agent(traces=tmp_path / "file") as agent, pytest.raises(OutputError):
        agent.read(films["grey8.png"])


def test_reader_works_again_after_it_was_closed(films: Films, tmp_path: Path) -> None:
    agent = Agent(traces=tmp_path)
    agent.close()
    with agent:
        assert agent.read(films["photo.jpg"]).status == "complete"


def test_default_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_TRACES", "/elsewhere")
    assert default_traces() == Path("/elsewhere")
    monkeypatch.setenv("CXR_AGENT_TRACES", "")
    assert default_traces() == Path("traces")


def test_public_names() -> None:
    for name in cxr_agent.__all__:
        assert getattr(cxr_agent, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = cxr_agent.nothing_of_that_name
