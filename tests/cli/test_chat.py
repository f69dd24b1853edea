"""The chat as a user meets it: piped, on a terminal, interrupted, gone on with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_agent.chat.commands import COMMANDS
from cxr_agent.testing.stub_server import Reply, StubServer
from cxr_agent.trace import Answered, RunFinished, RunResumed, find_trace, read_trace, verify

from .program import MODULE, Films, environment, run_program

NOTICE = "Research use only. Preliminary and unverified; not a diagnosis and not for patient care."


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    return {"CXR_AGENT_STATE": str(tmp_path / "state")}


def chat(
    *arguments: str | os.PathLike[str], typed: str, traces: Path, state: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Pipe lines into a chat."""
    return subprocess.run(
        [sys.executable, *MODULE, "chat", *map(os.fspath, arguments)],
        input=typed,
        capture_output=True,
        text=True,
        env=environment(traces, **state),
        timeout=120,
        check=False,
    )


def test_one_question(films: Films, tmp_path: Path, state: dict[str, str]) -> None:
    ran = run_program("ask", films["grey8.png"], "what is the CTR?", traces=tmp_path, env=state)
    assert ran.status == 0
    assert ran.out.startswith("Cardiothoracic ratio 0.")
    assert NOTICE in ran.out
    assert " s" in ran.out.splitlines()[0]


def test_one_question_as_json(films: Films, tmp_path: Path, state: dict[str, str]) -> None:
    ran = run_program(
        "ask", films["grey8.png"], "hiatal hernia?", "--json", traces=tmp_path, env=state
    )
    assert ran.status == 0
    record = json.loads(ran.out)
    assert (record["intent"], record["worded_by"]) == ("presence", "rule")
    (sentence,) = record["sentences"]
    assert sentence["text"].endswith("hiatal hernia.")
    assert [item["id"] for item in record["evidence"]] == sentence["evidence"]
    assert record["notice"] == NOTICE
    assert verify(read_trace(Path(record["trace"]))).intact
    assert not (tmp_path / "state").exists()


def test_one_question_about_no_film(films: Films, tmp_path: Path, state: dict[str, str]) -> None:
    ran = run_program("ask", films.folder / "none.png", "ctr?", traces=tmp_path, env=state)
    assert ran.status == 3
    assert "[file_not_found]" in ran.err
    assert "Traceback" not in ran.err


LINES = """is the heart enlarged?
why?
show me the heart
write a poem
/evidence e3
/why cardiac
/trace
/tools
/overlay
/prior
/measure costophrenic_angle
/measure nonsense
/correct finding pleural_effusion absent sharp angles
/correct nothing
/redo measure_ctr
/redo without assess_familiarity
/report
/save {folder}/report.html
/save {folder}/report.xyz
/model
/cost
/help
/nothing
/quit
never reached
"""


@pytest.fixture(scope="module")
def talked(
    films: Films, tmp_path_factory: pytest.TempPathFactory
) -> subprocess.CompletedProcess[str]:
    folder = tmp_path_factory.mktemp("talked")
    return chat(
        films["grey8.png"],
        "--session",
        "one",
        "--reader",
        "Dr A",
        typed=LINES.format(folder=folder),
        traces=folder / "traces",
        state={"CXR_AGENT_STATE": str(folder / "state")},
    )


def test_every_command_answers(talked: subprocess.CompletedProcess[str]) -> None:
    out, err = talked.stdout, talked.stderr
    assert talked.returncode == 0, err
    assert "Session one; answers by rules." in out
    assert "model: anatomy, weights " in out
    assert "picture: " in out
    assert "I did not understand that" in out
    assert "measure_ctr 2.0" in out
    assert "There is no prior. /prior FILE takes one in." in out
    assert "Costophrenic angle of the right side" in out
    assert "[unknown_measurement]" in err
    assert "No pleural effusion, as the reader put it." in out
    assert "[command_arguments] /correct was not understood" in err
    assert "Run again: measure_ctr" in out
    assert "No longer counts: " in out
    assert "CHEST RADIOGRAPH REPORT" in out
    assert "Decided by the reader in place of the tools: pleural effusion." in out
    assert "[unknown_ending]" in err
    assert "Answers are worded by rules." in out
    assert "0 tokens" in out
    assert "/evidence [ID]\n" in out
    assert "[unknown_command]" in err
    assert "never reached" not in out + err
    assert "Traceback" not in err


def test_every_command_is_in_the_help(talked: subprocess.CompletedProcess[str]) -> None:
    for name in COMMANDS:
        assert f"\n/{name}" in talked.stdout


