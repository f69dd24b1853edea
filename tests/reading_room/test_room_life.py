"""Studies of a session from the first step to the end, and what is left when a server ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.errors import OutputError, UsageError
from cxr_agent.reading import Agent
from cxr_agent.reading.run import Run
from cxr_agent.reading_room.limits import MB, Limits
from cxr_agent.reading_room.server import Server
from cxr_agent.reading_room.study import SentStudy
from cxr_agent.report.model import Report
from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.trace import Answered, Corrected, RunFinished, read_trace, verify
from tests.cli.program import MODULE, ROOT, environment, levels, run_program
from tests.imaging.films import dicom

from .serving import Visitor, served, until
from .test_room_guard import WORD, held


def directory_of(server: Server, study: str) -> Path:
    found = [one for session in server.sessions._open for one in session.studies]
    (directory,) = [one.directory for one in found if one.name == study]
    assert directory is not None
    return directory


def test_a_study_is_read_asked_corrected_and_ended(
    server: Server, visitor: Visitor, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    lying: list[list[Path]] = []
    read = Run.read

    def watched(run: Run) -> Report:
        lying.append(held(server))
        return read(run)

    monkeypatch.setattr(Run, "read", watched)
    earlier = dicom(levels(draw(PhantomSpec(cardiothoracic_ratio=0.6)).pixels, 12))
    study = visitor.read(film, priors=(earlier,), indication="enlarged heart?")
    assert lying == [[]]  # decoded, and removed before anything else is done
    said = visitor.post(f"/study/{study}/questions", {"text": "Is the heart enlarged?"}).json
    assert said["sentences"]
    assert all(sentence["evidence"] for sentence in said["sentences"])
    said = visitor.post(f"/study/{study}/questions", {"text": "asdf"}).json
    assert [note["code"] for note in said["notes"]] == ["not_understood"]
    done = visitor.post(f"/study/{study}/corrections", WORD).json
    assert done["added"]
    for bad, code in (({"code": "heart"}, "unknown_finding"), ({"film": "img-9"}, "unknown_film")):
        assert visitor.post(f"/study/{study}/corrections", {**WORD, **bad}).code == code
    assert visitor.post(f"/study/{study}/questions", {"text": ""}).code == "bad_request"
    report = json.loads(visitor.get(f"/study/{study}/report.json").text)
    assert report["history"] == "enlarged heart?"
    assert report["trace"] is None
    assert [one["handle"] for one in report["films"]] == ["img-1", "prior-1"]
    assert "# " in visitor.get(f"/study/{study}/report.md").text
    directory = directory_of(server, study)
    assert visitor.post("/leave", {}).status == 200
    assert visitor.get("/").status == 403
    trace = read_trace(directory)
    assert verify(trace).intact
    assert isinstance(trace.events[-1], RunFinished)
    assert sum(isinstance(event, Corrected) for event in trace.events) == 1


def test_a_prior_that_is_none_is_said(visitor: Visitor, film: bytes) -> None:
    outcome = visitor.outcome(visitor.begin(film, priors=(film,)))
    assert outcome["trouble"].startswith("duplicate_film: ")


def test_a_study_that_had_to_be_closed_still_answers(agent: Agent, film: bytes) -> None:
    with served(agent, limits=Limits(open_studies=1)) as server:
        visitor = Visitor(server.guard.port, server.guard.token)
        first, second = visitor.read(film), visitor.read(film)
        page = visitor.get("/").text
        assert (page.count(">open<"), page.count(">closed<")) == (1, 1)
        finished = read_trace(directory_of(server, first)).events[-1]
        assert isinstance(finished, RunFinished)
        for study in (first, second):
            said = visitor.post(f"/study/{study}/questions", {"text": "Is the heart enlarged?"})
            assert said.json["sentences"]
            assert visitor.post(f"/study/{study}/corrections", WORD).status == 200
        trace = read_trace(directory_of(server, first))
        assert verify(trace).intact
        assert any(isinstance(event, Answered) for event in trace.events)
        assert visitor.get(f"/study/{first}/report.json").status == 200


@contextmanager
def readings_held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Readings that wait until they are let go."""
    let_go = threading.Event()
    read = SentStudy.read

    def slowly(self: SentStudy, agent: Agent) -> None:
        let_go.wait(20)
        read(self, agent)

    monkeypatch.setattr(SentStudy, "read", slowly)
    try:
        yield let_go.set
    finally:
        let_go.set()


