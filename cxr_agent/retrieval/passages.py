"""What ``kb/`` says in words, each passage with its source: guidelines, definitions and limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cxr_agent.knowledge import (
    MeasurementDefinition,
    conflict_rules,
    critical_findings,
    descriptors,
    guidelines,
    measurements,
    shipped,
    vocabulary,
)


@dataclass(frozen=True, slots=True)
class Quote:
    """A text that was found: data, to be quoted."""

    text: str
    source: str
    """What it was taken from: a paper or standard, or ``report of item 7``."""
    item: int | None = None
    """Of whose report it is, in its store; None for a passage of ``kb/``."""
    distance: float | None = None
    """Cosine distance of its meaning, in [0, 2]; None where words were looked for."""


@lru_cache(maxsize=1)
def passages() -> tuple[Quote, ...]:
    """All passages, in a fixed order."""
    return tuple(_passages())


def _passages() -> Iterator[Quote]:
    terms = vocabulary()
    for name, guideline in guidelines().items():
        yield Quote(guideline.text, f"kb/guidelines.toml, {name}: {guideline.source}")
    for code, one in measurements().items():
        limits = {name: shipped()[name] for name in _limits(one)}
        said = [f"{terms[one.code].name}: {one.formula}", f"Landmarks: {'; '.join(one.landmarks)}"]
        if limits:
            told = (f"{name.replace('_', ' ')} {limit.value:g}" for name, limit in limits.items())
            said.append(f"Limits: {', '.join(told)}")
        sources = [f"kb/measurements.toml, {code}: {one.source}"]
        sources += [f"kb/thresholds.toml, {name}: {limit.source}" for name, limit in limits.items()]
        yield Quote(". ".join(said), "; ".join(sources))
    for code, sign in descriptors().items():
        finding = terms[sign.finding].name
        yield Quote(
            f"{sign.name}: a sign of {finding}", f"kb/descriptors.toml, {code}: {sign.source}"
        )
    for code, critical in critical_findings().items():
        yield Quote(
            f"{terms[code].name}: a critical finding of tier {critical.tier}",
            f"kb/critical_findings.toml, {code}: {critical.source}",
        )
    for rule in conflict_rules():
        yield Quote(
            f"where statements on a finding disagree, one that is {rule.prefers} counts over one "
            f"that is {' or '.join(rule.over)}",
            f"kb/conflicts.toml, {rule.code}: {rule.source}",
        )


def _limits(one: MeasurementDefinition) -> list[str]:
    """Names of the limits that decide, each once."""
    when = one.decision.when if one.decision is not None else ()
    return list(dict.fromkeys(name for comparison in when for name in comparison.limits))
