"""Whether every machine sees the folder of the batch, and the films."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cxr_agent.batch.inputs import is_local
from cxr_agent.batch.layout import MARKER
from cxr_agent.batch.work import StudyResult, Task
from cxr_agent.errors import ConfigError, InputCode
from cxr_agent.output import write_whole

_WAIT_S: Final = 5.0
"""A network file system may show a new file to other machines some seconds later."""
_LOOK_S: Final = 0.2


@contextmanager
def marked(folder: Path) -> Iterator[str]:
    """Keep a file in the folder that only a machine that shares it can know.

    Yields
    ------
    str
        What stands in it.

    Raises
    ------
    OutputError
        As :func:`~cxr_agent.output.write_whole`.
    """
    token = secrets.token_hex(16)
    path = folder / MARKER
    write_whole(path, token.encode())
    try:
        yield token
    finally:
        path.unlink(missing_ok=True)


def check_folder(folder: Path, token: str, wait_s: float = _WAIT_S) -> None:
    """See that this machine's folder is the one that was marked.

    Raises
    ------
    ConfigError
        ``folder_not_shared``.
    """
    end = time.monotonic() + wait_s
    while not _is_marked(folder, token):
        if time.monotonic() > end:
            raise ConfigError(
                "folder_not_shared",
                "a machine of the cluster does not see the folder of the batch",
                hint="Name with --out a folder that all of them mount under the same path.",
            )
        time.sleep(_LOOK_S)


def check_films(task: Task, result: StudyResult) -> None:
    """See that a film that a worker did not find is not here either.

    Otherwise every study would be refused, and the batch would look done.

    Raises
    ------
    ConfigError
        ``films_not_shared``.
    """
    places = [Path(place) for place in task.films if is_local(place)]
    if result.code == InputCode.FILE_NOT_FOUND and places and all(map(Path.exists, places)):
        raise ConfigError(
            "films_not_shared",
            "a machine of the cluster does not see films that this one sees",
            hint="Keep the films in a folder that all of them mount under the same path.",
        )


def _is_marked(folder: Path, token: str) -> bool:
    try:
        return (folder / MARKER).read_text() == token
    except (OSError, ValueError):
        return False
