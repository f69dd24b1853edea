"""The plain-language reading of an observation, written by rule from ``kb/sentences.toml``."""

from __future__ import annotations

from cxr_agent.errors import ConfigError
from cxr_agent.evidence import EvidenceKind, Observation
from cxr_agent.knowledge import Term, Wording, reasons, sentences, vocabulary

_NONE = Wording(variants={})
_ANY_FINDING = "any_finding"
"""The wording of a finding whose own wording has no fitting variant."""


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
    if observation.kind is EvidenceKind.FINDING:
        wordings.append(sentences().get(_ANY_FINDING, _NONE))
    for candidate in wordings:
        for variant in _variants(observation):
            if variant in candidate.variants:
                fields = _fields(observation, candidate.decimals)
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


def _variants(observation: Observation) -> list[str]:
    polarity = observation.polarity.value if observation.polarity else ""
    category = observation.category or ""
    found = [f"{polarity}_{category}"] if polarity and category else []
    if found and observation.interval is None:
        found.insert(0, f"{found[0]}_no_interval")
    found += [name for name in (polarity, category) if name]
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
    return {**fields, "name": _name(observation), "noun": _name(observation, capital=False)}


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
    known = {code: term.name for code, term in vocabulary().items()} | reasons()
    for code in observation.reasons:
        if code not in known:
            raise ConfigError("no_sentence", f"kb/reasons.toml has no entry {code}", hint="Add it.")
    return "; ".join(known[code] for code in observation.reasons)
