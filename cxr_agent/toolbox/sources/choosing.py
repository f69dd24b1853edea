"""Which installed plug-ins are used: ``CXR_AGENT_PLUGINS``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from cxr_agent.errors import UsageError

PLUGINS_VARIABLE: Final = "CXR_AGENT_PLUGINS"
_ALL: Final = "all"
_NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class PluginChoice:
    """Names of entry points, or of distributions for all of theirs."""

    only: tuple[str, ...] | None = None
    """None for all."""
    without: tuple[str, ...] = ()

    def takes(self, entry_point: str, distribution: str) -> bool:
        """Whether a plug-in is used."""
        names = {_plain(entry_point), _plain(distribution)}
        if names & set(self.without):
            return False
        return self.only is None or bool(names & set(self.only))

    @property
    def named(self) -> tuple[str, ...]:
        """All that the choice names, so that a slip can be told."""
        return (*(self.only or ()), *self.without)

    @classmethod
    def read(cls, text: str) -> PluginChoice:
        """``all``, ``none``, ``a,b`` for these alone, or ``-a,-b`` for all but these.

        Raises
        ------
        UsageError
            ``bad_plugins``.
        """
        names = [name.strip() for name in text.split(",") if name.strip()]
        if names in ([], [_ALL]):
            return cls()
        if names == [_NONE]:
            return cls(only=())
        left_out = [_plain(name[1:]) for name in names if name.startswith("-")]
        if left_out and len(left_out) < len(names):
            raise UsageError(
                "bad_plugins",
                f"{PLUGINS_VARIABLE} both picks and leaves out: {text[:80]!r}",
                hint="Give all, none, a,b for these alone, or -a,-b for all but these.",
            )
        if left_out:
            return cls(without=tuple(left_out))
        return cls(only=tuple(map(_plain, names)))

    @classmethod
    def of_environment(cls) -> PluginChoice:
        """That of ``CXR_AGENT_PLUGINS``; raises as :meth:`read`."""
        return cls.read(os.environ.get(PLUGINS_VARIABLE, ""))


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")
