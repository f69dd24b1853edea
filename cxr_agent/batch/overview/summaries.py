"""Measurements and findings over all studies, with the names that the field has for them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cxr_agent.batch.overview.distributions import histogram_of, spread_of
from cxr_agent.batch.overview.facts import AbstainedFacts, FindingFacts, MeasurementFacts
from cxr_agent.batch.overview.gathering import NOT_JUDGED, Gathered, Judged
from cxr_agent.knowledge import vocabulary


def name_of(code: str) -> str:
    """What a code is called; a plug-in's own code stands for itself."""
    term = vocabulary().get(code)
    return term.name if term is not None else code.replace("_", " ")


def measurements_of(gathered: Gathered) -> tuple[MeasurementFacts, ...]:
    """Every measurement that was made, by code."""
    made = []
    for key, values in sorted(gathered.measured.items()):
        numbers = values.values
        spread = spread_of(numbers)
        made.append(
            MeasurementFacts(
                code=key.code,
                name=name_of(key.code),
                side=key.side,
                unit=key.unit,
                spread=spread,
                histogram=histogram_of(numbers, spread),
                measured=len(np.unique(values.studies)),
                abstained=len(gathered.abstained.get(key.code, ())),
                reasons=_reasons(gathered, key.code),
            )
        )
    return tuple(made)


def abstained_of(gathered: Gathered) -> tuple[AbstainedFacts, ...]:
    """What was not answered and never measured, the most frequent first."""
    measured = {key.code for key in gathered.measured}
    left = [code for code in gathered.abstained if code not in measured and code != NOT_JUDGED]
    return tuple(
        AbstainedFacts(code, name_of(code), len(gathered.abstained[code]), _reasons(gathered, code))
        for code in sorted(left, key=lambda code: (-len(gathered.abstained[code]), code))
    )


def findings_of(gathered: Gathered) -> tuple[FindingFacts, ...]:
    """Every finding that was judged, by code and tool."""
    return tuple(_finding(gathered, key) for key in sorted(gathered.judged))


def _finding(gathered: Gathered, key: Judged) -> FindingFacts:
    said = gathered.judged[key]
    present, uncertain, absent = np.bincount(said.polarity.values.astype(np.int64), minlength=3)
    likely = said.probability.values
    spread = spread_of(likely) if len(likely) else None
    return FindingFacts(
        code=key.code,
        name=name_of(key.code),
        side=key.side,
        tool=key.tool,
        present=int(present),
        uncertain=int(uncertain),
        absent=int(absent),
        thresholds=tuple(sorted(said.thresholds)),
        spread=spread,
        histogram=histogram_of(likely, spread) if spread is not None else None,
    )


def _reasons(gathered: Gathered, code: str) -> Mapping[str, int]:
    found = {why: count for (what, why), count in gathered.reasons.items() if what == code}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
