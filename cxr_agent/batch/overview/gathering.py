"""The ledgers of a batch read once, study by study, into columns."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cxr_agent.batch.ledger import Ledger, Settled, State
from cxr_agent.batch.overview.columns import Labels, StudyColumns, Values
from cxr_agent.evidence import Polarity

POLARITIES: Final = (Polarity.PRESENT.value, Polarity.UNCERTAIN.value, Polarity.ABSENT.value)
"""Of several statements of one tool on a study, the first of these counts."""
NOT_JUDGED: Final = "not_judged"
"""Code of the limitation whose reasons are findings."""

LabelsOf = Callable[[Settled, Path], Mapping[str, str]]
"""Names of the groups that a study is in, by facet; of a study and the folder that it lies in."""


@dataclass(frozen=True, slots=True, order=True)
class Measured:
    """What is measured: values of one of these can be compared with one another."""

    code: str
    side: str
    unit: str


@dataclass(frozen=True, slots=True, order=True)
class Judged:
    """What is judged, and by which tool: two tools need not agree."""

    code: str
    side: str
    tool: str


@dataclass(slots=True)
class Statements:
    """What one tool said on one finding, one statement per study."""

    polarity: Values = field(default_factory=Values)
    """Index into ``POLARITIES``."""
    probability: Values = field(default_factory=Values)
    thresholds: set[float] = field(default_factory=set)
    """Probabilities that were compared with."""


@dataclass(slots=True)
class Gathered:
    """Everything that an overview is made of."""

    folders: tuple[Path, ...]
    studies: StudyColumns = field(default_factory=StudyColumns)
    measured: defaultdict[Measured, Values] = field(default_factory=lambda: defaultdict(Values))
    judged: defaultdict[Judged, Statements] = field(default_factory=lambda: defaultdict(Statements))
    abstained: defaultdict[str, array[int]] = field(
        default_factory=lambda: defaultdict(lambda: array("q"))
    )
    """Studies in which something was not answered, by its code."""
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Why, by code and reason, in studies."""
    not_judged: Counter[str] = field(default_factory=Counter)
    """Studies by the finding that a tool would not judge."""
    labels: defaultdict[str, Labels] = field(default_factory=lambda: defaultdict(Labels))
    """Groups by facet."""
    waiting: int = 0
    repeated: int = 0
    """Studies that stand in more than one folder, and count once."""
    sessions: list[dict[str, Any]] = field(default_factory=list)


def gather(
    folders: Sequence[Path],
    labels_of: LabelsOf | None = None,
    facets: Sequence[str] = (),
    *,
    names: bool = False,
) -> Gathered:
    """Read what was settled in one batch, whose parts may lie in several folders.

    A batch that is still being read can be looked at.

    Parameters
    ----------
    labels_of, facets
        Which groups a study is in, and by which facets.
    names
        Whether to keep what the user calls the studies.

    Raises
    ------
    UsageError
        ``no_batch``.
    ConfigError
        ``bad_batch``.
    OutputError
        ``batch_in_use``.
    """
    gathered = Gathered(tuple(folders))
    if names:
        gathered.studies.names = []
    seen: set[bytes] = set()
    for place, folder in enumerate(folders):
        with Ledger(folder, write=False) as ledger:
            gathered.waiting += ledger.counts()[State.WAITING]
            for session in ledger.about("sessions") or []:
                gathered.sessions.append({"folder": place, **session})
            for settled in ledger.settled():
                if len(folders) > 1 and _is_repeated(settled, seen):
                    gathered.repeated += 1
                    continue
                _take(gathered, settled, place)
                found = labels_of(settled, folder) if labels_of else {}
                for facet in facets:
                    gathered.labels[facet].add(found.get(facet, ""))
    return gathered


def _is_repeated(settled: Settled, seen: set[bytes]) -> bool:
    digest = hashlib.sha256(settled.study.name.encode("utf-8", "surrogatepass")).digest()[:12]
    if digest in seen:
        return True
    seen.add(digest)
    return False


def _take(gathered: Gathered, settled: Settled, folder: int) -> None:
    studies = gathered.studies
    index = len(studies)
    studies.folder.append(folder)
    studies.number.append(settled.number)
    studies.seconds.append(settled.seconds)
    studies.ended.append(_epoch(settled.ended))
    studies.run.append(settled.run)
    studies.state.add(settled.state.value)
    studies.code.add(settled.code)
    studies.device.add(settled.device)
    if studies.names is not None:
        studies.names.append(settled.study.name)
    if settled.state is State.READ:
        _take_rows(gathered, index, settled.rows)


def _take_rows(gathered: Gathered, index: int, rows: Sequence[Mapping[str, Any]]) -> None:
    judged: dict[Judged, list[Mapping[str, Any]]] = {}
    limited: set[tuple[str, str]] = set()
    for row in rows:
        if str(row.get("film", "")).startswith("prior-"):
            continue
        code, side = str(row.get("code", "")), str(row.get("side") or "")
        match row.get("kind"):
            case "measurement":
                value = _number(row.get("value"))
                if value is not None:
                    key = Measured(code, side, str(row.get("unit", "")))
                    gathered.measured[key].add(index, value)
            case "finding" if row.get("polarity") in POLARITIES:
                finding = Judged(code, side, str(row.get("tool", "")))
                judged.setdefault(finding, []).append(row)
            case "limitation":
                limited |= {(code, reason) for reason in str(row.get("reasons", "")).split()}
    for finding, said in judged.items():
        _take_said(gathered.judged[finding], index, said)
    for code in {code for code, _ in limited}:
        gathered.abstained[code].append(index)
    for code, reason in limited:
        gathered.reasons[code, reason] += 1
        if code == NOT_JUDGED:
            gathered.not_judged[reason] += 1


def _take_said(statements: Statements, index: int, said: Sequence[Mapping[str, Any]]) -> None:
    """Of several films of a study, the strongest statement and the highest probability."""
    statements.polarity.add(index, min(POLARITIES.index(row["polarity"]) for row in said))
    likely = [p for row in said if (p := _number(row.get("probability"))) is not None]
    if likely:
        statements.probability.add(index, max(likely))
    statements.thresholds |= {t for row in said if (t := _number(row.get("threshold"))) is not None}


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None


def _epoch(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return math.nan
