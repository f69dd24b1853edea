"""Named sessions: which run they are, and where their films lie on this machine.

The trace holds no path, so that it can be passed on. What connects it with files stands here, in
the user's own folder, readable by nobody else.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from cxr_agent.errors import OutputError, UsageError
from cxr_agent.reading.places import STATE_VARIABLE, state_folder
from cxr_agent.trace.durable import write_file

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FILE: Final = "sessions.json"


class Session(BaseModel):
    """One session."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    run: Path
    """Folder of the trace."""
    films: tuple[Path, ...]
    priors: tuple[Path, ...] = ()


class _Index(BaseModel):
    model_config = ConfigDict(extra="forbid")

    last: str | None = None
    sessions: dict[str, Session] = {}


def find_session(name: str | None = None) -> Session:
    """A session by name, or the last one.

    Raises
    ------
    UsageError
        ``no_session`` when there is none.
    """
    index = _read(state_folder() / _FILE)
    wanted = name or index.last
    if wanted is None or wanted not in index.sessions:
        known = ", ".join(list(index.sessions)[-8:])
        raise UsageError(
            "no_session",
            f"there is no session {wanted[:60]!r}" if wanted else "there is no session yet",
            hint=f"Known: {known}." if known else "Start one: cxr-agent chat FILE.",
        )
    return index.sessions[wanted]


def keep_session(
    name: str, run: Path, films: Sequence[Path], priors: Sequence[Path], *, new: bool
) -> Session:
    """Remember a session, as the last one.

    Parameters
    ----------
    new
        Whether the name must not be taken.

    Raises
    ------
    UsageError
        ``bad_session_name``, ``session_exists``.
    OutputError
        ``state_not_writable``.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            "bad_session_name",
            "a session name is up to 64 letters, digits, dots, dashes and underscores",
        )
    session = Session(
        name=name,
        run=run.absolute(),
        films=tuple(path.absolute() for path in films),
        priors=tuple(path.absolute() for path in priors),
    )
    folder = state_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(folder):
            index = _read(folder / _FILE)
            if new and name in index.sessions:
                raise UsageError(
                    "session_exists",
                    f"there is a session {name}",
                    hint=f"Go on with it: cxr-agent chat --continue --session {name}",
                )
            index.sessions[name] = session
            index.last = name
            _write(folder / _FILE, index)
    except OSError as error:
        raise OutputError(
            "state_not_writable",
            f"the list of sessions cannot be written: {error.strerror}",
            hint=f"Set {STATE_VARIABLE} to a folder that can be.",
        ) from None
    return session


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(file: Path) -> _Index:
    """The list; a missing or damaged one is empty: it only says where things are."""
    try:
        return _Index.model_validate_json(file.read_bytes())
    except (OSError, ValidationError, ValueError):
        return _Index()


def _write(file: Path, index: _Index) -> None:
    text = json.dumps(index.model_dump(mode="json"), indent=1)
    write_file(file, text.encode("utf-8", "surrogateescape"))
