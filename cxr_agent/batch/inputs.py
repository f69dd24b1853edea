"""What a study's result rests on: the bytes of its files, by which a rerun knows what is done."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cxr_agent.batch.work import FileFacts
from cxr_agent.errors import InputError
from cxr_agent.imaging.paths import open_film

_NONE: Final = -1


def is_local(place: str) -> bool:
    """Whether a place is a file of this machine, and not an address."""
    return "://" not in place


def facts_of(place: str) -> FileFacts:
    """Size, time and hash of a file; without a hash where it cannot be read.

    An instance behind an address never changes (its SOP Instance UID is part of it, PS3.5 9.1), so
    the address stands for it.
    """
    if not is_local(place):
        return FileFacts(place, _NONE, _NONE, hashlib.sha256(place.encode()).hexdigest())
    try:
        descriptor, _ = open_film(place)
        with os.fdopen(descriptor, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size, modified = _stat(place)
    except (OSError, InputError):
        return FileFacts(place, _NONE, _NONE, "")
    return FileFacts(place, size, modified, sha256)


def is_as_it_was(facts: FileFacts) -> bool:
    """Whether size and time of the file are still those; the cheap look before :func:`facts_of`."""
    if not is_local(facts.place):
        return True
    try:
        return _stat(facts.place) == (facts.size, facts.modified_ns)
    except OSError:
        return False


def digest_of(films: Sequence[str], priors: Sequence[str], indication: str) -> str:
    """Hash of a study's content.

    Parameters
    ----------
    films, priors
        SHA-256 of each file.
    """
    content = json.dumps([list(films), list(priors), indication], ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def _stat(place: str) -> tuple[int, int]:
    facts = Path(place).stat()
    return facts.st_size, facts.st_mtime_ns
