"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Checked:
    """One check of one tool."""

    name: str
    outcome: Literal["passed", "failed", "skipped"]
    detail: str = ""
    """Why it failed, or why it could not be made."""


class Broken(Exception):  # noqa: N818 - an outcome, not an error
    """Raised by a check that the tool does not hold to; its text says why."""


class NotChecked(Exception):  # noqa: N818
    """Raised by a check that has nothing to say of this tool."""
