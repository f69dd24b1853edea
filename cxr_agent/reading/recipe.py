"""How to make an agent again in another process or on another machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_agent.language import ModelSettings
from cxr_agent.planning.budget import Budget
from cxr_agent.planning.planner import Planner
from cxr_agent.planning.privacy import Privacy
from cxr_agent.toolbox.cache import CACHE_VARIABLE
from cxr_agent.toolbox.registry import Registry
from cxr_agent.toolbox.sources import ToolSources

if TYPE_CHECKING:
    from cxr_agent.reading.agent import Agent


@dataclass(frozen=True, slots=True)
class Recipe:
    """The options of an :class:`~cxr_agent.reading.agent.Agent`; can be pickled where they can.

    A key of a language model is not among them: it stands in the environment, which workers share.
    """

    planner: Planner | None
    budget: Budget
    registry: Registry | None
    sources: ToolSources
    device: str
    config: Path | str | None
    model: ModelSettings | str
    send_images: bool
    privacy: Privacy
    store: Path | str | None
    outside: Path | str | None
    cache: Path | str | None
    allow_remote_tools: bool

    def made(self, traces: Path, threads: int | None, cache: Path | None) -> Agent:
        """The agent; raises as it does.

        Parameters
        ----------
        threads
            Of one run of a network on the CPU.
        cache
            Where the results of tools are kept, unless the user named another folder.
        """
        from cxr_agent.reading.agent import Agent

        return Agent(
            traces=traces,
            planner=self.planner,
            budget=self.budget,
            registry=self.registry,
            tools=self.sources.given,
            tools_folder=self.sources.folder,
            plugins=self.sources.choice,
            device=self.device,
            config=self.config,
            model=self.model,
            send_images=self.send_images,
            privacy=self.privacy,
            store=self.store,
            outside=self.outside,
            cache=self.cache or os.environ.get(CACHE_VARIABLE) or cache,
            threads=threads,
            allow_remote_tools=self.allow_remote_tools,
        )
