"""Plug-ins that were left out, as the command line tells of them: it goes on without."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cxr_agent.cli.output import shown_name

if TYPE_CHECKING:
    from cxr_agent.toolbox.sources import Skipped


@contextmanager
def skipped_told(skipped: Iterable[Skipped]) -> Iterator[None]:
    """Say before the work which plug-ins take no part in it."""
    for one in skipped:
        tell(one)
    yield


def tell(skipped: Skipped) -> None:
    """One line on standard error."""
    line = f"plug-in left out: {skipped.origin}: [{skipped.code}] {skipped.message}"
    print(shown_name(f"cxr-agent: {line}"), file=sys.stderr)
