"""The plain-language reading of an observation, written by rule in the words of ``kb/wording/``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cxr_agent.errors import ConfigError
from cxr_agent.evidence import OUTSIDE, Evidence, EvidenceKind, Observation, Unit
from cxr_agent.knowledge import (
    ENGLISH,
    Language,
    Name,
    Term,
    Wording,
    certainty_of,
    language,
    measured_for,
    names,
    reasons,
    sentences,
    vocabulary,
)

_NONE = Wording(variants={})
_WHOLE: Final = ("_number", "_count")
"""Ends of the names of what is counted."""
_OF_A_FINDING: Final = (EvidenceKind.DESCRIPTOR, EvidenceKind.NEIGHBOUR)
"""Kinds whose category may be a finding that they speak of."""
_ANY: Final = {
    EvidenceKind.FINDING: "any_finding",
    EvidenceKind.MEASUREMENT: "any_measurement",
    EvidenceKind.DESCRIPTOR: "any_descriptor",
}
"""Wordings for where the code's own has no fitting variant."""


def reading_of(
    observation: Observation, basis: Iterable[Evidence] = (), language_code: str = ENGLISH
) -> str:
    """One sentence, always the same for the same observation.

    Parameters
    ----------
    basis
        The evidence that the observation was concluded from, where it tells of it.
    language_code
        A folder of ``kb/wording/``.

    Raises
    ------
    ConfigError
        ``no_sentence`` when the code, its variant or a reason has no words, or a number that the
        sentence needs is missing: a result that cannot be put into words must not be passed over.
    """
    return _Words(observation, tuple(basis), language_code).sentence()


def decimals_of(code: str, fallback: Wording = _NONE) -> int:
    """Digits after the point of a code's numbers; its own entry says so even without sentences."""
    return sentences().get(code, fallback).decimals


