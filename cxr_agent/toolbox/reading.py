"""The plain-language reading of an observation, written by rule from ``kb/sentences.toml``."""

from __future__ import annotations

from typing import Final

from cxr_agent.errors import ConfigError
from cxr_agent.evidence import EvidenceKind, Observation, Unit
from cxr_agent.knowledge import (
    Term,
    Wording,
    measured_for,
    other_findings,
    reasons,
    sentences,
    vocabulary,
)

_NONE = Wording(variants={})
_ANY: Final = {EvidenceKind.FINDING: "any_finding", EvidenceKind.MEASUREMENT: "any_measurement"}
"""Wordings for where the code's own has no fitting variant."""
_WRITTEN: Final = {
    Unit.RATIO: "",
    Unit.DEGREE: " degrees",
    Unit.MILLIMETRE: " mm",
    Unit.SQUARE_CENTIMETRE: " cm2",
    Unit.PIXEL: " px",
    Unit.DAY: " days",
}
"""Units as they stand behind a number."""


def reading_of(observation: Observation) -> str:
    """One sentence, always the same for the same observation.

    Raises
    ------
    ConfigError
        ``no_sentence`` when the code, its variant or a reason has no words, or a number that the
        sentence needs is missing: a result that cannot be put into words must not be passed over.
    """
    wording = sentences().get(observation.code, _NONE)
    if observation.kind is EvidenceKind.LIMITATION and _term(observation).kind != "limitation":
        return f"{_name(observation)} could not be determined: {_reasons(observation)}."
    if observation.kind is EvidenceKind.REGION and not wording.variants:
        return f"The {_name(observation, capital=False)} was outlined."
    wordings = [wording]
    if observation.kind in _ANY:
        wordings.append(sentences().get(_ANY[observation.kind], _NONE))
    for candidate in wordings:
        for variant in _variants(observation):
            if variant in candidate.variants:
                judged = variant.endswith("_classified")
                decimals = (
                    candidate.decimals if judged else decimals_of(observation.code, candidate)
                )
                fields = _fields(observation, decimals)
                try:
                    return candidate.variants[variant].format_map(fields)
                except KeyError as missing:
                    raise ConfigError(
                        "no_sentence",
                        f"{observation.code} was stated without its {missing.args[0]}",
                    ) from None
    raise ConfigError(
        "no_sentence",
        f"kb/sentences.toml has no sentence for {observation.code}",
        hint="Add one; the variant is polarity, category or default.",
    )


def decimals_of(code: str, fallback: Wording = _NONE) -> int:
    """Digits after the point of a code's numbers; its own entry says so even without sentences."""
    return sentences().get(code, fallback).decimals


def _variants(observation: Observation) -> list[str]:
    polarity = observation.polarity.value if observation.polarity else ""
    category = observation.category or ""
    found = [f"{polarity}_{category}"] if polarity and category else []
    if found and observation.interval is None:
        found.insert(0, f"{found[0]}_no_interval")
    found += [name for name in (polarity, category) if name]
    if observation.kind is EvidenceKind.FINDING and _limited(observation):
        bare = [] if observation.interval else [f"{polarity}_measured_no_interval"]
        found += [*bare, f"{polarity}_measured"]
    if observation.reasons:
        found = [form for name in found for form in (f"{name}_noted", name)]
    return [*found, "interval", "default"] if observation.interval else [*found, "default"]


def _fields(observation: Observation, decimals: int) -> dict[str, str]:
    """What a sentence may be filled in with; what the observation does not have is left out."""
    low, high = observation.interval or (None, None)
    numbers = {
        **observation.details,
        "value": observation.value,
        "low": low,
        "high": high,
        "threshold": observation.threshold,
        "probability": observation.probability,
    }
    fields = {
        name: f"{number:.{decimals}f}" for name, number in numbers.items() if number is not None
    }
    if observation.interval_level is not None:
        fields["level"] = f"{100 * observation.interval_level:.0f}"
    if observation.reasons:
        fields["reasons"] = _reasons(observation)
    if observation.side is not None:
        fields["side"] = observation.side.value
    return {
        **fields,
        "name": _name(observation),
        "noun": _name(observation, capital=False),
        "on_side": f" on the {observation.side.value}" if observation.side else "",
        "unit": _WRITTEN[observation.unit] if observation.unit else "",
        "measure": _measure(observation),
        "limits": _limits(observation, decimals),
        "named_limits": ", ".join(
            f"limit {name.removeprefix('limit_').replace('_', ' ')} {value:g}"
            for name, value in observation.details.items()
            if name.startswith("limit_")
        ),
    }


def _limited(observation: Observation) -> bool:
    """Whether the finding rests on a measured value, and limits for it."""
    known = observation.category in ("measured", "pa", "ap", "unknown")
    return known and observation.value is not None and measured_for(observation.code) is not None


def _measure(observation: Observation) -> str:
    """What was measured for a finding or a quality."""
    about = measured_for(observation.code)
    return vocabulary()[about.code].name if about is not None else ""


def _limits(observation: Observation, decimals: int) -> str:
    """The limits that decided: ``limit 0.25``, ``limits 40 to 80``."""
    found = {
        name: f"{value:.{decimals}f}"
        for name, value in observation.details.items()
        if name.startswith("limit")
    }
    if set(found) == {"limit_low", "limit_high"}:
        return f"limits {found['limit_low']} to {found['limit_high']}"
    numbers = list(dict.fromkeys(found.values()))
    return f"limit{'s' if len(numbers) > 1 else ''} {' and '.join(numbers)}"


def _name(observation: Observation, *, capital: bool = True) -> str:
    name = _term(observation).name
    return name[:1].upper() + name[1:] if capital else name


def _term(observation: Observation) -> Term:
    term = vocabulary().get(observation.code)
    if term is None:
        raise ConfigError(
            "no_sentence", f"kb/vocabulary.toml has no entry {observation.code}", hint="Add one."
        )
    return term


def _reasons(observation: Observation) -> str:
    """In words; where a reason is a finding that was not looked for, its name says so."""
    known = {code: term.name for code, term in vocabulary().items()} | other_findings() | reasons()
    for code in observation.reasons:
        if code not in known:
            raise ConfigError("no_sentence", f"kb/reasons.toml has no entry {code}", hint="Add it.")
    return "; ".join(known[code] for code in observation.reasons)
