"""Installed plug-ins: the entry points ``cxr_agent.tools`` of distributions."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from typing import Final

from cxr_agent.errors import ConfigError
from cxr_agent.toolbox.contract import ToolSpec
from cxr_agent.toolbox.origin import Origin, SourceKind
from cxr_agent.toolbox.sources.choosing import PLUGINS_VARIABLE, PluginChoice
from cxr_agent.toolbox.sources.loading import quietly, tools_of
from cxr_agent.toolbox.sources.manifest import read_manifest
from cxr_agent.toolbox.sources.skipped import Skipped, skipped_for

GROUP: Final = "cxr_agent.tools"


def installed_tools(choice: PluginChoice) -> Iterator[tuple[Origin, ToolSpec] | Skipped]:
    """Every tool of the chosen plug-ins, and every plug-in that is broken, by name."""
    points = sorted(metadata.entry_points(group=GROUP), key=lambda one: (one.name, one.value))
    for point in points:
        if choice.takes(point.name, distribution_of(point)):
            yield from _tools(point)
    yield from _misspelt(choice, points)


def distribution_of(point: metadata.EntryPoint) -> str:
    """Name of the distribution that an entry point is of."""
    return point.dist.name if point.dist is not None else ""


def _tools(point: metadata.EntryPoint) -> Iterator[tuple[Origin, ToolSpec] | Skipped]:
    version = f" {point.dist.version}" if point.dist is not None else ""
    origin = Origin(
        SourceKind.ENTRY_POINT, f"{distribution_of(point)}{version} ({point.name} = {point.value})"
    )
    try:
        specs = read_manifest(point) or tuple(tools_of(quietly(point.load)))
        if not specs:
            raise ConfigError("no_tool", f"{point.value} is no tool and holds none")
    except Exception as error:
        yield skipped_for(origin, error)
    else:
        yield from ((origin, spec) for spec in specs)


def _misspelt(choice: PluginChoice, points: list[metadata.EntryPoint]) -> Iterator[Skipped]:
    for name in choice.named:
        alone = PluginChoice(only=(name,))
        if not any(alone.takes(point.name, distribution_of(point)) for point in points):
            yield Skipped(
                Origin(SourceKind.ENTRY_POINT, name),
                "plugin_unknown",
                f"{PLUGINS_VARIABLE} names it, and no such plug-in is installed",
            )
