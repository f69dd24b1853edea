"""The contract suite: what a tool must hold to before a reading relies on it."""

from cxr_agent.testing.checks.outcome import Checked
from cxr_agent.testing.checks.suite import check_tool

__all__ = ["Checked", "check_tool"]
