"""What a search for prior films is said to have found."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cxr_agent.imaging import PriorSearch


def print_search(search: PriorSearch) -> None:
    """One line, beside what a program reads."""
    print(search.summary, file=sys.stderr)
