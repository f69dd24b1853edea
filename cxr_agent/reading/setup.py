"""How readings are to be done: tools, budget, thresholds, and who plans."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cxr_agent.errors import ModelError
from cxr_agent.knowledge import Threshold
from cxr_agent.language import LanguageModel
from cxr_agent.models.shelf import Shelf
from cxr_agent.models.store import list_cards
from cxr_agent.planning.budget import Budget
from cxr_agent.planning.judging import Judge
from cxr_agent.planning.llm import LlmPlanner
from cxr_agent.planning.pictures import pictures_of
from cxr_agent.planning.planner import Planner
from cxr_agent.planning.privacy import Privacy
from cxr_agent.planning.protocol import Protocol, ProtocolPlanner, load_protocol, with_plug_ins
from cxr_agent.planning.wording import Writer
from cxr_agent.reading.version import library_version
from cxr_agent.retrieval.library import Library
from cxr_agent.study import Study
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.cache import ResultCache
from cxr_agent.toolbox.isolation.host import ToolHost
from cxr_agent.toolbox.registry import Registry
from cxr_agent.toolbox.sources import Skipped
from cxr_agent.vision.consulting import VisionModel

_LIBRARIES: Final = ("numpy", "scipy", "onnxruntime", "pillow", "pydantic", "langgraph")


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything about a reading but the study."""

    registry: Registry
    shelf: Shelf
    skipped: tuple[Skipped, ...] = ()
    """Plug-ins that were left out."""
    asking: frozenset[str] = frozenset()
    """Tools that ask a vision-language model, those that are not offered here too."""
    library: Library | None = None
    """Films to look for similar ones in."""
    cache: ResultCache | None = None
    """Where results of tools are kept from one reading to the next."""
    budget: Budget = field(default_factory=Budget)
    changed: Mapping[str, Threshold] = field(default_factory=dict)
    planner: Planner | None = None
    """One that the user gave; it goes before the language model."""
    model: LanguageModel | None = None
    send_images: bool = False
    vision: VisionModel | None = None
    """The vision-language model that a tool may ask."""
    privacy: Privacy = Privacy.MASKED
    host: ToolHost = field(default_factory=ToolHost)
    """Who runs the isolated tools; their processes are kept from one reading to the next."""

    @property
    def protocol(self) -> Protocol:
        """The systematic reading, with the plug-ins among the tools at its end."""
        return with_plug_ins(load_protocol(), self.registry)

    def bench_for(self, study: Study) -> Bench:
        """A bench for one study."""
        asked = self.vision.consultation() if self.vision is not None else None
        return Bench(study, self.shelf, self.library, self.host, asked)

    def planner_for(self, bench: Bench, question: str = "") -> Planner:
        """Who plans for one study; ``question`` in words that may leave."""
        if self.planner is not None:
            return self.planner
        if self.model is None:
            return ProtocolPlanner(self.protocol)
        pictures = pictures_of(bench) if self.send_images else None
        return LlmPlanner(self.model, self.registry, question=question, pictures=pictures)

    @property
    def fallback(self) -> Planner | None:
        """Who goes on when a language model cannot; a planner of the user's has nobody."""
        led = self.planner is None and self.model is not None
        return ProtocolPlanner(self.protocol) if led else None

    @property
    def writer(self) -> Writer | None:
        """Who words the report, where rules do not."""
        return Writer(self.model) if self.planner is None and self.model is not None else None

    @property
    def judge(self) -> Judge | None:
        """The second judge of what was worded, where the configuration asks for one."""
        wanted = self.model is not None and self.model.settings.second_judge
        return Judge(self.model) if wanted and self.model is not None else None

    def config(self) -> dict[str, Any]:
        """As a trace records it: what can change a result, without secrets."""
        runtime = self.shelf.runtime
        config: dict[str, Any] = {
            "steps": self.budget.steps,
            "seconds": self.budget.seconds,
            "repeats": self.budget.repeats,
            "tools": [f"{spec.name} {spec.version}" for spec in self.registry],
            "device": str(runtime.device),
            "thresholds": {name: one.value for name, one in self.changed.items()},
            # Said in earlier runs of this process; what a run adds is with its steps.
            "notices": [notice.record() for notice in runtime.notices],
        }
        isolated = [spec for spec in self.registry if spec.isolation is not None]
        if isolated:
            config["isolated"] = {s.name: s.isolation.record() for s in isolated if s.isolation}
            config["remote_tools"] = self.host.allow_remote
        if self.skipped:
            config["skipped_tools"] = [{"name": o.name, "code": o.code} for o in self.skipped]
        if self.library is not None:
            config["store"] = self.library.record()
        if self.vision is not None:
            config["vlm"] = {"name": self.vision.name, "hosted": self.vision.settings.hosted}
        if self.model is not None:
            settings = self.model.settings
            config["model"] = {
                "name": settings.name,
                "local": settings.local,
                "temperature": settings.temperature,
                "send_images": self.send_images,
                "privacy": self.privacy.value,
                "tokens": self.budget.tokens,
                "cost": self.budget.cost,
            }
        return config

    def versions(self) -> dict[str, str]:
        """Of libraries and weights."""
        names = list(_LIBRARIES)
        if self.shelf.runtime.device.kind == "cuda":
            names.append("torch")
        if self.model is not None or (self.vision is not None and self.vision.settings.hosted):
            names.append("litellm")
        return {
            "python": platform.python_version(),
            **{name: library_version(name) for name in names},
            **self._weights(),
        }

    def _weights(self) -> dict[str, str]:
        """Hashes of the embedded weights. A damaged card costs the tools that need its model."""
        runtime = self.shelf.runtime
        try:
            return {f"weights:{c.id}": runtime.weights_sha256(c) for c in list_cards()}
        except ModelError:
            return {}
