"""Reading the texts that commands are given."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from cxr_agent.errors import InputError
from cxr_agent.given_files import read_given

_MOST_BYTES: Final = 1 << 20
"""Of a report's file."""


def read_text(path: Path) -> str:
    """A text file, or standard input for ``-``; UTF-8, and what is no UTF-8 as Latin-1.

    Raises
    ------
    InputError
        ``unreadable_report`` or ``report_too_long``.
    """
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            raw = read_given(path, _MOST_BYTES)
    except ValueError:
        raw = bytes(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(
            "unreadable_report",
            f"the report cannot be read: {error.strerror}",
            hint="Give a text file, or - for standard input.",
        ) from None
    if len(raw) > _MOST_BYTES:
        raise InputError(
            "report_too_long", "the report has more than 1 MiB", hint="Give one report per file."
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
