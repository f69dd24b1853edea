"""A run cut off anywhere ends as one that was never cut off; nothing is done twice."""

from __future__ import annotations

import errno
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from cxr_agent.errors import CxrAgentError, OutputError, TraceError, UsageError
from cxr_agent.reading import Agent
from cxr_agent.reading.places import Places, keep_places, places_of
from cxr_agent.replaying import resume
from cxr_agent.testing.stub_server import Reply, Request, StubServer
from cxr_agent.trace import (
    ModelCalled,
    RunResumed,
    Trace,
    TraceWriter,
    read_trace,
    verify,
)
from cxr_agent.trace.layout import HEAD, LINES
from tests.cli.program import MODULE, environment, run_program

from .conftest import INDICATION, Films, Whole


def cut(trace: Trace, size: int, folder: Path) -> Path:
    """The run as a kill would leave it that many bytes into its file of lines."""
    run = folder / trace.run_id
    shutil.copytree(trace.directory, run)
    file = run / LINES
    file.write_bytes(file.read_bytes()[:size])
    (run / HEAD).unlink()  # it is written last
    return run


def told(trace: Trace) -> list[object]:
    """What happened, without when."""
    return [
        event.model_dump(mode="json", exclude={"seconds", "latency_s"})
        for event in trace.events
        if not isinstance(event, RunResumed)
    ]


def go_on(agent: Agent, run: Path, films: Films, priors: Sequence[Path]) -> str:
    report = resume(agent, run, [films.now], priors, INDICATION)
    return report.model_copy(update={"trace": None}).model_dump_json()


