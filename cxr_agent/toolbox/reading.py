"""The plain-language reading of an observation, written by rule from ``kb/sentences.toml``."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cxr_agent.errors import ConfigError
from cxr_agent.evidence import EvidenceKind, Observation
from cxr_agent.knowledge import load, reasons, vocabulary

_DEFAULT_DECIMALS = 2


def reading_of(observation: Observation) -> str:
    """One sentence, always the same for the same observation.

    Raises
    ------
    ConfigError
        ``no_sentence`` when the code or its variant has no template: a result that cannot be
        put into words must not be passed over.
    """
    templates = _templates().get(observation.code, {})
    if observation.kind is EvidenceKind.LIMITATION and "default" not in templates:
        return f"{_name(observation)} could not be determined: {_reasons(observation)}."
    if observation.kind is EvidenceKind.REGION and not templates:
        return f"The {_name(observation, capital=False)} was outlined."
    for variant in _variants(observation):
        if variant in templates:
            decimals = int(templates.get("decimals", _DEFAULT_DECIMALS))
            return str(templates[variant]).format_map(_fields(observation, decimals))
    raise ConfigError(
        "no_sentence",
        f"kb/sentences.toml has no sentence for {observation.code}",
        hint="Add one; the variant is polarity, category or default.",
    )


def _variants(observation: Observation) -> list[str]:
    polarity = observation.polarity.value if observation.polarity else ""
    category = observation.category or ""
    found = [f"{polarity}_{category}"] if polarity and category else []
    found += [name for name in (polarity, category) if name]
    return [*found, "interval", "default"] if observation.interval else [*found, "default"]


def _fields(observation: Observation, decimals: int) -> dict[str, str]:
    def rounded(number: float | None) -> str:
        return "" if number is None else f"{number:.{decimals}f}"

    low, high = observation.interval or (None, None)
    level = observation.interval_level
    return {
        **{name: rounded(number) for name, number in observation.details.items()},
        "name": _name(observation),
        "value": rounded(observation.value),
        "low": rounded(low),
        "high": rounded(high),
        "level": "" if level is None else f"{100 * level:.0f}",
        "threshold": rounded(observation.threshold),
        "reasons": _reasons(observation),
    }


def _name(observation: Observation, *, capital: bool = True) -> str:
    term = vocabulary().get(observation.code)
    name = term.name if term else observation.code.replace("_", " ")
    return name[:1].upper() + name[1:] if capital else name


def _reasons(observation: Observation) -> str:
    known = reasons()
    return "; ".join(known.get(code, code.replace("_", " ")) for code in observation.reasons)


@lru_cache(maxsize=1)
def _templates() -> dict[str, dict[str, Any]]:
    return load("sentences")
