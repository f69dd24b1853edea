"""How long a batch took: each study, the sessions, the workers that were lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from cxr_agent.batch.ledger import State
from cxr_agent.batch.overview.columns import Whole
from cxr_agent.batch.overview.distributions import Histogram, histogram_of, spread_of
from cxr_agent.batch.overview.facts import SessionFacts, Slow, TimeFacts
from cxr_agent.batch.overview.gathering import Gathered
from cxr_agent.batch.overview.references import reference

_SLOWEST: Final = 10
_MOST_BINS: Final = 48


def time_of(gathered: Gathered) -> TimeFacts:
    """What the ledgers and their sessions tell about time."""
    seconds = np.array(gathered.studies.seconds)
    read = read_studies(gathered)
    taken = seconds[read]
    spread = spread_of(taken) if len(taken) else None
    ended = np.array(gathered.studies.ended)
    ended = ended[np.isfinite(ended)]
    sessions = tuple(map(_session, gathered.sessions))
    return TimeFacts(
        spread=spread,
        histogram=histogram_of(taken, spread) if spread is not None else None,
        timeline=_timeline(ended) if len(ended) else None,
        first=_time(ended.min()) if len(ended) else "",
        last=_time(ended.max()) if len(ended) else "",
        per_hour=_per_hour(
            sum(one.studies for one in sessions), sum(one.seconds for one in sessions)
        ),
        lost_workers=sum(one.lost_workers for one in sessions),
        sessions=sessions,
        slowest=tuple(
            Slow(reference(gathered, int(index)), float(seconds[index]))
            for index in read[np.argsort(-taken, kind="stable")[:_SLOWEST]]
        ),
    )


def read_studies(gathered: Gathered) -> Whole:
    """Indices of the studies that were read."""
    state = gathered.studies.state
    if State.READ.value not in state.names:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(state.indices == state.names.index(State.READ.value))


def _timeline(ended: np.typing.NDArray[np.float64]) -> Histogram:
    after = ended - ended.min()
    span = float(after.max())
    bins = min(_MOST_BINS, max(1, len(ended) // 5)) if span > 0 else 1
    counts, _ = np.histogram(after, bins=bins, range=(0.0, span or 1.0))
    return Histogram(0.0, span, tuple(int(count) for count in counts), 0, 0)


def _session(kept: Mapping[str, Any]) -> SessionFacts:
    runner = kept.get("runner")
    runner = runner if isinstance(runner, Mapping) else {}
    seconds, studies = float(kept.get("seconds") or 0), int(kept.get("studies") or 0)
    return SessionFacts(
        folder=int(kept.get("folder") or 0),
        ended=str(kept.get("ended") or ""),
        seconds=seconds,
        studies=studies,
        per_hour=_per_hour(studies, seconds),
        lost_workers=int(kept.get("lost_workers") or 0),
        stopped=str(kept.get("stopped") or ""),
        runner=str(runner.get("kind") or ""),
        workers=runner.get("workers"),
        peak_worker_mib=runner.get("peak_worker_mib"),
    )


def _per_hour(studies: int, seconds: float) -> float | None:
    return studies / seconds * 3600 if studies and seconds > 0 else None


def _time(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
