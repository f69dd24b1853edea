"""What a batch shows while it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_agent.batch.batch import StudyOutcome
from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.progress import Progress
from cxr_agent.batch.work import Outcome
from cxr_agent.cli.batch_progress import clock, display, progress_line


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("time.monotonic", made)
    return made


def outcome(name: str, outcome: Outcome, code: str = "") -> StudyOutcome:
    study = BatchStudy(name, (name,))
    return StudyOutcome(study, "s0000001", outcome, code, "a reason", 1.0, "", Path(), 1)


def test_rate_and_remaining_time(time: Clock) -> None:
    progress = Progress(total=1000, settled=100, to_do=900)
    assert progress_line(progress) == "100 of 1,000 studies"
    for _ in range(100):
        time.now += 0.5
        progress.settle(refused=False, failed=False)
    progress.settle(refused=True, failed=False)
    progress.settle(refused=False, failed=True)
    progress.lost = 3
    assert progress.rate == pytest.approx(2.0, rel=0.05)
    line = progress_line(progress)
    assert line.startswith("202 of 1,000 studies, 2 a second, 6:")
    assert line.endswith("left; 1 refused, 1 failed, 3 attempts lost")


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (36_000, "10:00:00")]
)
def test_times(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_failures_are_told_once_and_progress_now_and_then(
    time: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress(total=3, to_do=3)
    with display(progress, quiet=False) as shown:
        shown.update(outcome("a.png", Outcome.READ))
        shown.update(outcome("b\x1b[31m.png", Outcome.FAILED, "study_timeout"))
        time.now += 31
        progress.settle(refused=False, failed=False)
        shown.update(outcome("c.png", Outcome.READ))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith(".png failed: study_timeout, a reason")
    assert "\x1b" not in lines[0]
    assert lines[1] == "1 of 3 studies"


def test_one_live_line_on_a_terminal(
    time: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress = Progress(total=2, to_do=2)
    with display(progress, quiet=False) as shown:
        for name in ("a.png", "b.png"):
            time.now += 1
            progress.settle(refused=False, failed=False)
            shown.update(outcome(name, Outcome.READ))
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.endswith("\r\033[K2 of 2 studies, 1 a second, 0:00 left\n")


def test_nothing_where_a_program_reads_along(
    time: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with display(Progress(total=1), quiet=True) as shown:
        shown.update(outcome("a.png", Outcome.FAILED, "study_timeout"))
    assert capsys.readouterr().err == ""
