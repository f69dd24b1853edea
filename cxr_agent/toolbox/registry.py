"""Which tools there are. Finding them imports no model library."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator

from cxr_agent.errors import ConfigError
from cxr_agent.toolbox.contract import ToolSpec, spec_of


class Registry:
    """Tools by name."""

    def __init__(self, specs: Iterable[ToolSpec] = ()) -> None:
        self._specs: dict[str, ToolSpec] = {}
        for spec in specs:
            self.add(spec)

    def add(self, spec: ToolSpec) -> None:
        """Add one tool.

        Raises
        ------
        ConfigError
            ``tool_name_taken`` when another tool has the name.
        """
        if spec.name in self._specs:
            raise ConfigError("tool_name_taken", f"two tools are named {spec.name}")
        self._specs[spec.name] = spec

    def get(self, name: str) -> ToolSpec | None:
        return self._specs.get(name)

    def __iter__(self) -> Iterator[ToolSpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)


def built_in() -> Registry:
    """The tools of the folder ``tools/``."""
    from cxr_agent import tools

    registry = Registry()
    for module in pkgutil.iter_modules(tools.__path__):
        contents = vars(importlib.import_module(f"cxr_agent.tools.{module.name}"))
        for candidate in contents.values():
            spec = spec_of(candidate)
            if spec is not None and spec.function.__module__ == f"cxr_agent.tools.{module.name}":
                registry.add(spec)
    return registry
