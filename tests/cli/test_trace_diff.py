"""Runs of the real program compared, watched and deleted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_agent.trace import RunFinished, RunStarted, TraceWriter, list_traces, read_trace
from cxr_agent.trace.render import to_text

from .conftest import Reading
from .program import MODULE, Films, Ran, environment, run_program


def read(films: Films, traces: Path, name: str = "chest.dcm", *more: str | Path) -> str:
    """Read a film; the id of the run."""
    ran = run_program("read", films[name], "--json", *more, traces=traces)
    assert ran.status == 0, ran.err
    (told,) = ran.json if isinstance(ran.json, list) else [ran.json]
    return str(told["run_id"])


@pytest.fixture(scope="module")
def twice(films: Films, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The same film twice, with another limit, and another film; in one folder of traces."""
    folder = tmp_path_factory.mktemp("twice")
    config = folder / "limits.toml"
    config.write_text("[thresholds]\nctr_pa = 0.4\n")
    traces = folder / "traces"
    return traces, [
        read(films, traces),
        read(films, traces),
        read(films, traces, "chest.dcm", "--config", config),
        read(films, traces, "wide.png"),
    ]


def diff(traces: Path, a: str, b: str, *more: str | Path) -> Ran:
    return run_program("trace", "diff", a, b, *more, traces=traces)


def test_the_same_film_twice_is_no_difference(twice: tuple[Path, list[str]]) -> None:
    traces, (one, again, _, _) = twice
    ran = diff(traces, one, again, "--json")
    assert (ran.status, ran.err) == (0, "")
    assert ran.json["differences"] == []
    assert ran.json["same"]["evidence"] > 20


def test_another_limit_is_seen_in_what_rests_on_it(twice: tuple[Path, list[str]]) -> None:
    traces, (one, _, limits, _) = twice
    told = diff(traces, one, limits, "--json")
    assert told.status == 1
    settings = [d["name"] for d in told.json["differences"] if d["part"] == "settings"]
    assert settings == ["config.thresholds.ctr_pa"]
    steps = {d["name"].partition("(")[0] for d in told.json["differences"] if d["part"] == "steps"}
    assert steps <= {"measure_ctr"}
    evidence = [d for d in told.json["differences"] if d["part"] == "evidence"]
    assert any("cardiomegaly" in d["name"] for d in evidence)
    only = [d["name"] for d in evidence if d["how"] != "changed"]
    assert only == ["img-1: quality thresholds_changed"]


def test_another_film(twice: tuple[Path, list[str]], tmp_path: Path) -> None:
    traces, (one, _, _, other) = twice
    page = tmp_path / "diff.html"
    ran = diff(traces, one, other, "--html", page)
    assert ran.status == 1
    assert "Films (" in ran.out
    assert "pixels: " in ran.out
    html = page.read_text("utf-8")
    assert html.startswith("<!DOCTYPE html>")
    assert "http://" not in html
    assert "https://" not in html
    back = diff(traces, other, one, "--json").json["differences"]
    there = diff(traces, one, other, "--json").json["differences"]
    assert len(back) == len(there)


def test_filters(twice: tuple[Path, list[str]]) -> None:
    traces, runs = twice

    def listed(*arguments: str) -> list[str]:
        return [
            r["name"]
            for r in run_program("trace", "list", "--json", *arguments, traces=traces).json
        ]

    assert listed() == runs[::-1]
    assert listed("--finding", "cardiomegaly", "--limit", "2") == runs[:1:-1]
    assert listed("--slower", "9999") == []
    refused = run_program("trace", "list", "--since", "soon", traces=traces)
    assert refused.status == 2
    assert refused.errors == [("", "bad_date")]


def test_steps_of_a_real_run(text_run: Reading) -> None:
    table = run_program("trace", "show", "--steps", traces=text_run.traces).out
    assert "segment_anatomy" in table
    assert max(map(len, table.splitlines())) <= 80
    steps = run_program("trace", "show", "--steps", "--json", traces=text_run.traces).json["steps"]
    assert [step["step"] for step in steps] == list(range(1, len(steps) + 1))
    number = next(step["step"] for step in steps if step["tool"] == "measure_ctr")
    opened = run_program("trace", "show", "--step", str(number), traces=text_run.traces).out
    assert "cardiac_width_px" in opened
    assert "artifacts/" in opened


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Path, list[subprocess.Popen[str]]]]:
    children: list[subprocess.Popen[str]] = []
    yield tmp_path / "traces", children
    for child in children:
        child.kill()
        child.communicate()


def start(traces: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *MODULE, *map(os.fspath, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(traces),
    )


def test_follow_a_reading(films: Films, watched: tuple[Path, list[subprocess.Popen[str]]]) -> None:
    traces, children = watched
    reading = start(traces, "read", films["chest.dcm"])
    children.append(reading)
    end = time.monotonic() + 60
    while not list_traces(traces) and time.monotonic() < end:
        time.sleep(0.005)
    following = start(traces, "trace", "show", "--follow")
    children.append(following)
    out, err = following.communicate(timeout=60)
    assert (following.returncode, err) == (0, "")
    assert reading.wait(60) == 0
    (header,) = list_traces(traces)
    assert out == to_text(read_trace(header.directory))


def test_follow_ends_with_an_interrupt(
    watched: tuple[Path, list[subprocess.Popen[str]]],
) -> None:
    traces, children = watched
    with TraceWriter.create(traces, "run") as writer:
        following = start(traces, "trace", "show", "--follow", "--json")
        children.append(following)
        assert following.stdout is not None
        time.sleep(0.5)
        writer.append(RunStarted(run_id="run", program_version="1", planner="p"))
        assert json.loads(following.stdout.readline())["event"]["type"] == "run_started"
        following.send_signal(signal.SIGINT)
        _, err = following.communicate(timeout=30)
        assert following.returncode == 130
        assert "Traceback" not in err
        writer.append(RunFinished(status="complete", seconds=1))


def test_gc_keeps_a_reading_that_goes_on(
    films: Films, watched: tuple[Path, list[subprocess.Popen[str]]]
) -> None:
    traces, children = watched
    with TraceWriter.create(traces, "done") as writer:
        writer.append(RunStarted(run_id="done", program_version="1", planner="p"))
    reading = start(traces, "read", films["chest.dcm"])
    children.append(reading)
    collected = 0
    while reading.poll() is None:
        ran = run_program("trace", "gc", "--status", "unfinished", "--yes", "--json", traces=traces)
        assert ran.status == 0, ran.err
        collected += len([one for one in ran.json["removed"] if one["what"] == "run"])
    assert reading.returncode == 0
    assert collected == 1
    (header,) = list_traces(traces)
    assert header.status == "complete"
    assert run_program("trace", "verify", traces=traces).status == 0