def places(first: int, after: int, count: int) -> list[int]:
    """So many places in a file, one in each of as many equal parts; the same each time."""
    draw = random.Random(4)
    parts = [first + (after - first) * number // count for number in range(count + 1)]
    return [draw.randrange(start, end) for start, end in pairwise(parts)]


@pytest.mark.slow
@pytest.mark.parametrize(("which", "cuts"), [("alone", 24), ("whole", 8)])
def test_cut_off_anywhere_it_ends_the_same(
    which: str,
    cuts: int,
    agent: Agent,
    films: Films,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    never: Whole = request.getfixturevalue(which)
    priors = [films.before] if which == "whole" else []
    data = (never.trace.directory / LINES).read_bytes()
    first = data.index(b"\n") + 1
    expected = never.report.model_copy(update={"trace": None}).model_dump_json()
    story = told(never.trace)
    for number, size in enumerate(places(first, len(data) - 1, cuts)):
        run = cut(never.trace, size, tmp_path / str(number))
        acknowledged = data[: data[:size].rfind(b"\n") + 1]
        assert go_on(agent, run, films, priors) == expected, size
        after = read_trace(run)
        assert (run / LINES).read_bytes().startswith(acknowledged), size
        assert told(after) == story, size
        found = verify(after)
        assert found.intact, (size, found.problems)
        assert found.finished
        assert sum(isinstance(event, RunResumed) for event in after.events) == 1
        shutil.rmtree(run)


def test_cut_off_twice(agent: Agent, films: Films, whole: Whole, tmp_path: Path) -> None:
    data = (whole.trace.directory / LINES).read_bytes()
    run = cut(whole.trace, len(data) // 3, tmp_path)
    again = go_on(agent, run, films, [films.before])
    lines = (run / LINES).read_bytes().splitlines(keepends=True)
    assert len(lines) > 40
    (run / LINES).write_bytes(b"".join(lines[:-5]))
    (run / HEAD).unlink()
    assert go_on(agent, run, films, [films.before]) == again
    assert verify(read_trace(run)).intact


@pytest.mark.slow
@pytest.mark.parametrize("lines", [1, 9, 40, 100])
def test_killed_for_real_and_gone_on_with_by_name_alone(
    lines: int, films: Films, whole: Whole, tmp_path: Path
) -> None:
    traces, env = tmp_path / "traces", {"CXR_AGENT_STATE": str(tmp_path / "state")}
    command = ["read", str(films.now), "--prior", str(films.before), "--indication", INDICATION]
    process = subprocess.Popen(
        [sys.executable, *MODULE, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(traces, **env),
    )
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if sum(f.read_bytes().count(b"\n") for f in traces.glob(f"*/{LINES}")) >= lines:
            break
        time.sleep(0.0005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (run,) = [folder for folder in traces.iterdir() if folder.is_dir()]
    kept = tmp_path / "state" / "unfinished" / f"{run.name}.json"
    if read_trace(run).finished is None:
        assert kept.stat().st_mode & 0o077 == 0
        assert str(films.now) not in (run / LINES).read_text()
        done = run_program("resume", "last", "--json", traces=traces, env=env)
        assert done.status == 0, done.err
        sections = {n: done.json[n] for n in ("findings", "impression", "comparison", "evidence")}
        expected = whole.report.model_dump(mode="json")
        assert sections == {name: expected[name] for name in sections}
    assert verify(read_trace(run)).finished
    assert not kept.exists()


def test_a_finished_run_leaves_nothing_in_the_state_folder(whole: Whole, state: Path) -> None:
    assert places_of(whole.trace.directory) is None
    assert [f for f in (state / "unfinished").glob("*") if whole.trace.run_id in f.name] == []


def refused(agent: Agent, run: Path, *films: Path) -> CxrAgentError:
    with pytest.raises(CxrAgentError) as caught:
        resume(agent, run, films[:1], films[1:], INDICATION)
    return caught.value


def test_what_cannot_be_gone_on_with(
    agent: Agent, films: Films, whole: Whole, tmp_path: Path
) -> None:
    data = (whole.trace.directory / LINES).read_bytes()
    both = (films.now, films.before)
    assert refused(agent, whole.trace.directory, *both).code == "run_is_finished"
    run = cut(whole.trace, len(data) // 2, tmp_path / "a")
    error = refused(agent, run)
    assert (type(error), error.code) == (UsageError, "films_unknown")
    assert refused(agent, run, films.before).code == "film_changed"
    changed = bytearray((run / LINES).read_bytes())
    changed[len(changed) // 3] ^= 1
    (run / LINES).write_bytes(changed)
    assert isinstance(refused(agent, run, *both), TraceError)
    run = cut(whole.trace, len(data) // 2, tmp_path / "b")
    writer, _ = TraceWriter.resume(run)
    with writer:
        error = refused(agent, run, *both)
    assert (type(error), error.code) == (OutputError, "trace_in_use")


def test_other_options_are_refused_by_name(films: Films, whole: Whole, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[thresholds]\nctr_pa = 0.6\n")
    data = (whole.trace.directory / LINES).read_bytes()
    run = cut(whole.trace, len(data) // 2, tmp_path)
    with Agent(traces=tmp_path / "t", config=config, model="none") as other:
        error = refused(other, run, films.now, films.before)
    assert error.code == "other_options"
    assert "thresholds" in error.message


def test_places_of_another_run_of_that_name_are_not_taken(tmp_path: Path) -> None:
    run = tmp_path / "one" / "20240101T000000Z-00000000"
    keep_places(Places(run=run, films=(Path("/f"),)))
    assert places_of(run) is not None
    assert places_of(tmp_path / "two" / run.name) is None


def test_a_state_folder_that_cannot_be_written_costs_no_reading(
    monkeypatch: pytest.MonkeyPatch, agent: Agent, films: Films
) -> None:
    monkeypatch.setenv("CXR_AGENT_STATE", "/proc/nowhere")
    assert agent.read(films.now).status == "complete"


def test_places_that_do_not_fit_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "")

    state = tmp_path / "state"
    monkeypatch.setenv("CXR_AGENT_STATE", str(state))
    monkeypatch.setattr(Path, "replace", full)
    run = tmp_path / "20240101T000000Z-00000000"
    keep_places(Places(run=run, films=(Path("/f"),)))
    assert places_of(run) is None
    assert [path for path in state.rglob("*") if path.is_file()] == []


class Model:
    """Plans three calls one by one and words one finding."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, request: Request) -> Reply:
        self.asked += 1
        messages = request.body["messages"]
        if "tools" not in request.body:
            return Reply.said("NOT KNOWN")
        done = sum(message["role"] == "tool" for message in messages)
        wanted = ["measure_ctr", "measure_rotation", "measure_inclusion"][done : done + 1]
        return Reply.calls([(name, {"film": "img-1"}) for name in wanted or ["finish"]][:1])


@pytest.mark.slow
def test_what_a_language_model_decided_is_not_asked_again(films: Films, tmp_path: Path) -> None:
    model = Model()
    with (
        StubServer(model) as server,
        Agent(traces=tmp_path / "t", model="openai/stub", api_base=server.url) as agent,
    ):
        whole = agent.read(films.now)
        assert whole.trace is not None
        trace = read_trace(Path(whole.trace))
        needed = model.asked
        lines = (trace.directory / LINES).read_bytes().splitlines(keepends=True)
        calls = [n for n, event in enumerate(trace.events) if isinstance(event, ModelCalled)]
        for number, kept in enumerate((calls[1] + 1, calls[2] + 4, len(lines) - 2)):
            run = cut(trace, sum(map(len, lines[:kept])), tmp_path / str(number))
            before = model.asked
            report = resume(agent, run, [films.now])
            assert model.asked - before < needed
            assert [s.text for s in report.findings] == [s.text for s in whole.findings]
            assert report.impression == whole.impression
            assert verify(read_trace(run)).intact
        assert model.asked - before == 0  # the last cut came after all that it said
