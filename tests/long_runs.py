"""How large the long tests are: a sample of each in CI, all of it by ``make long``.

``CXR_AGENT_LONG=1`` sets the full sizes. A long test is marked ``long`` and tells what it did with
``record_property``; under ``-p tests.long_log`` that goes to ``docs/long_runs.log``.
"""

from __future__ import annotations

import os
from typing import Final, TypeVar

VARIABLE: Final = "CXR_AGENT_LONG"
LONG: Final = os.environ.get(VARIABLE) == "1"

T = TypeVar("T")


def long_or(sample: T, full: T) -> T:
    """``full`` under ``make long``, ``sample`` otherwise."""
    return full if LONG else sample
