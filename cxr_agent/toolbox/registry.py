"""Which tools there are. Finding them imports no model library."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from importlib.util import find_spec

from cxr_agent.errors import ConfigError, ModelError
from cxr_agent.models import catalogue
from cxr_agent.toolbox.contract import ToolSpec, spec_of
from cxr_agent.toolbox.isolation.places import OwnEnvironment
from cxr_agent.toolbox.origin import Origin, SourceKind, origin_of


class Registry:
    """Tools by name, each with where it comes from."""

    def __init__(self, specs: Iterable[ToolSpec] = ()) -> None:
        self._specs: dict[str, ToolSpec] = {}
        self._origins: dict[str, Origin] = {}
        for spec in specs:
            self.add(spec)

    def add(self, spec: ToolSpec, origin: Origin | None = None) -> None:
        """Add one tool.

        Parameters
        ----------
        origin
            Where it comes from; without it, the module that it stands in.

        Raises
        ------
        ConfigError
            ``tool_name_taken`` when another tool has the name.
        """
        origin = origin or origin_of(spec.function)
        if spec.name in self._specs:
            raise ConfigError(
                "tool_name_taken",
                f"two tools are named {spec.name}: {self._origins[spec.name]} and {origin}",
                hint="Rename one of them, or leave it out.",
            )
        self._specs[spec.name] = spec
        self._origins[spec.name] = origin

    def origin(self, name: str) -> Origin:
        """Where the tool of that name comes from; raises KeyError."""
        return self._origins[name]

    def plug_ins(self) -> tuple[ToolSpec, ...]:
        """The tools that are not part of the program, in their order."""
        return tuple(
            spec for spec in self if self._origins[spec.name].kind is not SourceKind.BUILT_IN
        )

    def get(self, name: str) -> ToolSpec | None:
        return self._specs.get(name)

    def __iter__(self) -> Iterator[ToolSpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)


def known() -> Registry:
    """The tools of the folder ``tools/``, those that need a model that is not here too."""
    from cxr_agent import tools

    registry = Registry()
    for module in pkgutil.iter_modules(tools.__path__):
        contents = vars(importlib.import_module(f"cxr_agent.tools.{module.name}"))
        for candidate in contents.values():
            spec = spec_of(candidate)
            if spec is not None and spec.function.__module__ == f"cxr_agent.tools.{module.name}":
                registry.add(spec)
    return registry


def built_in(*, library: bool = False, vision: bool = False) -> Registry:
    """The tools that can be run here.

    Parameters
    ----------
    library
        Whether there is a store of films to look in.
    vision
        Whether there is a vision-language model that may be shown the films.
    """
    return Registry(
        spec
        for spec in known()
        if not lacking(spec)
        and (library or not spec.needs_library)
        and (vision or not spec.needs_vision)
    )


def lacking(spec: ToolSpec) -> tuple[str, ...]:
    """The commands that bring what a tool needs and this installation lacks; empty where none.

    A pulled model that is damaged does not count as lacking: the tool is offered, and says in the
    report that its model cannot be loaded.

    Raises
    ------
    ModelError
        ``unknown_model`` when ``kb/models.toml`` does not have the tool's model.
    """
    isolation = spec.isolation
    if isinstance(isolation, OwnEnvironment) and isolation.enabled_by:
        return isolation.enabled_by
    if spec.pretrained is None:
        return ()
    model = catalogue.find(spec.pretrained)
    commands = [] if _pulled(model.id) else [f"cxr-agent models pull {model.id}"]
    commands += [f"pip install {name}" for name in model.needs if find_spec(name) is None]
    return tuple(commands)


def _pulled(model: str) -> bool:
    try:
        return catalogue.installed(model) is not None
    except ModelError:
        return True
