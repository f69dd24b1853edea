"""What a run keeps of each case, and what it says at the end."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from cxr_agent.report.model import NOTICE

RESULT_SCHEMA_VERSION: Final = 1

Better = Literal["higher", "lower", "neither"]
"""Which way a value is good; ``neither`` for counts and descriptions."""


class Status(StrEnum):
    """How a case ended."""

    DONE = "done"
    REFUSED = "refused"
    """The input is nothing that the program reads, and it said so."""
    FAILED = "failed"
    """It should have been answered."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Outcome(_Frozen):
    """One case, answered by one system."""

    system: str
    case: str
    """``c0001`` ...: what it is called in the data stands in the run's ``cases.jsonl`` alone."""
    group: str
    """``g0001`` ...: the patient, who is drawn as a whole in the bootstrap."""
    status: Status
    code: str = ""
    """Of the error, where it is not done."""
    values: dict[str, JsonValue] = Field(default_factory=dict)
    """What the measures are computed from; the task says what they are."""
    seconds: float = Field(ge=0)
    trace: str = ""
    """Folder of the reading's trace, below the run's own; empty where there is none."""


class Estimate(_Frozen):
    """A value with its interval, for one system."""

    name: str
    about: str = ""
    """Which finding, structure or measurement; empty for all together."""
    system: str
    unit: str = ""
    better: Better = "neither"
    value: float | None
    """None where nothing can be said: no case, or one class alone."""
    low: float | None = None
    high: float | None = None
    """95 % interval by the percentile bootstrap over groups; None with fewer than two groups."""
    cases: int = Field(ge=0)
    groups: int = Field(ge=0)


class Series(_Frozen):
    """Points of one line of a plot."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    weight: tuple[float, ...] = ()
    """Cases behind each point, where that differs."""


class Plot(_Frozen):
    """A picture of the result: lines, or a reliability diagram with its diagonal."""

    title: str
    kind: Literal["lines", "reliability"] = "lines"
    x_label: str
    y_label: str
    series: tuple[Series, ...]


class Count(_Frozen):
    """How the cases of one system ended."""

    system: str
    done: int
    refused: int
    failed: int
    codes: dict[str, int] = Field(default_factory=dict)
    """Refusals and failures by code."""
    seconds: float
    """In all."""


class EvaluationResult(_Frozen):
    """One run, as ``result.json`` and ``result.html`` say it."""

    schema_version: int = RESULT_SCHEMA_VERSION
    notice: str = NOTICE
    task: str
    title: str
    question: str
    """What the run answers, in a sentence."""
    program_version: str
    settings: dict[str, Any]
    """All that the outcomes depend on."""
    run_key: str
    """Hash of the settings and the list of cases: runs with the same key can go on."""
    cases: int
    groups: int
    resamples: int
    counts: tuple[Count, ...]
    estimates: tuple[Estimate, ...]
    plots: tuple[Plot, ...] = ()
    unknown: tuple[str, ...]
    """What this result does not tell."""