def test_a_session_goes_on(films: Films, tmp_path: Path, state: dict[str, str]) -> None:
    traces = tmp_path / "traces"
    first = chat(films["grey8.png"], typed="what is the ctr?\n", traces=traces, state=state)
    assert first.returncode == 0, first.stderr
    again = chat("--continue", typed="why?\n", traces=traces, state=state)
    assert again.returncode == 0, again.stderr
    assert "formula: width of the heart" in again.stdout
    trace = read_trace(find_trace(traces, "last"))
    assert verify(trace).intact
    assert [type(e).__name__ for e in trace.events if isinstance(e, RunFinished | RunResumed)] == [
        "RunFinished",
        "RunResumed",
        "RunFinished",
    ]
    assert [e.turn for e in trace.events if isinstance(e, Answered)] == [1, 2]


def test_a_session_goes_on_without_its_film(
    films: Films, tmp_path: Path, state: dict[str, str]
) -> None:
    film = tmp_path / "film.png"
    shutil.copy(films["grey8.png"], film)
    traces = tmp_path / "traces"
    assert chat(film, typed="", traces=traces, state=state).returncode == 0
    film.unlink()
    again = chat("-c", typed="ctr?\n/measure lung_area\n", traces=traces, state=state)
    assert again.returncode == 0, again.stderr
    assert "The films are not where they were" in again.stdout
    assert "Cardiothoracic ratio 0." in again.stdout


def test_a_prior_can_come_later_and_stays(
    films: Films, tmp_path: Path, state: dict[str, str]
) -> None:
    traces = tmp_path / "traces"
    lines = (
        f"/prior {films['wide.png']}",
        "/prior",
        "compare with the prior",
        f"/prior {films['grey8.png']}",
        "",
    )
    typed = "\n".join(lines)
    first = chat(films["grey8.png"], "--session", "p", typed=typed, traces=traces, state=state)
    assert first.returncode == 0, first.stderr
    assert "prior-1: view UNKNOWN" in first.stdout
    assert "On prior-1: the cardiac silhouette" in first.stdout
    assert "[duplicate_film]" in first.stderr
    again = chat("-c", "--session", "p", typed="/prior\n/report\n", traces=traces, state=state)
    assert again.returncode == 0, again.stderr
    assert "prior-1: view UNKNOWN" in again.stdout
    assert "COMPARISON" in again.stdout
    assert verify(read_trace(find_trace(traces, "last"))).intact


def test_a_line_of_json_for_each_line(films: Films, tmp_path: Path, state: dict[str, str]) -> None:
    typed = "what is the ctr?\n\n/cost\n/nothing\nwrite a poem\n"
    ran = chat(films["grey8.png"], "--json", typed=typed, traces=tmp_path, state=state)
    assert ran.returncode == 0, ran.stderr
    first, cost, wrong, poem = map(json.loads, ran.stdout.splitlines())
    assert first["sentences"][0]["text"].startswith("Cardiothoracic ratio")
    assert cost["lines"] == ["0 tokens, 0.0000 US dollars where the price is known."]
    assert wrong["error"]["code"] == "unknown_command"
    assert poem["understood"] is False


def test_wrong_ways_in(films: Films, tmp_path: Path, state: dict[str, str]) -> None:
    for arguments, code in (
        ([], "no_film"),
        (["--continue"], "no_session"),
        (["--continue", "--session", "x"], "no_session"),
        ([films["grey8.png"], "--session", "../x"], "bad_session_name"),
        ([films["grey8.png"], "--model", "nonsense"], "bad_model_name"),
        ([films["grey8.png"], "--privacy", "some"], "bad_privacy"),
    ):
        ran = run_program("chat", *arguments, traces=tmp_path, env=state)
        assert ran.status == 2, (code, ran.err)
        assert f"[{code}]" in ran.err


def test_a_model_answers_on_the_command_line(
    films: Films, tmp_path: Path, state: dict[str, str]
) -> None:
    script = [
        Reply.calls([("finish", {})]),
        Reply.said("NOT KNOWN"),
        Reply.calls([("measure_ctr", {"film": "img-1"})]),
        Reply.calls([("finish", {})]),
        Reply.said("It may be pneumonia. [e3]"),
    ]
    with StubServer(script) as server:
        ran = run_program(
            "ask",
            films["grey8.png"],
            "is Jane's heart large, what is the ratio?",
            "--model",
            "openai/stub",
            "--api-base",
            server.url,
            traces=tmp_path / "traces",
            env=state,
        )
        sent = b"".join(request.raw for request in server.requests)
    assert ran.status == 0, ran.err
    assert "Cardiothoracic ratio 0." in ran.out
    assert "pneumonia" not in ran.out
    assert "1 sentence of the model had no support and was kept back." in ran.out
    for secret in (b"Jane", b"grey8", str(tmp_path).encode(), os.fspath(films.folder).encode()):
        assert secret not in sent


