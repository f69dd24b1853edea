"""Where the films of a run lie, for as long as it is not finished.

A trace holds no path, so that it can be passed on. What a run that was cut off needs to go on
stands in the user's own folder, readable by nobody else, and is removed when the run ends.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from cxr_agent.trace.durable import write_file

STATE_VARIABLE: Final = "CXR_AGENT_STATE"
_FOLDER: Final = "unfinished"


class Places(BaseModel):
    """What a reading was given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path
    """Folder of the trace."""
    films: tuple[Path, ...]
    priors: tuple[Path, ...] = ()
    priors_from: str | None = None
    indication: str = ""


def state_folder() -> Path:
    """``CXR_AGENT_STATE``, else the user's state folder (XDG)."""
    given = os.environ.get(STATE_VARIABLE)
    if given:
        return Path(given)
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "cxr-agent"


def keep_places(places: Places) -> None:
    """Remember them. Where the folder cannot be written, whoever resumes names the films."""
    try:
        file = _file(places.run)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = places.model_dump_json().encode("utf-8", "surrogateescape")
        write_file(file, data, sync=False)
    except OSError:
        return


def forget_places(run: Path) -> None:
    """The run is finished."""
    try:
        _file(run).unlink(missing_ok=True)
    except OSError:
        return


def places_of(run: Path) -> Places | None:
    """What was remembered of a run; None where nothing was, or of another run of this name."""
    try:
        found = Places.model_validate_json(_file(run).read_bytes())
    except (OSError, ValidationError, ValueError):
        return None
    return found if found.run == run.absolute() else None


def _file(run: Path) -> Path:
    return state_folder() / _FOLDER / f"{run.name}.json"
