"""The head file: what the last line was when a writer stopped.

The chain binds each line to the one before, so nothing in it tells of the last one. The file is
one line of JSON in one form, so that each of its bytes counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_agent.trace.durable import sync_folder, write_file
from cxr_agent.trace.layout import HEAD

_FORM: Final = re.compile(
    rb'\{"seq":([1-9][0-9]{0,18}),"sha256":"([0-9a-f]{64})","size":([1-9][0-9]{0,18})\}\n'
)
_LONGEST: Final = 256
"""Bytes; a head file has about half of that."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a run."""

    seq: int
    """Of the last line."""
    sha256: str
    """Of its bytes, without the line feed."""
    size: int
    """Bytes of the file of lines, with the line feed."""


def encode_head(head: Head) -> bytes:
    """The content of the head file."""
    return f'{{"seq":{head.seq},"sha256":"{head.sha256}","size":{head.size}}}\n'.encode()


def decode_head(data: bytes) -> Head | None:
    """The head in a file's content; None for anything that :func:`encode_head` does not give."""
    found = _FORM.fullmatch(data)
    if found is None:
        return None
    seq, sha256, size = found.groups()
    return Head(int(seq), sha256.decode(), int(size))


def read_head(directory: Path) -> bytes | None:
    """The head file of a run as it stands; None where there is none. Raises OSError."""
    file = directory / HEAD
    try:
        if not file.is_file():
            # What stands there under its name was not written by a run: that is no head.
            return b"" if file.exists() else None
        with file.open("rb") as stream:
            return stream.read(_LONGEST + 1)
    except FileNotFoundError:
        return None


def write_head(directory: Path, head: Head) -> None:
    """Put ``head`` in the place of the older one, durably. Raises OSError."""
    write_file(directory / HEAD, encode_head(head))
    sync_folder(directory)
