"""The tasks over films, on a few drawn ones, judged by what is known of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxr_agent.cli.evaluation import evaluate as command
from cxr_agent.errors import ConfigError, UsageError
from cxr_agent.evaluation.runs import Chosen, Estimate, EvaluationResult, evaluate
from cxr_agent.evaluation.tasks import TASKS, TaskOptions, task_named
from cxr_agent.evaluation.tasks.planners import planner_named, read_script
from cxr_agent.toolbox.registry import built_in
from cxr_agent.trace import Trace, verify
from tests.cli.program import run_program

FEW = Chosen(resamples=20)


def ran(name: str, out: Path, options: TaskOptions) -> EvaluationResult:
    task = task_named(name, options)
    try:
        result = evaluate(task, out, FEW)
    finally:
        task.close()
    for count in result.counts:
        assert count.failed == 0, (out / "failures.txt").read_text()
    return result


def of(result: EvaluationResult, name: str, system: str, about: str = "") -> Estimate:
    (found,) = (
        one
        for one in result.estimates
        if (one.name, one.system, one.about) == (name, system, about)
    )
    return found


def test_planners_side_by_side(own_set: Path, tmp_path: Path) -> None:
    script = tmp_path / "ratio.json"
    calls = [
        {"tool": "segment_anatomy", "arguments": {"film": "img-1"}},
        [{"tool": "measure_ctr", "arguments": {"film": "img-1"}}],
    ]
    script.write_text(json.dumps(calls))
    planners = f"protocol,first-look,random,scripted:{script}"
    result = ran("planners", tmp_path / "run", TaskOptions(own_set, planner=planners))
    measured = "cardiothoracic ratio measured"
    assert of(result, measured, "protocol").value == 1
    assert of(result, measured, "first-look").value == 0
    assert of(result, measured, "scripted ratio").value == 1
    error = of(result, "error of the cardiothoracic ratio", "protocol")
    assert error.value is not None
    assert error.value < 0.05
    assert error.groups == 3
    steps = [
        of(result, "tool calls", one).value for one in ("first-look", "scripted ratio", "protocol")
    ]
    assert steps == sorted(steps, key=lambda one: one or 0)
    balanced = of(result, "balanced accuracy", "protocol", "cardiomegaly").value
    assert balanced is not None
    assert balanced >= 0.7
    assert str(tmp_path) not in (tmp_path / "run" / "result.json").read_text()
    traces = list((tmp_path / "run" / "traces").iterdir())
    assert len(traces) == 16
    assert all(verify(Trace.load(one)).intact for one in traces)
    ran_scripts = {Trace.load(one).started.planner for one in traces if "scripted" in one.name}  # type: ignore[union-attr]
    assert ran_scripts == {"scripted ratio"}


def test_faithful_reports_and_a_template(own_set: Path, tmp_path: Path) -> None:
    result = ran("faithfulness", tmp_path / "run", TaskOptions(own_set, limit=2))
    assert of(result, "sentences supported", "protocol").value == 1
    assert of(result, "claims contradicted by evidence", "protocol").value == 0
    template = of(result, "sentences supported", "normal-template").value
    assert template is not None
    assert template < 0.5
    for kind in ("other number", "added finding"):
        assert of(result, "planted faults refused by the gate", "protocol", kind).value == 1


def test_reports_against_references(own_set: Path, tmp_path: Path) -> None:
    result = ran("reports", tmp_path / "run", TaskOptions(own_set))
    assert {one.system for one in result.counts} == {
        "protocol",
        "normal-template",
        "another-patient",
    }
    ours = of(result, "label F1, micro", "protocol", "14 labels").value
    template = of(result, "label F1, micro", "normal-template", "14 labels").value
    assert ours is not None
    assert template is not None
    assert ours > template


def test_cost_counts_what_was_done(own_set: Path, tmp_path: Path) -> None:
    result = ran("cost", tmp_path / "run", TaskOptions(own_set, limit=1))
    (trace,) = (tmp_path / "run" / "traces").iterdir()
    calls = sum(event.type == "tool_returned" for event in Trace.load(trace))
    assert of(result, "tool calls", "protocol").value == calls
    assert of(result, "tokens", "protocol").value == 0
    assert of(result, "cost", "protocol").value == 0


def test_a_changed_heart_is_told_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    result = ran("comparison", tmp_path / "run", TaskOptions(Path("phantoms:3"), seed=1))
    about = "cardiothoracic ratio"
    assert of(result, "change told where there is none", "protocol", about).value == 0
    assert of(result, "change told where there is none", "no-change", about).value == 0
    assert of(result, "told", "protocol", about).value == 1
    found = of(result, "change told where there is none", "two-readings", about).value
    assert found is not None
    assert found > 0


def test_dated_films_are_compared_by_their_labels(own_set: Path, tmp_path: Path) -> None:
    result = ran("comparison", tmp_path / "run", TaskOptions(own_set))
    assert (result.cases, result.groups) == (1, 1)
    about = "cardiothoracic ratio"
    assert of(result, "changes told with the right sign", "protocol", about).value == 1
    assert of(result, "changes told with the right sign", "no-change", about).value == 0


def test_films_alike_and_films_of_the_patient(own_set: Path, tmp_path: Path) -> None:
    result = ran("retrieval", tmp_path / "run", TaskOptions(own_set))
    large = of(result, "share of films with it", "random", "cardiomegaly")
    # Either large heart is left out with all films of its patient: 1 of 2, and 1 of 3.
    assert large.value == pytest.approx((1 / 2 + 1 / 3) / 2)
    found = of(result, "another film of the patient found", "embedding", "among the first 5")
    assert (found.value, found.cases) == (1, 1)


def test_the_command_goes_on_where_it_was(own_set: Path, tmp_path: Path) -> None:
    command = ("eval", "cost", "--data", own_set, "--out", tmp_path / "run", "--limit", "1")
    first = run_program(*command, "--resamples", "10", "--json", traces=tmp_path)
    assert first.status == 0, first.err
    again = run_program(*command, "--resamples", "10", "--json", traces=tmp_path)
    assert again.json == first.json
    other = run_program(*command, "--seed", "3", traces=tmp_path)
    assert other.status == 2
    assert other.errors == [("", "evaluation_differs")]


def test_the_tasks_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    command("list")
    assert capsys.readouterr().out.split() == sorted(TASKS)


def test_what_cannot_be_run_is_said(own_set: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown_planner"):
        planner_named("oracle", built_in(), 0)
    with pytest.raises(UsageError, match="no_script"):
        planner_named(f"scripted:{tmp_path / 'none.json'}", built_in(), 0)
    for text in (
        "{}",
        "[1]",
        '[{"tool": "../x"}]',
        '[{"tool": "a", "arguments": {"x": [1]}}]',
        "[",
    ):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(ConfigError, match="bad_script"):
            read_script(tmp_path / "bad.json")
    with pytest.raises(UsageError, match="no_model"):
        task_named("cost", TaskOptions(own_set, planner="llm"))
    with pytest.raises(UsageError, match="bad_phantoms"):
        task_named("comparison", TaskOptions(Path("phantoms:many")))
    with pytest.raises(UsageError, match="unknown_task"):
        task_named("everything", TaskOptions(own_set))
