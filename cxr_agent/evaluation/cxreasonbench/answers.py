"""Answers to the benchmark's questions, each from evidence: a measurement or an outline.

No language model takes part. What was not measured is answered by "I don't know".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxr_agent.evaluation.cxreasonbench.options import (
    Option,
    final_answer,
    none_of_these,
    numbers_in,
    options_of,
    unknown,
)
from cxr_agent.evaluation.cxreasonbench.rules import Rule
from cxr_agent.evidence import Polarity
from cxr_agent.knowledge import measurements, members, sentences
from cxr_agent.toolbox.contract import BoolMask
from cxr_agent.toolbox.measurement import Measurement

_SAME_IOU = 0.3
"""Overlap from which an offered picture shows one of our structures."""
_COLOURED = 40
_LARGEST_STEP = 0.5


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known of one film."""

    items: Mapping[str, Measurement] = field(default_factory=dict)
    """By id."""
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Why something was not measured, by id."""
    outlines: Mapping[str, BoolMask] = field(default_factory=dict)


class Answerer:
    """Answers the questions of one task about one film.

    Parameters
    ----------
    rule
        Of the task.
    seen
        What is known of the film.
    """

    def __init__(self, rule: Rule, seen: Seen) -> None:
        self._rule = rule
        self._seen = seen
        self._item = seen.items.get(rule.measurement)

    def finding(self, question: str) -> str:
        """Yes, no, or that it is not known."""
        options = options_of(question)
        if self._item is None or self._item.decided is None:
            return self._unknown(options)
        words = self._words(self._item.decided.nearest)
        # "not rotated" holds "rotated": the longest fitting words decide.
        fitting = [one for one in options if one.says(words) and one is not unknown(options)]
        others = self._words(_opposite(self._item.decided.nearest))
        best = [one for one in fitting if not _longer(one, others, words)]
        return final_answer(best[:1], why=self._why()) if best else self._unknown(options)

    def criterion(self, question: str) -> str:
        """The option that names our criterion."""
        options = options_of(question)
        fitting = [o for o in options if all(o.says(group) for group in self._rule.criterion)]
        if len(fitting) == 1:
            return final_answer(fitting)
        rejected = none_of_these(options)
        return final_answer([rejected]) if rejected and not fitting else self._unknown(options)

    def refined_criterion(self, question: str) -> str:
        """Accepted where every limit of ours stands in it; else declined."""
        options = options_of(question)
        stated = numbers_in(question)
        limits = self._item.decided.limits.values() if self._item and self._item.decided else ()
        same = limits and all(
            any(abs(limit - number) < 1e-6 for number in stated) for limit in limits
        )
        wanted = ("yes",) if same else ("no", "i don't know", "i do not know")
        chosen = [one for one in options if one.says(wanted)]
        return final_answer(chosen[:1]) if chosen else self._unknown(options)

    def body_part(self, question: str, pictures: Sequence[NDArray[np.uint8]]) -> str:
        """The pictures that show what the measurement needs, by overlap with our outlines."""
        options = options_of(question)
        needed = {
            name: plane
            for code in measurements()[self._rule.measurement].structures
            for name in (members(code) or (code,))
            if (plane := self._seen.outlines.get(name)) is not None
        }
        shown = [
            index
            for index, picture in enumerate(pictures)
            if any(_overlap(marked(picture), plane) >= _SAME_IOU for plane in _unions(needed))
        ]
        chosen = [options[index] for index in shown if index < len(options)]
        if chosen:
            return final_answer(chosen)
        rejected = none_of_these(options)
        return final_answer([rejected]) if rejected and needed else self._unknown(options)

    def value(self, question: str) -> str:
        """The range, or the category, that holds what was measured."""
        options = options_of(question)
        if self._item is None:
            return self._unknown(options)
        if self._rule.answer == "sides":
            chosen = self._sides(options)
        elif self._rule.answer == "category":
            chosen = self._category(options)
        else:
            chosen = _holding(options, self._item.value)
        return final_answer(chosen) if chosen else self._unknown(options)

    def final(self, question: str) -> str:
        """The finding with the number behind it."""
        answer = self.finding(question)
        if self._item is None:
            return answer
        return f"{answer.partition(chr(10))[0]}\nVALUE: {self._number()}"

    def _sides(self, options: Sequence[Option]) -> list[Option]:
        assert self._item is not None
        chosen: list[Option] = []
        for side in ("right", "left"):
            measured = self._item.quantities.get(f"overlap_{side}")
            own = [one for one in options if one.says((side,))] or list(options)
            if measured is not None:
                chosen += _holding(own, measured)
        return chosen

    def _category(self, options: Sequence[Option]) -> list[Option]:
        assert self._item is not None
        by_side = self._item.side.value if self._item.side else None
        if by_side:
            return [one for one in options if one.says((by_side,))][:1]
        decided = self._item.decided
        words = self._words(decided.nearest) if decided else ()
        named = [one for one in options if one.says((*words, "flat", "not deviated"))]
        return named[:1] or _holding(options, self._item.value)

    def _words(self, polarity: Polarity) -> tuple[str, ...]:
        if polarity is Polarity.PRESENT:
            return self._rule.present
        return self._rule.absent if polarity is Polarity.ABSENT else ()

    def _number(self) -> str:
        assert self._item is not None
        if self._rule.answer == "sides":
            right, left = (self._item.quantities[f"overlap_{side}"] for side in ("right", "left"))
            return f"Right - {right:.2f}, Left - {left:.2f}"
        code = self._item.decided.code if self._item.decided else self._item.code
        wording = sentences().get(self._item.code) or sentences().get(code)
        return f"{self._item.value:.{wording.decimals if wording else 2}f}"

    def _why(self) -> str:
        if self._item is None or self._item.decided is None:
            return ""
        limits = ", ".join(f"{value:g}" for value in self._item.decided.limits.values())
        return f"{self._item.code} {self._number()}; limits: {limits}."

    def _unknown(self, options: Sequence[Option]) -> str:
        chosen = unknown(options)
        why = ", ".join(self._seen.reasons.get(self._rule.measurement, ()))
        return final_answer([chosen] if chosen else [], why=f"Not measured: {why}." if why else "")


def _opposite(polarity: Polarity) -> Polarity:
    return Polarity.ABSENT if polarity is Polarity.PRESENT else Polarity.PRESENT


def _longer(option: Option, others: Sequence[str], words: Sequence[str]) -> bool:
    """Whether the option says the opposite in longer words: ``not rotated`` and ``rotated``."""
    most = max((len(word) for word in words if option.says((word,))), default=0)
    return any(len(word) > most for word in others if option.says((word,)))


def _holding(options: Sequence[Option], value: float) -> list[Option]:
    """The option whose range holds the value, or whose one number it rounds to."""
    for one in options:
        numbers = one.numbers
        if len(numbers) >= 2 and min(numbers[:2]) <= value <= max(numbers[:2]):
            return [one]
    for one in options:
        if len(one.numbers) == 1 and abs(one.numbers[0] - value) <= _LARGEST_STEP:
            return [one]
    return []


def marked(picture: NDArray[np.uint8]) -> BoolMask:
    """What a picture of a structure marks: its coloured pixels, or the bright ones of a mask.

    Parameters
    ----------
    picture
        (rows, columns, 3).
    """
    colours = picture.astype(np.int16)
    coloured: BoolMask = colours.max(axis=2) - colours.min(axis=2) > _COLOURED
    if coloured.any():
        return coloured
    bright: BoolMask = colours.mean(axis=2) > 127
    return bright


def _unions(planes: Mapping[str, BoolMask]) -> list[BoolMask]:
    """Each outline, and what pairs and groups of them make together."""
    single = list(planes.values())
    together = [np.logical_or.reduce(single)] if len(single) > 1 else []
    stems: dict[str, list[BoolMask]] = {}
    for name, plane in planes.items():
        stems.setdefault(name.replace("right_", "").replace("left_", ""), []).append(plane)
    pairs = [np.logical_or.reduce(found) for found in stems.values() if len(found) > 1]
    return [*single, *pairs, *together]


def _overlap(shown: BoolMask, outline: BoolMask) -> float:
    """Intersection over union; the outline is brought to the picture's size."""
    if shown.shape != outline.shape:
        rows = np.arange(shown.shape[0]) * outline.shape[0] // shown.shape[0]
        columns = np.arange(shown.shape[1]) * outline.shape[1] // shown.shape[1]
        outline = outline[np.ix_(rows, columns)]
    union = np.count_nonzero(shown | outline)
    return np.count_nonzero(shown & outline) / union if union else 0.0
