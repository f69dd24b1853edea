"""Errors as the command line shows them: one clear line, what to do next, or an entry of JSON."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

from cxr_agent.cli.output import shown_name
from cxr_agent.errors import CxrAgentError


def print_error(error: CxrAgentError, subject: str = "") -> None:
    """One line on what is wrong, one on what to do next."""
    place = f"{subject}: " if subject else ""
    print(shown_name(f"cxr-agent: {place}[{error.code}] {error.message}"), file=sys.stderr)
    if error.hint:
        print(shown_name(f"  next: {error.hint}"), file=sys.stderr)


def internal_error(error: Exception) -> CxrAgentError:
    """A fault of the program as an error; its text is not shown, it may hold a tag's."""
    if os.environ.get("CXR_AGENT_DEBUG"):
        traceback.print_exception(error)
    return CxrAgentError(
        "internal_error",
        f"{type(error).__name__}: this is a fault of the program.",
        hint="run again with --debug and report what it prints",
    )


def error_record(error: CxrAgentError) -> dict[str, Any]:
    """An error for ``--json``."""
    return {
        "error": {"code": error.code, "message": error.message, "hint": error.hint},
        "exit_status": error.exit_status,
    }