class _Words:
    """One observation in the words of one language."""

    def __init__(self, observation: Observation, basis: tuple[Evidence, ...], code: str) -> None:
        self._observation = observation
        self._basis = basis
        self._code = code
        self._language: Language = language(code)

    def sentence(self) -> str:
        about, kind = self._observation, self._observation.kind
        known = sentences(self._code)
        wording = known.get(about.code, _NONE)
        phrase = self._language.phrase
        if kind is EvidenceKind.LIMITATION and _term(about).kind != "limitation":
            return self._put_into(phrase["undetermined"], 2)
        if kind is EvidenceKind.REGION and not wording.variants:
            return self._put_into(phrase["outlined"], 2)
        wordings = [wording]
        if about.category == OUTSIDE:
            # The code's own words tell of what a tool of ours did.
            wordings = [known.get(_ANY[kind], _NONE)]
        elif kind is EvidenceKind.COMPARISON:
            wordings = [known.get(_changed(about), _NONE)]
        elif kind in _ANY:
            wordings.append(known.get(_ANY[kind], _NONE))
        for candidate in wordings:
            for variant in _variants(about):
                if variant in candidate.variants:
                    return self._filled(candidate, variant)
        raise ConfigError(
            "no_sentence",
            f"kb/wording/{self._code}/sentences.toml has no sentence for {about.code}",
            hint="Add one; the variant is polarity, category or default.",
        )

    def _filled(self, wording: Wording, variant: str) -> str:
        about = self._observation
        change = about.kind is EvidenceKind.COMPARISON and about.unit is Unit.RATIO
        judged = variant.endswith("_classified") or (change and _term(about).kind != "measurement")
        decimals = wording.decimals if judged else decimals_of(about.code, wording)
        try:
            return self._put_into(wording.variants[variant], decimals)
        except KeyError as missing:
            raise ConfigError(
                "no_sentence", f"{about.code} was stated without its {missing.args[0]}"
            ) from None

    def _put_into(self, template: str, decimals: int) -> str:
        """The observation in a sentence with fields; raises KeyError for one that it lacks."""
        return template.format_map(self._fields(template, decimals))

    def _fields(self, template: str, decimals: int) -> dict[str, str]:
        """What a sentence may be filled in with; what there is not is left out.

        Numbers and limits, which take the longest, are written only where it names them.
        """
        about, words = self._observation, self._language
        fields = {
            name: words.number(number, 0 if name.endswith(_WHOLE) else decimals)
            for name, number in self._numbers().items()
            if number is not None and name in template
        }
        if about.interval_level is not None:
            fields["level"] = f"{100 * about.interval_level:.0f}"
        if about.reasons:
            fields["reasons"] = self._reasons()
        if about.side is not None:
            fields["side"] = words.side[about.side]
            fields["on_side"] = words.phrase["on_side"].format(side=fields["side"])
        if about.against is not None:
            fields["against"] = about.against
        if about.location is not None:
            fields["place"] = words.location.get(about.location, about.location)
        if "certainty" in template and about.probability is not None:
            fields["certainty"] = words.certainty[certainty_of(about.probability)]
        if about.kind in _OF_A_FINDING and about.category in names(self._code):
            fields["finding"] = self._small(self._named(about.category).name)
        if self._basis:
            fields["statements"] = "; ".join(map(self._statement, self._basis))
        name = self._named(about.code)
        if name.gender in words.no:  # a plug-in's name has none in a language that needs one
            fields["no"] = words.no[name.gender]
        if "measure" in template:
            fields["measure"] = self._measure(about)
        if "limits" in template:
            fields["limits"] = self._limits(about.details, decimals)
        if "named_limits" in template:
            fields["named_limits"] = self._named_limits()
        return {
            "on_side": "",
            **fields,
            "name": _raised(name.name),
            "noun": self._small(name.name),
            "unit": words.unit[about.unit] if about.unit else "",
        }

    def _numbers(self) -> dict[str, float | None]:
        about = self._observation
        low, high = about.interval or (None, None)
        return {
            **about.details,
            "value": about.value,
            "low": low,
            "high": high,
            "threshold": about.threshold,
            "probability": about.probability,
        }

    def _statement(self, item: Evidence) -> str:
        """What one side of a disagreement says, with its number and its limits."""
        phrase, words = self._language.phrase, self._language
        said = phrase[f"said_{item.polarity}"] if item.polarity is not None else ""
        said = phrase.get(f"said_{item.category}", said)
        parts = [f"{item.provenance.tool}: {said}"]
        decimals = decimals_of(item.code)
        if item.value is not None:
            unit = words.unit[item.unit or Unit.RATIO]
            value = words.number(item.value, decimals)
            name = self._measure(item)
            parts.append(phrase["with_value"].format(name=name, value=value, unit=unit).strip())
        if item.probability is not None:
            decimals = decimals_of("any_finding")
            value = words.number(item.probability, decimals)
            parts.append(phrase["with_probability"].format(value=value))
        if any(name.startswith("limit") for name in item.details):
            parts.append(self._limits(item.details, decimals))
        return ", ".join(parts)

    def _measure(self, about: Observation) -> str:
        """What was measured for a finding or a quality."""
        measured = measured_for(about.code)
        return self._named(measured.code).name if measured is not None else ""

    def _limits(self, details: dict[str, float], decimals: int) -> str:
        """The limits that decided: ``limit 0.25``, ``limits 40 to 80``."""
        phrase = self._language.phrase
        found = {
            name: self._language.number(value, decimals)
            for name, value in details.items()
            if name.startswith("limit")
        }
        if set(found) == {"limit_low", "limit_high"}:
            return phrase["range"].format(low=found["limit_low"], high=found["limit_high"])
        numbers = list(dict.fromkeys(found.values()))
        form = phrase["limits" if len(numbers) > 1 else "limit"]
        return form.format(value=phrase["and"].join(numbers))

    def _named_limits(self) -> str:
        form = self._language.phrase["named_limit"]
        return ", ".join(
            form.format(
                name=name.removeprefix("limit_").replace("_", " "),
                value=f"{value:g}".replace(".", self._language.decimal),
            )
            for name, value in self._observation.details.items()
            if name.startswith("limit_")
        )

    def _reasons(self) -> str:
        """In words; where a reason is a finding that was not looked for, its name says so."""
        meanings, called = reasons(self._code), names(self._code)
        said = []
        for code in self._observation.reasons:
            if code in meanings:
                said.append(meanings[code])
            elif code in called:
                said.append(called[code].name)
            else:
                raise ConfigError(
                    "no_sentence",
                    f"kb/wording/{self._code}/reasons.toml has no entry {code}",
                    hint="Add it.",
                )
        return "; ".join(said)

    def _named(self, code: str) -> Name:
        try:
            return names(self._code)[code]
        except KeyError:
            raise ConfigError(
                "no_sentence", f"there is no name for {code} in {self._language.name}"
            ) from None

    def _small(self, name: str) -> str:
        return name if self._language.small_names else _raised(name)


def _variants(observation: Observation) -> list[str]:
    polarity = observation.polarity.value if observation.polarity else ""
    category = observation.category or ""
    found = [f"{polarity}_{category}"] if polarity and category else []
    if observation.kind is EvidenceKind.COMPARISON:
        bare = [f"{category}_no_interval"] if observation.interval is None else []
        return [*bare, category]
    if observation.against is not None and not category:
        found.append("against")
    if found and observation.interval is None and category:
        found.insert(0, f"{found[0]}_no_interval")
    found += [name for name in (polarity, category) if name]
    if observation.kind is EvidenceKind.FINDING and _limited(observation):
        bare = [] if observation.interval else [f"{polarity}_measured_no_interval"]
        found += [*bare, f"{polarity}_measured"]
    if observation.reasons:
        found = [form for name in found for form in (f"{name}_noted", name)]
    return [*found, "interval", "default"] if observation.interval else [*found, "default"]


def _changed(observation: Observation) -> str:
    """The table of sentences for a comparison."""
    if observation.code in ("lung_opacity", "lung_density") and observation.location is not None:
        return "changed_density"
    return f"changed_{_term(observation).kind}"


def _limited(observation: Observation) -> bool:
    """Whether the finding rests on a measured value, and limits for it."""
    known = observation.category in ("measured", "pa", "ap", "unknown")
    return known and observation.value is not None and measured_for(observation.code) is not None


def _term(observation: Observation) -> Term:
    term = vocabulary().get(observation.code)
    if term is None:
        raise ConfigError(
            "no_sentence", f"kb/vocabulary.toml has no entry {observation.code}", hint="Add one."
        )
    return term


def _raised(name: str) -> str:
    return name[:1].upper() + name[1:]
