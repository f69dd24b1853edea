"""Running a plug-in's code: what it prints, raises or ends must not harm a reading."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from types import ModuleType
from typing import TypeVar

from cxr_agent.errors import ConfigError
from cxr_agent.toolbox.contract import ToolSpec, spec_of

_T = TypeVar("_T")


def quietly(load: Callable[[], _T]) -> _T:
    """What ``load()`` gives; what it prints goes to standard error, as our output may be JSON.

    Raises
    ------
    ConfigError
        ``plugin_broken`` when it tries to end the program. Anything else that it raises, an
        interrupt by the user included, is raised again.
    """
    try:
        with redirect_stdout(sys.stderr):
            return load()
    except SystemExit as error:
        raise ConfigError("plugin_broken", "it tried to end the program") from error


def tools_of(loaded: object) -> Iterator[ToolSpec]:
    """The tools of what an entry point or a file gives: a tool, several, or a module of them."""
    spec = loaded if isinstance(loaded, ToolSpec) else spec_of(loaded)
    if spec is not None:
        yield spec
    elif isinstance(loaded, ModuleType):
        yield from _of_module(loaded)
    elif isinstance(loaded, list | tuple):
        for one in loaded:
            yield from tools_of(one)


def _of_module(module: ModuleType) -> Iterator[ToolSpec]:
    """Tools that are written in the module or below it; others are only imported there."""
    seen = set()
    for candidate in vars(module).values():
        spec = spec_of(candidate)
        if spec is None or spec.name in seen:
            continue
        home = spec.function.__module__
        if home == module.__name__ or home.startswith(f"{module.__name__}."):
            seen.add(spec.name)
            yield spec
