"""What was done otherwise than asked, and a user should know."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class NoticeCode(StrEnum):
    """Why there is something to say."""

    SMALLER_BATCHES = "smaller_batches"
    """The memory is full: fewer films go through the network at a time."""
    OVER_BUDGET = "over_budget"
    """A model takes more than the memory budget leaves; it was loaded all the same."""
    CACHE_UNUSABLE = "cache_unusable"
    """The folder that results are kept in cannot be written to; the tools run without."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened, as a rule to one model."""

    code: NoticeCode
    model: str = ""
    batch: int | None = None
    """Films at a time from now on."""
    mib: int | None = None
    """What the model takes."""

    @property
    def text(self) -> str:
        """One line for people."""
        match self.code:
            case NoticeCode.SMALLER_BATCHES:
                return f"memory is short: {self.model} runs at most {self.batch} film(s) at a time"
            case NoticeCode.OVER_BUDGET:
                return f"{self.model} takes {self.mib} MiB, more than the memory budget leaves"
            case NoticeCode.CACHE_UNUSABLE:
                return "the cache cannot be written to: results are not kept"

    def record(self) -> dict[str, Any]:
        """For a trace or ``--json``."""
        fields = {"model": self.model or None, "batch": self.batch, "mib": self.mib}
        known = {name: value for name, value in fields.items() if value is not None}
        return {"code": self.code.value, **known}
