"""A drop-in folder: each of its Python files is a plug-in.

Files whose name begins with ``_`` or ``test_`` are none, nor is ``conftest.py``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Final

from cxr_agent.errors import ConfigError, UsageError
from cxr_agent.toolbox.contract import ToolSpec
from cxr_agent.toolbox.origin import Origin, SourceKind
from cxr_agent.toolbox.sources.loading import quietly, tools_of
from cxr_agent.toolbox.sources.skipped import Skipped, skipped_for

TOOLS_VARIABLE: Final = "CXR_AGENT_TOOLS"
_PREFIX: Final = "cxr_agent_dropped_in"


def tools_folder(folder: Path | str | None) -> Path | None:
    """The folder, else the one that ``CXR_AGENT_TOOLS`` names, else the user's own if it is there.

    An empty ``CXR_AGENT_TOOLS`` stands for none.

    Raises
    ------
    UsageError
        ``no_tools_folder``.
    """
    place = folder or os.environ.get(TOOLS_VARIABLE)
    if not place:
        own = personal_folder()
        return own if TOOLS_VARIABLE not in os.environ and own.is_dir() else None
    if not Path(place).is_dir():
        raise UsageError(
            "no_tools_folder",
            f"there is no folder {str(place)[:200]}",
            hint=f"Give --tools, or {TOOLS_VARIABLE}, a folder of tools: one Python file each.",
        )
    return Path(place).resolve()


def new_tools_folder(folder: Path | str | None) -> Path:
    """Where a new tool goes, so that the next reading finds it; it need not be there yet."""
    place = folder or os.environ.get(TOOLS_VARIABLE)
    return Path(place).absolute() if place else personal_folder()


def personal_folder() -> Path:
    """The user's own tools: ``cxr-agent/tools`` in the data folder (XDG)."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "cxr-agent" / "tools"


def is_personal(folder: Path) -> bool:
    """Whether readings look there without being told."""
    return folder.resolve() == personal_folder().resolve()


def tools_in(folder: Path) -> Iterator[tuple[Origin, ToolSpec] | Skipped]:
    """Every tool of the folder, and every file that is none, by file name."""
    for path in sorted(folder.glob("*.py")):
        if path.name.startswith(("_", "test_")) or path.name == "conftest.py":
            continue
        origin = Origin(SourceKind.FOLDER, str(path))
        try:
            specs = tuple(tools_of(load_file(path)))
            if not specs:
                raise ConfigError("no_tool", "there is no function with the decorator in it")
        except Exception as error:
            yield skipped_for(origin, error)
        else:
            yield from ((origin, spec) for spec in specs)


def load_file(path: Path) -> ModuleType:
    """A file as a module of its own, loaded once; any error of its code is raised.

    Its name tells the file apart from one of the same name elsewhere.
    """
    place = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
    name = f"{_PREFIX}_{place}_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    loader = spec.loader if spec is not None else None
    if spec is None or loader is None:
        raise ConfigError("plugin_broken", "it cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: pydantic looks its types up there
    try:
        quietly(partial(loader.exec_module, module))
    except BaseException:
        del sys.modules[name]
        raise
    return module
