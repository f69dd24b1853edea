"""What directing a reading costs per step: everything but models and tools.

Fifty steps with tools that do nothing: planning, checking, the trace on the disk, evidence, the
closing report. What a language model is sent is made and its reply read, but nobody is asked.
"""

from __future__ import annotations

import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cxr_agent.evidence import EvidenceKind, Observation
from cxr_agent.language import Exchange, LanguageModel, Message, ModelSettings, WantedCall
from cxr_agent.models.shelf import Shelf
from cxr_agent.planning.budget import Budget
from cxr_agent.planning.graph import ReadingGraph
from cxr_agent.planning.llm import LlmPlanner
from cxr_agent.planning.planner import Planner
from cxr_agent.study import Image, Study, View
from cxr_agent.testing.phantom import draw
from cxr_agent.testing.scripted import ScriptedPlanner
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.contract import ToolResult, spec_of, tool
from cxr_agent.toolbox.execute import Toolbox
from cxr_agent.toolbox.registry import Registry
from cxr_agent.trace import TraceWriter

STEPS = 50
ROUNDS = 5


class Nothing(ToolResult):
    """One remark, made at once."""

    def observations(self) -> tuple[Observation, ...]:
        return (Observation(kind=EvidenceKind.QUALITY, code="orientation", category="upright"),)


def registry() -> Registry:
    """Fifty tools that do nothing."""
    specs = []
    for number in range(STEPS):

        def look(film: Image) -> Nothing:
            return Nothing()

        look.__name__ = f"look_{number}"
        made = tool(version="1", purpose="Looks.", subject="orientation")(look)
        spec = spec_of(made)
        assert spec is not None
        specs.append(spec)
    return Registry(specs)


class Instant(LanguageModel):
    """Answers at once: the next tool, until all are through."""

    takes_images = False

    def ask(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[dict[str, Any]] = (),
        heard: Any = None,
    ) -> Exchange:
        made = sum(message["role"] == "tool" for message in messages)
        name = f"look_{made}" if made < STEPS else "finish"
        arguments = '{"film": "img-1"}' if made < STEPS else "{}"
        return Exchange("instant", "ok", calls=(WantedCall(f"c{made}", name, arguments),))


def rows() -> list[tuple[str, str]]:
    """Milliseconds per step, for a scripted planner and for one that speaks with a model."""
    tools = registry()
    calls = [ToolCall(f"look_{number}", {"film": "img-1"}) for number in range(STEPS)]
    model = Instant(ModelSettings(name="instant/none"))
    planners: dict[str, Callable[[], Planner]] = {
        "a planner without a model": lambda: ScriptedPlanner(calls),
        "a planner with a language model": lambda: LlmPlanner(model, tools),
    }
    found = []
    for name, planner in planners.items():
        seconds = [_read(tools, planner()) for _ in range(ROUNDS)]
        each = 1000 * statistics.median(seconds) / STEPS
        found.append((f"orchestration per step, {name}", f"{each:.1f} ms (limit 10 ms)"))
    return found


def _read(tools: Registry, planner: Planner) -> float:
    pixels = draw(size=128).pixels
    film = Image("img-1", pixels, hashlib.sha256(pixels.tobytes()).hexdigest(), View.PA, "header")
    with tempfile.TemporaryDirectory() as folder, TraceWriter.create(Path(folder)) as trace:
        toolbox = Toolbox(tools, Bench(Study((film,)), Shelf()), trace)
        graph = ReadingGraph(toolbox, planner, Budget(steps=STEPS + 5, tokens=10**9))
        began = time.monotonic()
        reading = graph.run()
        seconds = time.monotonic() - began
    assert len(reading.outcomes) == STEPS
    return seconds


if __name__ == "__main__":
    for what, measured in rows():
        print(f"{what}: {measured}")
