"""A plug-in that was left out, and why."""

from __future__ import annotations

from dataclasses import dataclass

from cxr_agent.errors import CxrAgentError
from cxr_agent.toolbox.origin import Origin


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was left out; a reading goes on without it."""

    origin: Origin
    code: str
    """As of an error: ``tool_name_taken``, ``bad_tool_contract``, ``plugin_broken`` ..."""
    message: str

    @property
    def name(self) -> str:
        """What may be told to anyone: no folder, which may name somebody."""
        return self.origin.place.rpartition("/")[2]


def skipped_for(origin: Origin, error: BaseException) -> Skipped:
    """A plug-in that raised while it was loaded or taken in."""
    if isinstance(error, CxrAgentError):
        return Skipped(origin, error.code, error.message)
    said = " ".join(str(error).split())[:200]
    return Skipped(origin, "plugin_broken", f"{type(error).__name__}: {said}".rstrip(": "))
