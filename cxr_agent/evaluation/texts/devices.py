"""Which device a report names: all are one finding to the lexicon, and not to a reader."""

from __future__ import annotations

import re
from typing import Final

_KINDS: Final = {
    "pacemaker": r"pacemaker|pacer|pacing|icd|aicd|defibrillator|lead|generator",
    "PICC": r"picc",
    "port": r"port-a-cath|portacath|mediport|port|infusion port",
    "central line": (
        r"central (?:venous )?(?:line|catheter)|subclavian line|jugular (?:line|catheter)"
        r"|dialysis catheter|swan-ganz"
    ),
    "endotracheal tube": r"endotracheal tube|ett|tracheostomy",
    "enteric tube": r"(?:nasogastric|enteric|feeding|ng|og|gastrostomy) tube",
    "chest tube": r"chest tube|drain",
    "valve": r"valve replacement|prosthetic valve",
}
_PATTERNS: Final = {
    kind: re.compile(rf"(?<![\w-])(?:{words})s?(?![\w-])") for kind, words in _KINDS.items()
}


def device_in(text: str) -> str:
    """The kind of device that a phrase names; empty for "tube" and what else may be any."""
    lower = " ".join(text.lower().split())
    return next((kind for kind, words in _PATTERNS.items() if words.search(lower)), "")
