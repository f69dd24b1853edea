"""Values of a header that may stay: numbers, listed terms, shifted dates."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from datetime import date, timedelta
from typing import Any, Final

_MOST: Final = 100_000
"""What a number stays below: a longer one may be a record's or a telephone's."""
_DIGITS: Final = 6
_DATE: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
_TIME: Final = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")
_MOMENT: Final = re.compile(r"(\d{8})((?:[01]\d|2[0-3])(?:[0-5]\d){0,2})?(?:\.\d{1,6})?")
_AGE: Final = re.compile(r"(\d{3})([DWMY])")


def values_of(value: Any) -> list[Any]:
    """The values of an element, one or many."""
    if value is None or value == "":
        return []
    if isinstance(value, str | bytes | int | float):
        return [value]
    try:
        return list(value)
    except TypeError:
        return [value]


def plain_numbers(value: Any, *, whole: bool) -> list[float | int] | None:
    """The values as numbers of few digits; None where one is none.

    Parameters
    ----------
    whole
        Only integers are numbers.
    """
    numbers: list[float | int] = []
    for one in values_of(value):
        try:
            number = float(one)
        except (TypeError, ValueError):
            return None
        if not math.isfinite(number) or abs(number) >= _MOST or (whole and number % 1):
            return None
        numbers.append(int(number) if whole else float(f"{number:.{_DIGITS}g}"))
    return numbers


def known_terms(value: Any, known: Collection[str]) -> list[str] | None:
    """The values in capitals; None where one is not listed."""
    terms = [str(one).strip().upper() for one in values_of(value)]
    return terms if all(term in known for term in terms) else None


def shifted(vr: str, value: Any, days: int) -> str | None:
    """A date, time or both, so many days earlier; None for what is none.

    Parameters
    ----------
    vr
        ``DA``, ``TM`` or ``DT``. A time of day stays as it is.
    """
    text = str(value).strip()
    if vr == "TM":
        return text if _TIME.fullmatch(text) else None
    if vr == "DA":
        return _earlier(text, days)
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    day = _earlier(match[1], days)
    return None if day is None else day + (match[2] or "")


def capped_age(value: Any, oldest: int) -> str | None:
    """An age as the standard writes it, the highest as one; None for what is none."""
    match = _AGE.fullmatch(str(value).strip())
    if match is None:
        return None
    if match[2] == "Y" and int(match[1]) > oldest:
        return f"{oldest + 1:03d}Y"
    return match[0]


def _earlier(text: str, days: int) -> str | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    try:
        day = date(int(match[1]), int(match[2]), int(match[3])) - timedelta(days)
    except (ValueError, OverflowError):
        return None
    return f"{day:%Y%m%d}".rjust(8, "0")