def test_the_queue_is_short_and_says_so(
    agent: Agent, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(waiting=1, patience_s=0.1)
    with served(agent, limits=limits) as server, readings_held(monkeypatch) as let_go:
        visitor = Visitor(server.guard.port, server.guard.token)
        first = visitor.begin(film)
        until(lambda: not server.desk._waiting.qsize())
        second = visitor.begin(film)
        said = visitor.post("/studies", {"films": [visitor.send(film)]})
        assert (said.status, said.code) == (503, "busy")
        assert said.headers["Retry-After"]
        assert len(held(server)) == 2  # what was not taken is not kept
        assert visitor.get("/").text.count("<tr>") == 3
        states = f"/study/{first}/state", f"/study/{second}/state"
        told: list[str] = []
        waiting = [
            threading.Thread(target=lambda path=path: told.append(visitor.get(path).text))
            for path in states
        ]
        for thread in waiting:
            thread.start()
        time.sleep(0.3)
        threading.Thread(target=visitor.post, args=("/leave", {})).start()
        until(lambda: not server.sessions._open)
        let_go()
        for thread in waiting:
            thread.join()
        assert sum("Waiting, place 1" in text for text in told) == 1
        assert all('"over":true' in text for text in told)


def test_a_session_that_ends_takes_its_readings_along(
    agent: Agent, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(agent) as server, readings_held(monkeypatch) as let_go:
        visitor = Visitor(server.guard.port, server.guard.token)
        before = set(agent.traces.iterdir()) if agent.traces.exists() else set()
        visitor.begin(film)
        visitor.begin(film)
        ending = threading.Thread(target=visitor.post, args=("/leave", {}))
        ending.start()
        until(lambda: not server.sessions._open)
        let_go()
        ending.join()
        until(lambda: not held(server))
    assert (set(agent.traces.iterdir()) if agent.traces.exists() else set()) == before


def test_who_does_not_come_back_is_forgotten(agent: Agent, film: bytes) -> None:
    with served(agent, limits=Limits(idle_s=0.2)) as server:
        visitor = Visitor(server.guard.port, server.guard.token)
        visitor.send(film)
        time.sleep(0.3)
        server.sessions.sweep()
        assert held(server) == []
        assert visitor.get("/").status == 403


def test_ports_and_folders_that_cannot_be_used(
    agent: Agent, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="port_taken"):
        Server(agent, server.guard.port)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CXR_AGENT_STATE", str(tmp_path / "file" / "below"))
    with pytest.raises(OutputError, match="state_not_writable"):
        Server(agent)


class Program:
    """The real program."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, *MODULE, "serve", "--json", "--model", "none", "--device", "cpu"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(folder / "traces", CXR_AGENT_STATE=str(folder / "state"), **more),
            cwd=ROOT,
        )

    @cached_property
    def told(self) -> dict[str, Any]:
        """The line that it prints once it takes requests."""
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))

    @cached_property
    def visitor(self) -> Visitor:
        return Visitor(self.told["port"], self.told["address"].partition("token=")[2])

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def end(self, by: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(by)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err

    @property
    def lying(self) -> list[Path]:
        """Films on the disk."""
        state = self.folder / "state"
        return [path for path in state.rglob("*") if path.is_file() and path.name != ".lock"]


@pytest.mark.slow
def test_what_a_killed_server_left_is_removed_by_the_next(tmp_path: Path, film: bytes) -> None:
    given = {"CXR_AGENT_SERVE_TOKEN": "a-token-of-our-own"}
    with Program(tmp_path) as killed, Program(tmp_path, **given) as living:
        assert living.told["address"].endswith("token=a-token-of-our-own")
        living.visitor.send(film)
        study = killed.visitor.read(film)
        killed.visitor.send(film)
        killed.end(signal.SIGKILL)
        assert len(killed.lying) == 2
        for path in killed.lying:
            assert path.stat().st_mode & 0o077 == 0
            assert all(one.stat().st_mode & 0o077 == 0 for one in list(path.parents)[:3])
        # The next removes what nobody holds, and nothing else.
        with Program(tmp_path) as following:
            # A study of before is nobody's now; its trace is there.
            assert following.visitor.get(f"/study/{study}").status == 404
            assert len(following.lying) == 1
            (run,) = (tmp_path / "traces").iterdir()
            assert verify(read_trace(run)).intact
            # Interrupted or told to end, a server takes everything along.
            following.visitor.send(film)
            assert following.end(signal.SIGTERM) == (0, "", "")
            assert living.end(signal.SIGINT) == (0, "", "")
    assert living.lying == []
    assert [one.name for one in (tmp_path / "state" / "uploads").iterdir()] == [".lock"]


def test_options_of_the_page_do_not_stand_before_another_server(tmp_path: Path) -> None:
    ran = run_program("serve", "--port", "3", "mcp", "--films", os.curdir, traces=tmp_path)
    assert ran.status == 2
    assert ran.errors == [("", "option_of_the_page")]


def test_the_page_says_where_films_may_go(
    agent: Agent, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Films stay on this machine." in visitor.get("/").text
    monkeypatch.setattr(agent.setup.host, "allow_remote", True)
    page = visitor.get("/").text
    assert "Films stay on this machine." not in page
    assert "on other machines" in page


def test_the_docs_tell_the_codes_and_the_limits() -> None:
    docs = (ROOT / "docs" / "serve.md").read_text()
    sources = [
        *(ROOT / "cxr_agent" / "reading_room").glob("*.py"),
        ROOT / "cxr_agent" / "viewing" / "answering.py",
        ROOT / "cxr_agent" / "cli" / "serve_page.py",
    ]
    code = "\n".join(path.read_text() for path in sources)
    raised = set(re.findall(r'(?:HTTPStatus\.\w+,|Usage|Output\w+\(|Error\()\s*"([a-z_]+)"', code))
    raised -= {"internal_error"}
    assert len(raised) > 15
    assert [one for one in sorted(raised) if f"`{one}`" not in docs] == []
    limits = Limits()
    for told in (
        f"{limits.upload_bytes // MB} MB, `--max-upload`",
        f"{limits.session_bytes // MB} MB, `--max-disk`",
        f"| films of a study, and films that wait | {limits.files} |",
        f"| studies of a session | {limits.studies} |",
        f"| studies that wait to be read, of all | {limits.waiting} |",
        f"| sessions | {limits.sessions} |",
        f"| connections | {limits.connections} |",
        f"{limits.uploads.count}, {limits.readings.count}, {limits.questions.count}; ",
        f"| visits with a token a minute, of all | {limits.visits.count} |",
        f"| a session that nobody uses | {limits.idle_s / 3600:g} h |",
    ):
        assert told in docs
