"""A report on standard output: laid out for a terminal, plain for everything else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cxr_agent.report.model import Report


def print_report(report: Report) -> None:
    """Print a report as text."""
    from cxr_agent.report.render import render_terminal, to_text

    if sys.stdout.isatty():
        from rich.console import Console

        render_terminal(report, Console())
    else:
        print(to_text(report))
