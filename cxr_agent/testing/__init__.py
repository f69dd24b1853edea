"""What plug-in authors and our own tests use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cxr_agent.testing.checks import Checked, check_tool

__all__ = ["Checked", "check_tool"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'cxr_agent.testing' has no attribute {name!r}")
    from cxr_agent.testing import checks

    return getattr(checks, name)
