"""All tools of one agent: the program's own, then what it was given, then what is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from cxr_agent.errors import ConfigError, ModelError
from cxr_agent.toolbox.contract import ToolSpec
from cxr_agent.toolbox.origin import Origin
from cxr_agent.toolbox.registry import Registry, known, lacking
from cxr_agent.toolbox.sources.choosing import PluginChoice
from cxr_agent.toolbox.sources.entry_points import installed_tools
from cxr_agent.toolbox.sources.folder import tools_folder, tools_in
from cxr_agent.toolbox.sources.given import GivenTool, given_tools
from cxr_agent.toolbox.sources.skipped import Skipped, skipped_for


@dataclass(frozen=True, slots=True)
class FoundTools:
    """What there is, those that cannot be run here too, and what was left out."""

    registry: Registry
    skipped: tuple[Skipped, ...] = ()

    def runnable(self, *, library: bool, vision: bool = False) -> Registry:
        """Those that can be run here.

        Parameters
        ----------
        library
            Whether there is a store of films to look in.
        vision
            Whether there is a vision-language model that may be shown the films.
        """
        here = Registry()
        for spec in self.registry:
            if (
                not lacking(spec)
                and (library or not spec.needs_library)
                and (vision or not spec.needs_vision)
            ):
                here.add(spec, self.registry.origin(spec.name))
        return here


@dataclass(frozen=True, slots=True)
class ToolSources:
    """Where an agent looks for tools; can be pickled where what it was given can."""

    given: tuple[GivenTool, ...] = ()
    folder: Path | None = None
    choice: PluginChoice = field(default_factory=PluginChoice)

    @classmethod
    def wanted(
        cls,
        given: tuple[GivenTool, ...] = (),
        folder: Path | str | None = None,
        plugins: PluginChoice | str | None = None,
    ) -> ToolSources:
        """Those that are named here, with what the environment says of the others.

        Raises
        ------
        UsageError
            ``no_tools_folder``, ``bad_plugins``.
        """
        if plugins is None:
            plugins = PluginChoice.of_environment()
        choice = plugins if isinstance(plugins, PluginChoice) else PluginChoice.read(plugins)
        return cls(given, tools_folder(folder), choice)

    def found(self) -> FoundTools:
        """Look. A broken plug-in, or one whose name is taken, is left out and told.

        Raises
        ------
        ConfigError
            ``bad_tool_contract``, ``tool_name_taken`` for what was given.
        """
        registry = known()
        for spec in given_tools(self.given):
            registry.add(spec)
        skipped: list[Skipped] = []
        for one in self._plug_ins():
            if isinstance(one, Skipped):
                skipped.append(one)
                continue
            origin, spec = one
            try:
                lacking(spec)  # raises where its model is in no catalogue
                registry.add(spec, origin)
            except (ConfigError, ModelError) as error:
                skipped.append(skipped_for(origin, error))
        return FoundTools(registry, tuple(skipped))

    def _plug_ins(self) -> Iterator[tuple[Origin, ToolSpec] | Skipped]:
        folder = () if self.folder is None else tools_in(self.folder)
        return chain(folder, installed_tools(self.choice))
