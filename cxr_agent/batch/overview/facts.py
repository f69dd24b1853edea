"""What an overview says, in plain values: the page shows these, and ``--json`` prints them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cxr_agent.batch.overview.distributions import Histogram, Spread
from cxr_agent.batch.overview.drift import Comparison


@dataclass(frozen=True, slots=True)
class StudyRef:
    """A study, and where its report and trace lie."""

    study: str
    """Opaque number; with the folder's before it where there are several."""
    folder: int
    """Index of the folder that the paths start in."""
    reports: tuple[str, ...]
    """Report files that are there, a page first."""
    trace: str | None
    """Folder of the trace, where it is there."""
    name: str | None
    """What the user calls it; None unless names were asked for."""


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """One folder of the batch, and what its results were made by, as its manifest says."""

    studies: int
    program: str
    weights: Mapping[str, str]
    tools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeasurementFacts:
    """One measurement over all studies that were read."""

    code: str
    name: str
    side: str
    unit: str
    spread: Spread
    histogram: Histogram
    measured: int
    """Studies with a value."""
    abstained: int
    """Studies in which it was tried and not given."""
    reasons: Mapping[str, int]
    """Why, by code, in studies; one study may have several."""


@dataclass(frozen=True, slots=True)
class AbstainedFacts:
    """Something that was not answered in some studies, and never measured in any."""

    code: str
    name: str
    studies: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FindingFacts:
    """What one tool said on one finding over all studies that were read."""

    code: str
    name: str
    side: str
    tool: str
    present: int
    uncertain: int
    absent: int
    thresholds: tuple[float, ...]
    """Probabilities from which it counts as present; several where that was changed."""
    spread: Spread | None
    """Of the probabilities."""
    histogram: Histogram | None


@dataclass(frozen=True, slots=True)
class Outlier:
    """A value far outside."""

    study: StudyRef
    value: float
    score: float
    """Modified z-score."""


@dataclass(frozen=True, slots=True)
class OutlierFacts:
    """Values of one measurement that lie far outside."""

    code: str
    name: str
    side: str
    unit: str
    median: float
    mad: float
    total: int
    shown: tuple[Outlier, ...]
    note: str
    """Why none could be told; empty where they could."""


@dataclass(frozen=True, slots=True)
class CriticalFacts:
    """A finding that must not wait, and the studies in which a tool says that it is present."""

    code: str
    name: str
    tier: int
    source: str
    total: int
    shown: tuple[StudyRef, ...]


@dataclass(frozen=True, slots=True)
class FailureFacts:
    """Studies with one outcome and code."""

    outcome: str
    code: str
    meaning: str
    next: str
    total: int
    shown: tuple[StudyRef, ...]


@dataclass(frozen=True, slots=True)
class Slow:
    """A study, and the seconds that it took."""

    study: StudyRef
    seconds: float


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """One run of the command, as the batch kept it."""

    folder: int
    ended: str
    seconds: float
    studies: int
    per_hour: float | None
    lost_workers: int
    stopped: str
    runner: str
    workers: int | None
    peak_worker_mib: int | None


@dataclass(frozen=True, slots=True)
class TimeFacts:
    """How long it took."""

    spread: Spread | None
    """Seconds of each study that was read."""
    histogram: Histogram | None
    timeline: Histogram | None
    """Studies settled, over seconds since the first of them was."""
    first: str
    last: str
    per_hour: float | None
    """Studies per hour of all sessions together."""
    lost_workers: int
    sessions: tuple[SessionFacts, ...]
    slowest: tuple[Slow, ...]


@dataclass(frozen=True, slots=True)
class FacetFacts:
    """A way in which studies were grouped."""

    name: str
    groups: Mapping[str, int]
    ungrouped: int


@dataclass(frozen=True, slots=True)
class DriftFacts:
    """Whether groups differ."""

    facets: tuple[FacetFacts, ...]
    comparisons: tuple[Comparison, ...]
    fewest: int
    """Studies below which nothing is compared."""
    false_discoveries: float
    """Share of the differences found that may be chance."""


@dataclass(frozen=True, slots=True)
class Overview:
    """A whole batch at a glance."""

    folders: tuple[FolderFacts, ...]
    studies: Mapping[str, int]
    """By outcome, with those that wait and, within those read, the ``partial``."""
    repeated: int
    """Studies that stood in more than one folder, and count once."""
    measurements: tuple[MeasurementFacts, ...]
    abstained: tuple[AbstainedFacts, ...]
    findings: tuple[FindingFacts, ...]
    not_judged: Mapping[str, int]
    """Studies by finding that a tool would not judge."""
    outliers: tuple[OutlierFacts, ...]
    critical: tuple[CriticalFacts, ...]
    failures: tuple[FailureFacts, ...]
    time: TimeFacts
    drift: DriftFacts
    notes: tuple[str, ...] = ()
