"""CXReasonBench answered from evidence, on cases made from phantoms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxr_agent import Measurer
from cxr_agent.errors import InputError
from cxr_agent.evaluation.cxreasonbench.files import BenchmarkFolder
from cxr_agent.evaluation.cxreasonbench.look import ByEvidence, Looker
from cxr_agent.evaluation.cxreasonbench.options import options_of, same_choice
from cxr_agent.evaluation.cxreasonbench.rules import rules
from cxr_agent.evaluation.cxreasonbench.runner import CaseScores, Runner
from cxr_agent.evaluation.cxreasonbench.scores import adjusted, score
from cxr_agent.testing.phantom.spec import PhantomSpec
from tests.cli.program import run_program
from tests.evaluation.benchmark import RIGHT, write_case, write_films

SPEC = PhantomSpec(thorax_width=0.72)
STAGES = ("init", "criteria", "bodypart", "measurement", "final")
CASES = ("case", "plain", *STAGES)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """(benchmark, films, masks): a right case per task, and for one task a false key per stage."""
    root = tmp_path_factory.mktemp("benchmark")
    films, masks, phantom = write_films(root, CASES, SPEC)
    for task in RIGHT:
        write_case(root, task, "case", phantom)
    for stage in STAGES:
        write_case(root, "carina_angle", stage, phantom, wrong=stage)
    write_case(root, "carina_angle", "plain", phantom)
    cases = {task: ["case"] for task in RIGHT}
    cases["carina_angle"] = ["case", *STAGES]
    (root / "dx_by_dicoms.json").write_text(json.dumps(cases))
    return root, films, masks


Answers = tuple[Path, dict[str, list[CaseScores]]]


@pytest.fixture(scope="module")
def answered(made: tuple[Path, Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Answers:
    root, films, masks = made
    out = tmp_path_factory.mktemp("answers")
    with Measurer() as measurer:
        folder = BenchmarkFolder(root)
        runner = Runner(folder, ByEvidence(films, Looker(measurer, masks)), "cxr-agent")
        scores = {
            task: [runner.answer(task, case, out) for case in cases]
            for task, cases in folder.cases.items()
        }
    return out, scores


def record(out: Path, task: str, case: str) -> dict[str, dict[str, str]]:
    path = out / "inference/reasoning/cxr-agent" / task / f"{case}.json"
    found: dict[str, dict[str, str]] = json.loads(path.read_text())
    return found


def test_rules_are_for_all_twelve_tasks() -> None:
    assert set(rules()) == set(RIGHT)


@pytest.mark.parametrize("task", sorted(RIGHT))
def test_every_stage_of_every_task_is_answered_right(answered: Answers, task: str) -> None:
    out, _ = answered
    found = record(out, task, "case")
    stages = {name.removeprefix("stage-").rstrip("_0") for name in found if "stage-" in name}
    assert stages == set(STAGES), found
    final = found["stage-final"]
    assert same_choice(final["response"], final["answer"], any_of=True)
    assert "VALUE: " in final["response"]
    assert set(final) == {"query", "response", "answer"}


def test_all_right_cases_are_complete_deep_consistent_and_aligned(
    answered: Answers,
) -> None:
    _, scores = answered
    for task, cases in scores.items():
        if task == "carina_angle":
            continue
        one = score(case.reasoning for case in cases)
        assert one.completion == pytest.approx(adjusted(1, 1)), task
        assert one.depth == 4
        assert one.alignment == pytest.approx(adjusted(1, 1))


@pytest.mark.parametrize("stage", STAGES[1:])
def test_a_false_key_ends_the_case_at_its_stage(answered: Answers, stage: str) -> None:
    out, _ = answered
    found = record(out, "carina_angle", stage)
    reached = [n.removeprefix("stage-").rstrip("_0") for n in found if n.startswith("stage-")]
    assert reached == list(STAGES[: STAGES.index(stage) + 1])


def test_a_wrong_first_answer_goes_on_all_the_same(
    answered: Answers,
) -> None:
    assert "stage-final" in record(answered[0], "carina_angle", "init")


def test_what_is_not_measured_is_not_known_and_is_guided(
    made: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    root, films, _ = made
    with Measurer() as measurer:  # without outlines of the airways
        folder = BenchmarkFolder(root)
        runner = Runner(folder, ByEvidence(films, Looker(measurer)), "cxr-agent")
        scores = [
            runner.answer("carina_angle", case, tmp_path) for case in folder.cases["carina_angle"]
        ]
    reasoning = score(case.reasoning for case in scores)
    assert (reasoning.unknown, reasoning.completion) == (6, None)
    assert all(case.guidance is not None for case in scores)
    found = record(tmp_path, "carina_angle", "case")
    assert "I don't know" in found["stage-init"]["response"]
    assert "mask_missing" in found["stage-init"]["response"]


def test_a_folder_that_is_no_benchmark(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        BenchmarkFolder(tmp_path)
    assert caught.value.code == "not_a_benchmark"


@pytest.mark.parametrize("name", ["../../x", "a/b", ".hidden", ""])
def test_no_case_is_named_after_a_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "dx_by_dicoms.json").write_text(json.dumps({"rotation": [name]}))
    with pytest.raises(InputError) as caught:
        BenchmarkFolder(tmp_path)
    assert caught.value.code == "not_a_benchmark"


def test_malformed_questions_are_named(made: tuple[Path, Path, Path], tmp_path: Path) -> None:
    (tmp_path / "dx_by_dicoms.json").write_text('{"rotation": ["x"]}')
    place = tmp_path / "qa/rotation/path1/init/basic/x.json"
    place.parent.mkdir(parents=True)
    place.write_text('{"question": 3}')
    with pytest.raises(InputError) as caught:
        BenchmarkFolder(tmp_path).question("rotation", "path1", "init", "x")
    assert caught.value.code == "bad_question"


def test_options_and_choices() -> None:
    found = options_of("Which? (a) [0.45, 0.50] (b) 3-5 ribs, (c) I don't know")
    assert [str(one) for one in found] == ["(a) [0.45, 0.50]", "(b) 3-5 ribs", "(c) I don't know"]
    assert found[0].numbers == (0.45, 0.5)
    assert found[1].numbers == (3, 5)
    assert same_choice("FINAL ANSWER: (a) Yes\nwhy (b)", "(a) Yes")
    assert not same_choice("FINAL ANSWER: (a) Yes", "(a) Yes, (b) No")
    assert same_choice("FINAL ANSWER: (a) Yes", "(a) Yes, (b) No", any_of=True)


def test_adjusted_wilson_is_the_benchmarks() -> None:
    # 8 of 10: centre 0.7167, interval 0.4902 to 0.9433 (Wilson), less 1.96 x 0.2266
    assert adjusted(8, 10) == pytest.approx(0.7167 - 1.96 * 0.22655, abs=2e-4)


def test_the_command_keeps_answers_and_scores(
    made: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    root, films, _ = made
    done = run_program(
        *("eval", "cxreasonbench", "--data", str(root), "--films", str(films)),
        *("--out", str(tmp_path / "out"), "--limit", "4", "--resamples", "20", "--json"),
        traces=tmp_path,
    )
    assert done.status == 0, done.err
    assert [one["system"] for one in done.json["counts"]] == [
        "cxr-agent",
        "question-only",
        "random",
    ]
    depths = {
        one["system"]: one["value"]
        for one in done.json["estimates"]
        if (one["name"], one["about"]) == ("depth", "reasoning, all")
    }
    assert depths["cxr-agent"] > (depths["question-only"] or 0)
    assert depths["cxr-agent"] > (depths["random"] or 0)
    kept = tmp_path / "out/traces/inference/reasoning"
    assert sorted(one.name for one in kept.iterdir()) == ["cxr-agent", "question-only", "random"]
    assert len(list((kept / "cxr-agent").rglob("*.json"))) == 4
