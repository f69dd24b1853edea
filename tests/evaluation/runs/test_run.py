"""A run answers each case once, whatever ends it, and says what came of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxr_agent.errors import ConfigError, OutputError, UsageError
from cxr_agent.evaluation.runs import Case, Chosen, EvaluationResult, Status, evaluate
from cxr_agent.evaluation.runs.folder import OUTCOMES, opened
from tests.evaluation.runs.made import BROKEN, REFUSED, Numbers

FEW = Chosen(resamples=50)


def task() -> Numbers:
    return Numbers([1, 2, REFUSED, BROKEN, 6], ["a", "a", "b", "c", "d"])


def test_the_result(tmp_path: Path) -> None:
    result = evaluate(task(), tmp_path / "run", FEW)
    ours, chance = result.counts
    assert (ours.done, ours.refused, ours.failed) == (3, 1, 1)
    assert ours.codes == {"internal_error": 1, "not_a_film": 1}
    one, other = result.estimates
    assert (one.system, one.value, one.cases, one.groups) == ("cxr-agent", 3.0, 3, 2)
    assert one.low is not None
    assert one.high is not None
    assert one.low <= 3.0 <= one.high
    assert (other.system, other.value) == ("chance", 0.0)
    assert chance.done == 3
    assert (result.cases, result.groups) == (5, 4)
    kept = EvaluationResult.model_validate_json((tmp_path / "run" / "result.json").read_bytes())
    assert kept == result


def test_what_is_shown_names_nobody_and_holds_no_script(tmp_path: Path) -> None:
    evaluate(task(), tmp_path / "run", FEW)
    for name in ("result.json", "result.html", OUTCOMES, "run.json"):
        assert "MARTHA" not in (tmp_path / "run" / name).read_text()
    assert "MARTHA-3" in (tmp_path / "run" / "cases.jsonl").read_text()
    page = (tmp_path / "run" / "result.html").read_text()
    assert "<script>alert" not in page
    assert "</svg>x" not in page
    assert "default-src &#39;none&#39;" in page
    assert 'href="traces/t-0/"' in page
    assert "Whether larger is better." in page
    for path in (tmp_path / "run" / "cases.jsonl", tmp_path / "run" / OUTCOMES):
        assert path.stat().st_mode & 0o77 == 0


def test_a_second_call_answers_nothing_again(tmp_path: Path) -> None:
    first = evaluate(task(), tmp_path / "run", FEW)
    again = task()
    assert evaluate(again, tmp_path / "run", FEW) == first
    assert again.asked == []


def test_failed_cases_are_answered_again_when_asked(tmp_path: Path) -> None:
    evaluate(task(), tmp_path / "run", FEW)
    again = task()
    result = evaluate(again, tmp_path / "run", Chosen(resamples=0, retry_failed=True))
    assert again.asked == [("cxr-agent", "MARTHA-3"), ("chance", "MARTHA-3")]
    assert result.counts[0].failed == 1


def test_other_settings_or_data_are_another_run(tmp_path: Path) -> None:
    evaluate(task(), tmp_path / "run", FEW)
    other = task()
    other.settings = {"seed": 1}
    with pytest.raises(UsageError, match="other seed"):
        evaluate(other, tmp_path / "run", FEW)
    more = Numbers([1, 2], ["a", "a"])
    with pytest.raises(UsageError, match="other data"):
        evaluate(more, tmp_path / "run", FEW)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match="not_an_evaluation"):
        evaluate(task(), tmp_path, FEW)


def test_what_ended_before_the_run_had_begun_is_begun_again(tmp_path: Path) -> None:
    """By a kill or a full disk after cases.jsonl was written, and before run.json was."""
    whole = evaluate(task(), tmp_path / "whole", FEW)
    cut = tmp_path / "cut"
    cut.mkdir()
    for name in ("lock", "cases.jsonl", ".tmp-0123456789abcdef"):
        (cut / name).write_bytes(b"half of it")
    assert evaluate(task(), cut, FEW).estimates == whole.estimates
    for name in ("cases.jsonl", "run.json"):
        assert (cut / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_what_a_kill_cut_off_is_answered_again(tmp_path: Path) -> None:
    first = evaluate(task(), tmp_path / "run", FEW)
    path = tmp_path / "run" / OUTCOMES
    data = path.read_bytes()
    for cut in range(len(data.rstrip().rpartition(b"\n")[0]) + 2, len(data)):
        path.write_bytes(data[:cut])
        again = task()
        result = evaluate(again, tmp_path / "run", Chosen(resamples=50))
        assert len(again.asked) == 1
        assert result.estimates == first.estimates


def test_damage_in_the_middle_is_said(tmp_path: Path) -> None:
    evaluate(task(), tmp_path / "run", FEW)
    path = tmp_path / "run" / OUTCOMES
    path.write_bytes(path.read_bytes().replace(b'"done"', b'"d\x00ne"', 1))
    with pytest.raises(ConfigError, match="bad_evaluation"):
        evaluate(task(), tmp_path / "run", FEW)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    cases = [Case("a", "a")]
    with (
        opened(tmp_path, "t", {}, cases),
        pytest.raises(OutputError, match="evaluation_in_use"),
        opened(tmp_path, "t", {}, cases),
    ):
        pass


KILLED = """
import os, sys, time
from pathlib import Path
from cxr_agent.evaluation.runs import Chosen, evaluate
from tests.evaluation.runs.made import Numbers
def slowly(*_):
    time.sleep(0.01)
task = Numbers(range(40), [str(n // 2) for n in range(40)], before=slowly)
print("begun", flush=True)
evaluate(task, Path(sys.argv[1]), Chosen(resamples=0))
"""


def test_kill_9_loses_no_outcome_and_none_comes_twice(tmp_path: Path) -> None:
    kept = 0
    for wait in (0.15, 0.3):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, tmp_path / "run"], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(wait)
            os.kill(process.pid, signal.SIGKILL)
        path = tmp_path / "run" / OUTCOMES
        lines = path.read_bytes().count(b"\n") if path.exists() else 0
        assert lines >= kept
        kept = lines
    numbers = Numbers(range(40), [str(n // 2) for n in range(40)])
    evaluate(numbers, tmp_path / "run", Chosen(resamples=0))
    assert len(numbers.asked) == 80 - kept
    lines = [json.loads(one) for one in path.read_bytes().splitlines()]
    assert len({(one["system"], one["case"]) for one in lines}) == len(lines) == 80
    assert {one["status"] for one in lines} == {Status.DONE}
