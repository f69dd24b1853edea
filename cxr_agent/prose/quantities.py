"""Numbers with their units as a text writes them."""

from __future__ import annotations

import re
from typing import Final

from pydantic import BaseModel, ConfigDict

NUMBER: Final = re.compile(
    r"((?:(?<![\w.])[-+])?(?:(?<![A-Za-z\d])\d+(?:[.,]\d+)?|(?<![A-Za-z\d])[.,]\d+))"
    r"(?:[\s-]*(mm|cm2|cm²|cm\^2|square (?:centimeters?|centimetres?)|sq cm|cm|millimet(?:er|re)s?"
    r"|centimet(?:er|re)s?|pixels?|px|%|percent|per cent|°|deg|degrees?|days?|weeks?|months?"
    r"|years?|kg|km|m)(?![a-z]))?"
)
_UNITS: Final = {
    "millimeter": "mm",
    "millimetre": "mm",
    "centimeter": "cm",
    "centimetre": "cm",
    "cm²": "cm2",
    "cm^2": "cm2",
    "sq cm": "cm2",
    "square centimeter": "cm2",
    "square centimetre": "cm2",
    "pixel": "px",
    "percent": "%",
    "per cent": "%",
    "°": "deg",
    "degree": "deg",
    "degrees": "deg",
    "day": "d",
}


class Quantity(BaseModel):
    """A number as it is written; ``unit`` is a UCUM code where one is known, or empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    decimals: int
    unit: str
    start: int
    end: int


def quantities(text: str) -> list[Quantity]:
    """Every number of a lower-case text, in its order; that of a name, as T1, is none."""
    found = []
    for match in NUMBER.finditer(text):
        digits = match.group(1).replace(",", ".")
        unit = match.group(2) or ""
        singular = unit.removesuffix("s") if len(unit) > 2 else unit
        found.append(
            Quantity(
                value=float(digits),
                decimals=len(digits.partition(".")[2]),
                unit=_UNITS.get(unit) or _UNITS.get(singular, singular),
                start=match.start(),
                end=match.end(),
            )
        )
    return found
