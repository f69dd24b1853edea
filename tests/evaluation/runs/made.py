"""A task of numbers, for tests of what every run does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxr_agent.errors import InputError
from cxr_agent.evaluation.runs import Answer, Case, Measure, Outcome, Plot, Series, mean_of

REFUSED, BROKEN = -1.0, -2.0


@dataclass
class Numbers:
    """Answers every case with its number; ``chance`` with zero."""

    numbers: Sequence[float]
    groups: Sequence[str]
    settings: Mapping[str, Any] = field(default_factory=lambda: {"seed": 0})
    before: Callable[[str, Case], None] = lambda *_: None
    name: str = "numbers"
    title: str = "Numbers <script>alert(1)</script>"
    question: str = "How large are they?"
    unknown: Sequence[str] = ("Whether larger is better.",)
    systems: Sequence[str] = ("cxr-agent", "chance")
    asked: list[tuple[str, str]] = field(default_factory=list)

    def cases(self) -> Sequence[Case]:
        return [
            Case(f"MARTHA-{place}", group, data=number)
            for place, (number, group) in enumerate(zip(self.numbers, self.groups, strict=True))
        ]

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        self.before(system, case)
        self.asked.append((system, case.name))
        if case.data == REFUSED:
            raise InputError("not_a_film", "no film", hint="none")
        if case.data == BROKEN:
            raise RuntimeError("MARTHA is broken")
        (traces / case.name.replace("MARTHA", "t")).mkdir(exist_ok=True)
        return Answer(
            {"x": case.data if system == "cxr-agent" else 0.0}, case.name.replace("MARTHA", "t")
        )

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        return [Measure("mean", mean_of("x"), unit="px", better="lower")]

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        line = Series(name="</svg>x", x=(0.0, 1.0), y=(0.0, 2.0))
        return [Plot(title="A line", x_label="x", y_label="y", series=(line,))]

    def close(self) -> None:
        pass
