"""Where a tool comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

_OURS: Final = "cxr_agent.tools."


class SourceKind(StrEnum):
    """The places where tools are found, in the order of search: the first with a name keeps it."""

    BUILT_IN = "built-in"
    GIVEN = "given"
    FOLDER = "folder"
    ENTRY_POINT = "entry point"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Origin:
    """One such place, so that it can be found again."""

    kind: SourceKind
    place: str
    """A module, a file, or a distribution with its entry point."""

    def __str__(self) -> str:
        return f"{self.kind} {self.place}"


def origin_of(function: Callable[..., Any]) -> Origin:
    """Of a tool that no source told of: the module that it stands in."""
    module = function.__module__
    kind = SourceKind.BUILT_IN if module.startswith(_OURS) else SourceKind.GIVEN
    return Origin(kind, module)
