"""Readings for evaluation: an agent per planner, a trace per case, and what a reading stated."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import JsonValue

from cxr_agent.errors import UsageError
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.planners import (
    LLM,
    planner_named,
    script_digest,
    shown_planner,
)
from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.models import embedded
from cxr_agent.models.store import load_card
from cxr_agent.planning.planner import Planner
from cxr_agent.reading import Agent
from cxr_agent.report.model import Report
from cxr_agent.study import Study
from cxr_agent.toolbox.registry import built_in
from cxr_agent.trace import GateVerdict, ModelCalled, ToolReturned, Trace

_NO_MODEL: Final = "none"


@dataclass(frozen=True, slots=True)
class Reading:
    """One study, read."""

    report: Report
    trace: str
    """Name of its folder, below the folder of traces."""
    folder: Path


@dataclass(slots=True, eq=False)
class FilmReader:
    """Reads the films of cases; keeps an agent, and so warm models, for each planner.

    Parameters
    ----------
    options
        ``planner`` may name several, with commas between: each is a system.
    cache
        Folder of results of tools that the planners share; what a planner costs in time is then
        not to be judged.

    Raises
    ------
    UsageError
        ``no_model``.
    """

    options: TaskOptions
    cache: Path | None = None
    _agents: dict[str, Agent] = field(default_factory=dict)
    _planners: dict[str, str] = field(init=False)
    """Name on the command line by name that is shown."""

    def __post_init__(self) -> None:
        names = (one.strip() for one in self.options.planner.split(","))
        self._planners = {shown_planner(name): name for name in names if name}
        if LLM in self._planners and not self.options.model:
            raise UsageError(
                "no_model", "the planner llm needs a language model", hint="Give --model."
            )

    @property
    def systems(self) -> tuple[str, ...]:
        """The planners, as they are shown."""
        return tuple(self._planners)

    @property
    def settings(self) -> dict[str, Any]:
        """What readings depend on; of a file its hash."""
        config = self.options.config
        return {
            "planners": {shown: script_digest(name) for shown, name in self._planners.items()},
            "model": self.options.model or _NO_MODEL,
            "config": "" if config is None else hashlib.sha256(config.read_bytes()).hexdigest(),
            "weights": {name: load_card(name).weights_sha256[:16] for name in embedded.ids()},
            "seed": self.options.seed,
            "send_images": self.options.send_images,
        }

    def read(
        self,
        system: str,
        films: Sequence[Path],
        traces: Path,
        *,
        priors: Sequence[Path] = (),
        indication: str = "",
    ) -> Reading:
        """One study by one planner; raises as :meth:`cxr_agent.Agent.read`."""
        study = self.agent(system).load(list(films), priors=list(priors), indication=indication)
        return self.read_study(system, study, traces)

    def read_study(self, system: str, study: Study, traces: Path) -> Reading:
        """A study that was loaded, or drawn, by one planner; raises as :meth:`read`."""
        # Not named after the case: a kill may have left a reading of that name.
        name = f"{system.partition(' ')[0]}-{secrets.token_hex(6)}"
        report = self.agent(system).read_loaded(study, traces=traces, run_id=name)
        return Reading(report, name, traces / name)

    def agent(self, system: str) -> Agent:
        """The agent of a planner; made when first asked for."""
        if system not in self._agents:
            name = self._planners[system]
            self.add(system, planner_named(name, built_in(), self.options.seed))
        return self._agents[system]

    def add(self, system: str, planner: Planner | None) -> None:
        """Have a system read by a planner; one that is there stays as it is."""
        if system not in self._agents:
            options = self.options
            self._agents[system] = Agent(
                planner=planner,
                model=options.model if system == LLM else _NO_MODEL,
                api_base=options.api_base,
                config=options.config,
                device=options.device,
                cache=self.cache,
                send_images=options.send_images,
            )

    def close(self) -> None:
        """End the agents."""
        while self._agents:
            self._agents.popitem()[1].close()


def findings_of(report: Report) -> dict[str, JsonValue]:
    """What was stated of each finding of the current films: its polarity, and its probability.

    Where several films or tools state one, the strongest counts: present, then uncertain, then
    absent, and within these the highest probability. A finding that is not here was not judged.
    """
    found: dict[str, Evidence] = {}
    for item in report.evidence:
        if item.kind is not EvidenceKind.FINDING or item.of_prior:
            continue
        known = found.get(item.code)
        if known is None or _strength(item) > _strength(known):
            found[item.code] = item
    return {
        code: {
            "polarity": str(item.polarity),
            "probability": item.probability,
            "threshold": item.threshold,
        }
        for code, item in sorted(found.items())
    }


_ORDER: Final = ("absent", "uncertain", "present")


def _strength(item: Evidence) -> tuple[int, float]:
    return _ORDER.index(str(item.polarity)), item.probability or 0.0


def measurements_of(report: Report) -> dict[str, JsonValue]:
    """Each number that was measured on the current films, with its unit and its interval.

    Keys are the code, and the side after an ``@`` where there is one. Of several films the first
    counts.
    """
    found: dict[str, JsonValue] = {}
    for item in report.evidence:
        if item.kind is not EvidenceKind.MEASUREMENT or item.of_prior or item.value is None:
            continue
        key = f"{item.code}@{item.side}" if item.side else item.code
        low, high = item.interval or (None, None)
        stated: JsonValue = {"value": item.value, "unit": str(item.unit), "low": low, "high": high}
        found.setdefault(key, stated)
    return found


def cost_of(reading: Reading) -> dict[str, JsonValue]:
    """What a reading took: calls and seconds of tools, tokens, US dollars where they are known."""
    tools: Counter[str] = Counter()
    seconds = tokens = 0.0
    cost: float | None = 0.0
    failed = abstained = 0
    for event in Trace.load(reading.folder):
        if isinstance(event, ToolReturned):
            tools[event.tool] += 1
            seconds += event.seconds
            failed += event.outcome == "failed"
            abstained += event.outcome == "abstained"
        elif isinstance(event, ModelCalled):
            tokens += event.tokens_in + event.tokens_out
            cost = None if cost is None or event.cost is None else cost + event.cost
    return {
        "steps": sum(tools.values()),
        "tools": len(tools),
        "failed_calls": failed,
        "abstentions": abstained,
        "tool_seconds": round(seconds, 4),
        "tokens": int(tokens),
        "cost_usd": cost,
    }


def gated(reading: Reading) -> Mapping[str, JsonValue]:
    """What the gates made of the draft: how many sentences stayed, and why others did not."""
    kept = dropped = repaired = added = 0
    reasons: Counter[str] = Counter()
    for event in Trace.load(reading.folder):
        if not isinstance(event, GateVerdict):
            continue
        kept += event.action == "kept"
        dropped += event.action == "dropped"
        repaired += event.action == "repaired"
        added += event.action == "added"
        if not event.passed:
            reasons[event.reason] += 1
    return {
        "kept": kept,
        "dropped": dropped,
        "repaired": repaired,
        "added": added,
        "reasons": dict(sorted(reasons.items())),
    }
