"""What gates and judges decided, as pairs that a model can be trained on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_agent.evaluation.preferences import (
    Preference,
    as_jsonl,
    pairs_of_rivals,
    pairs_of_run,
)
from cxr_agent.evaluation.tasks.planners import planner_named
from cxr_agent.language import ModelSettings
from cxr_agent.reading import Agent
from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.testing.stub_server import Reply, Request, StubServer
from cxr_agent.toolbox.registry import built_in
from cxr_agent.trace import Trace
from tests.cli.program import run_program

LIE = "Cardiothoracic ratio 0.91."


def liar(request: Request) -> Reply:
    """Finishes at once, then words the ratio wrongly."""
    if "tools" in request.body:
        tools = any(one["role"] == "tool" for one in request.body["messages"])
        wanted = ("finish", {}) if tools else ("measure_ctr", {"film": "img-1"})
        return Reply.calls([wanted])
    evidence = request.body["messages"][-1]["content"]
    found = re.search(r"(e\d+) measurement cardiothoracic_ratio", evidence)
    assert found is not None
    return Reply.said(f"FINDINGS: {LIE} [{found[1]}]\nIMPRESSION: {LIE} [{found[1]}]")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One phantom with a large heart, read by a liar, by the protocol, and by hardly anybody."""
    folder = tmp_path_factory.mktemp("runs")
    film = folder / "film.png"
    pixels = draw(PhantomSpec(cardiothoracic_ratio=0.62), 512).pixels
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(film)
    with StubServer(liar) as server:
        settings = ModelSettings(name="openai/stub", api_base=server.url)
        with Agent(traces=folder / "traces", model=settings) as agent:
            agent.read(film)
    for name in ("protocol", "first-look"):
        planner = planner_named(name, built_in(), 0)
        with Agent(traces=folder / "traces", planner=planner, model="none") as agent:
            agent.read(film)
    return folder / "traces"


def by_planner(runs: Path, planner: str) -> Trace:
    found = [Trace.load(one) for one in sorted(runs.iterdir())]
    (one,) = (t for t in found if t.started is not None and t.started.planner.startswith(planner))
    return one


def test_a_lie_is_rejected_for_what_was_said_instead(runs: Path) -> None:
    pairs = list(pairs_of_run(by_planner(runs, "llm")))
    sentences = [one for one in pairs if one.level == "sentence"]
    assert sentences
    for one in sentences:
        assert one.rejected == LIE
        assert "0.91" not in one.chosen
        assert "0.6" in one.chosen
        assert "number" in one.reason
        assert "ardiothoracic ratio 0.6" in one.prompt
    (report,) = (one for one in pairs if one.level == "report")
    assert LIE in report.rejected
    assert LIE not in report.chosen


def test_rules_are_let_out_and_give_no_pair(runs: Path) -> None:
    assert list(pairs_of_run(by_planner(runs, "protocol"))) == []
    assert list(pairs_of_run(by_planner(runs, "first look"))) == []


def test_of_two_reports_on_a_film_the_one_with_fewer_errors_is_chosen(runs: Path) -> None:
    protocol, other = by_planner(runs, "protocol 6"), by_planner(runs, "llm")
    found = list(
        pairs_of_rivals([protocol, other], lambda text, _: float(text.count("Interpulmonary")))
    )
    (pair,) = found
    assert pair.run_ids == (other.run_id, protocol.run_id)
    assert "Interpulmonary" in pair.rejected
    assert list(pairs_of_rivals([protocol])) == []
    assert list(pairs_of_rivals([protocol, other], lambda *_: 1.0)) == []


def test_what_is_left_out_is_an_error_to_the_judge_that_is_built_in(runs: Path) -> None:
    traces = [Trace.load(one) for one in sorted(runs.iterdir())]
    for pair in pairs_of_rivals(traces):
        assert pair.judge == "check_report"
        assert pair.chosen != pair.rejected
        assert float(pair.reason.split()[0]) > 0


def test_the_command(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "pairs.jsonl"
    ran = run_program("preferences", runs, "--out", out, "--json", traces=tmp_path)
    assert ran.status == 0, ran.err
    lines = [json.loads(one) for one in out.read_text().splitlines()]
    assert ran.json["runs"] == 3
    assert ran.json["of_gates"] >= 2
    for line in lines:
        assert {"prompt", "chosen", "rejected"} <= line.keys()
        assert str(runs) not in json.dumps(line)
        Preference.model_validate(line)
    (tmp_path / "none").mkdir()
    nothing = run_program("preferences", "--out", out, traces=tmp_path / "none")
    assert nothing.status == 2
    assert nothing.errors == [("", "no_runs")]


def test_a_pair_is_written_once(runs: Path) -> None:
    pairs: list[Any] = list(pairs_of_run(by_planner(runs, "llm")))
    assert as_jsonl([*pairs, *pairs]) == as_jsonl(pairs)
