"""What a language model may reply to a question: one JSON object of a closed form, or nothing."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxr_agent.evaluation.suites.question import LETTERS

OFF_SCHEMA: Final = "off_schema"
NOT_KNOWN: Final = "not_known"
MOST_WORDS: Final = 2_000
"""Characters of an answer in words."""
_OBJECT: Final = re.compile(r"\{[^{}]*\}")
_UNKNOWN: Final = "unknown"


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    answer: Annotated[str, Field(max_length=MOST_WORDS)]


def option_in(reply: str, count: int) -> tuple[int | None, str]:
    """Place of the option whose letter was chosen, and a code where none was."""
    said, why = words_in(reply)
    if said is None:
        return None, why
    letter = said.strip().upper()
    if len(letter) == 1 and letter in LETTERS[:count]:
        return LETTERS.index(letter), "model"
    return None, OFF_SCHEMA


def words_in(reply: str) -> tuple[str | None, str]:
    """The answer in words, and a code where there is none.

    The last object of the reply counts; one with more than ``answer`` is none.
    """
    found = _OBJECT.findall(reply)
    try:
        said = _Reply.model_validate_json(found[-1]).answer.strip() if found else ""
    except ValidationError:
        said = ""
    if not said:
        return None, OFF_SCHEMA
    return (None, NOT_KNOWN) if said.lower() == _UNKNOWN else (said, "model")
