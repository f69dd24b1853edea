"""What is taken from the answer of a tool from outside. The answer is data, whatever it says."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from cxr_agent.errors import ToolError
from cxr_agent.evidence import OUTSIDE, EvidenceKind, Observation, Polarity, Side, Unit
from cxr_agent.language.outgoing import masked
from cxr_agent.toolbox.contract import ToolResult
from cxr_agent.toolbox.isolation.reply import CONTRACT

from .mapping import AnswerMapping, Place, ToolMapping

TEXT_CODE: Final = "outside_text"
_LONGEST_JSON: Final = 1 << 20
_LONGEST_QUOTE: Final = 240


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it came: JSON, where it has any, and text."""

    structured: Any = None
    text: str = ""

    @property
    def content(self) -> Any:
        """The JSON of the answer; its text where that is JSON; else nothing."""
        if self.structured is not None:
            return self.structured
        if len(self.text) > _LONGEST_JSON:
            return None
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None


class Outside(ToolResult):
    """What a tool from outside answered, in our terms."""

    subject: str
    value: float | None = None
    unit: Unit | None = None
    score: float | None = None
    limit_present: float | None = None
    limit_absent: float | None = None
    side: Side | None = None
    quote: str = ""

    def observations(self) -> Iterable[Observation]:
        if self.value is not None:
            yield Observation(
                kind=EvidenceKind.MEASUREMENT,
                code=self.subject,
                category=OUTSIDE,
                side=self.side,
                value=self.value,
                unit=self.unit,
            )
        elif self.score is not None:
            yield self._finding(self.score)
        else:
            yield Observation(kind=EvidenceKind.TEXT, code=TEXT_CODE, quote=self.quote)

    def _finding(self, score: float) -> Observation:
        assert self.limit_present is not None
        assert self.limit_absent is not None
        polarity = Polarity.UNCERTAIN
        if score >= self.limit_present:
            polarity = Polarity.PRESENT
        elif score < self.limit_absent:
            polarity = Polarity.ABSENT
        # No probability: whatever the tool calls its score, nobody has calibrated it here.
        return Observation(
            kind=EvidenceKind.FINDING,
            code=self.subject,
            category=OUTSIDE,
            side=self.side,
            polarity=polarity,
            details={
                "score": score,
                "limit_present": self.limit_present,
                "limit_absent": self.limit_absent,
            },
        )


def outside(mapping: ToolMapping, given: Given) -> Outside:
    """An answer in our terms.

    Raises
    ------
    ToolError
        ``tool_contract`` when what the mapping names is not there, or is nothing of its kind.
    """
    answer, subject = mapping.answer, mapping.subject
    if mapping.kind == "text":
        return Outside(subject=subject, quote=_quote(mapping, given))
    content = given.content
    side = _side(mapping, content)
    if mapping.kind == "measurement":
        value = _number(mapping, content, answer.value)
        low, high = answer.between or (-math.inf, math.inf)
        if not low <= value <= high:
            raise _breach(mapping, "an implausible value")
        return Outside(subject=subject, value=value, unit=_unit(mapping, content), side=side)
    score = _number(mapping, content, answer.score)
    if not 0 <= score <= 1:
        raise _breach(mapping, "a score beyond 0 and 1")
    return Outside(
        subject=subject,
        score=score,
        limit_present=answer.present_from,
        limit_absent=answer.absent_below,
        side=side,
    )


def _at(mapping: ToolMapping, content: Any, place: Place | None) -> Any:
    for name in (place or "").split("."):
        if isinstance(content, dict) and name in content:
            content = content[name]
        elif isinstance(content, list) and name.isdecimal() and int(name) < len(content):
            content = content[int(name)]
        else:
            raise _breach(mapping, "nothing where its answer should stand")
    return content


def _number(mapping: ToolMapping, content: Any, place: Place | None) -> float:
    found = _at(mapping, content, place)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise _breach(mapping, "no number")
    try:
        number = float(found)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _breach(mapping, "no finite number")
    return number


def _unit(mapping: ToolMapping, content: Any) -> Unit:
    answer = mapping.answer
    if answer.unit is not None:
        return answer.unit
    found = _at(mapping, content, answer.unit_at)
    if isinstance(found, str):
        if found in answer.units:
            return answer.units[found]
        if found in set(Unit):
            return Unit(found)
    raise _breach(mapping, "a unit that its mapping does not know")


def _side(mapping: ToolMapping, content: Any) -> Side | None:
    answer: AnswerMapping = mapping.answer
    if answer.side is None:
        return None
    found = _at(mapping, content, answer.side)
    if found is None:
        return None
    if isinstance(found, str):
        if found in answer.sides:
            return answer.sides[found]
        if found in set(Side):
            return Side(found)
    raise _breach(mapping, "a side that its mapping does not know")


def _quote(mapping: ToolMapping, given: Given) -> str:
    text = given.text
    if mapping.answer.text is not None:
        text = _at(mapping, given.content, mapping.answer.text)
    if not isinstance(text, str) or not text.strip():
        raise _breach(mapping, "no text")
    quote = masked(" ".join(text[: 10 * _LONGEST_QUOTE].split())).text
    return quote if len(quote) <= _LONGEST_QUOTE else quote[: _LONGEST_QUOTE - 2].rstrip() + " …"


def _breach(mapping: ToolMapping, what: str) -> ToolError:
    return ToolError(CONTRACT, f"{mapping.name} returned {what}")