def test_kill_9_loses_nothing_acknowledged(
    films: Films, tmp_path: Path, state: dict[str, str]
) -> None:
    traces = tmp_path / "traces"
    process = subprocess.Popen(
        [sys.executable, *MODULE, "chat", os.fspath(films["grey8.png"])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(traces, **state),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("what is the ctr?\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith("Cardiothoracic ratio"):
            break
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    trace = read_trace(find_trace(traces, "last"))
    assert verify(trace).intact
    again = chat("-c", typed="why?\n", traces=traces, state=state)
    assert again.returncode == 0, again.stderr
    assert "model: anatomy" in again.stdout


class Terminal:
    """A tmux session with one command in it."""

    def __init__(self, name: str, folder: Path) -> None:
        self._socket = folder / "tmux"
        self._name = name
        self.command = ""

    def run(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-S", os.fspath(self._socket), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        ).stdout

    def start(self, command: str) -> None:
        self.run(
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-s",
            self._name,
            "-x",
            "110",
            "-y",
            "60",
            command,
        )

    def keys(self, *keys: str) -> None:
        self.run("send-keys", "-t", self._name, *keys)

    def screen(self) -> str:
        return self.run("capture-pane", "-p", "-S", "-200", "-t", self._name)

    def wait_for(self, text: str, times: int = 1, seconds: float = 40) -> str:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            shown = self.screen()
            if shown.count(text) >= times:
                return shown
            time.sleep(0.1)
        raise AssertionError(f"{text!r} did not come:\n{self.screen()}")

    def end(self) -> None:
        subprocess.run(
            ["tmux", "-S", os.fspath(self._socket), "kill-server"], capture_output=True, check=False
        )


@pytest.fixture
def terminal(films: Films, tmp_path: Path, state: dict[str, str]) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    shown = Terminal("chat", tmp_path)
    shown.command = f"{_program(tmp_path, state)} chat {films['grey8.png']}"
    yield shown
    shown.end()


def ended(terminal: Terminal, traces: Path) -> bool:
    """Leave by Ctrl-D, which a busy program does not hear; whether the run is then finished."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        terminal.keys("C-d")
        time.sleep(0.5)
        if read_trace(find_trace(traces, "last")).finished is not None:
            return True
    return False


def _program(tmp_path: Path, state: dict[str, str]) -> str:
    variables = {**state, "CXR_AGENT_TRACES": str(tmp_path / "traces"), "TERM": "screen"}
    setting = " ".join(f"{name}={value}" for name, value in variables.items())
    return " ".join(["env", setting, sys.executable, *MODULE])


def test_ctrl_c_ends_the_turn_and_not_the_program(terminal: Terminal, tmp_path: Path) -> None:
    finish = [Reply.calls([("finish", {})]), Reply.said("NOT KNOWN")]
    with StubServer([*finish, Reply.said("late").slowly(wait=60)]) as server:
        terminal.start(f"{terminal.command} --model openai/stub --api-base {server.url}; sleep 60")
        terminal.wait_for("cxr>")
        terminal.keys("what is the ctr?", "Enter")
        until = time.monotonic() + 30
        while len(server.requests) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        terminal.keys("C-c")
        terminal.wait_for("(interrupted; the session goes on)")
        terminal.keys("/model none", "Enter")
        terminal.wait_for("Answers are worded by rules.")
        terminal.keys("is the heart enlarged?", "Enter")
        terminal.wait_for("Enlarged cardiac silhouette unlikely, undecided")
        assert ended(terminal, tmp_path / "traces")
    trace = read_trace(find_trace(tmp_path / "traces", "last"))
    assert verify(trace).intact
    words = [e.worded_by for e in trace.events if isinstance(e, Answered)]
    assert words == ["interrupted", "rule"]


def test_on_a_terminal(terminal: Terminal, tmp_path: Path) -> None:
    terminal.start(f"{terminal.command}; sleep 60")
    terminal.wait_for("cxr>")
    terminal.keys("/evid", "Tab")
    terminal.wait_for("cxr> /evidence")
    terminal.keys("C-c")  # empties the line, and the program goes on
    terminal.keys("what is the ctr?", "Enter")
    terminal.wait_for("Cardiothoracic ratio 0.")
    terminal.keys("Up")
    terminal.wait_for("cxr> what is the ctr?", times=2)
    terminal.keys("C-u", "is the heart enlarged", "Enter")
    terminal.wait_for("cardiac silhouette is not enlarged", times=2)
    assert ended(terminal, tmp_path / "traces")
    history = (tmp_path / "state" / "history").read_text()
    assert "what is the ctr?" in history
