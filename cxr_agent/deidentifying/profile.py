"""What becomes of each attribute, out of ``kb/``.

References
----------
DICOM PS3.15 Table E.1-1 (``kb/confidentiality_profile.toml``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cxr_agent.knowledge import load


@dataclass(frozen=True, slots=True)
class Profile:
    """The standard's table, and what is kept of the rest. Tags are ``group << 16 | element``."""

    edition: str
    basic: Mapping[int, str]
    """Action of the basic profile, as the table writes it: ``X``, ``Z/D``."""
    dates: frozenset[int]
    """What the option with modified dates keeps."""
    numbers: frozenset[str]
    """Keywords, as in those that follow."""
    sequences: frozenset[str]
    tables: frozenset[str]
    emptied: frozenset[str]
    classes: frozenset[str]
    terms: Mapping[str, frozenset[str]]
    codes: Mapping[str, str]
    characteristics: frozenset[str]
    oldest_years: int


@lru_cache(maxsize=1)
def profile() -> Profile:
    """The profile. Raises ConfigError where ``kb/`` is damaged."""
    table: Mapping[str, Any] = load("confidentiality_profile")
    ours: Mapping[str, Any] = load("deidentification")
    kept = ours["kept"]
    return Profile(
        edition=table["edition"],
        basic={_tag(name): action for name, action in table["basic"].items()},
        dates=frozenset(map(_tag, table["modified_dates"])),
        numbers=frozenset(kept["numbers"]),
        sequences=frozenset(kept["sequences"]),
        tables=frozenset(kept["tables"]),
        emptied=frozenset(kept["emptied"]),
        classes=frozenset(kept["classes"]),
        terms={name: frozenset(values) for name, values in ours["terms"].items()},
        codes=ours["codes"],
        characteristics=frozenset(ours["patient_characteristics"]["numbers"]),
        oldest_years=ours["patient_characteristics"]["oldest_years"],
    )


def _tag(name: str) -> int:
    return int(name.replace(",", ""), 16)
