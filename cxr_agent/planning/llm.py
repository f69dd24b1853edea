"""The planner that asks a language model, and trusts nothing that comes back.

It keeps no state: what was said before is made anew from what was tried, so a reading can go on
from any point, and one planner serves many studies.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final

from cxr_agent.language import Exchange, LanguageModel, Message, WantedCall, load_prompt
from cxr_agent.planning.planner import (
    Consulted,
    Decision,
    PlannerFailed,
    Situation,
    Tried,
    refused,
)
from cxr_agent.planning.protocol import ProtocolPlanner
from cxr_agent.planning.schemas import schemas
from cxr_agent.planning.seen import evidence_lines, film_lines, result_lines
from cxr_agent.planning.written_calls import written_calls
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.registry import Registry
from cxr_agent.trace import FINISH

Pictures = Callable[[str], bytes | None]
"""PNG of the film behind a handle, fit to leave; None where none may."""

_MOST_NAME: Final = 60
_NO_TOOL: Final = "none"
_CONTINUED: Final = "Choose the next tools, or finish."


class LlmPlanner:
    """Asks a language model which tools to call next, after the steps that nobody may leave out.

    Parameters
    ----------
    registry
        The tools that may be offered.
    question
        What is to be answered, in words that may leave; empty for a plain reading.
    pictures
        Gives the films as pictures; without it none are sent.
    """

    corrigible = True

    def __init__(
        self,
        model: LanguageModel,
        registry: Registry,
        *,
        question: str = "",
        pictures: Pictures | None = None,
    ) -> None:
        self._model = model
        self._registry = registry
        self._question = question
        self._pictures = pictures
        self._first_look = ProtocolPlanner(always_only=True)
        self._prompt = load_prompt("plan")

    @property
    def name(self) -> str:
        return f"llm {self._model.name}"

    def decide(self, situation: Situation) -> Decision:
        first = self._first_look.decide(situation)
        if first.calls:
            return first
        unreadable = refused(situation.outcomes)
        currents = [handle for handle in situation.current if handle not in unreadable]
        priors = [handle for handle in situation.priors if handle not in unreadable]
        pictures = self._seen([*currents, *priors])
        messages = self._messages(situation, pictures)
        specs = [spec for spec in self._registry if spec.name in situation.tools]
        exchange = self._model.ask(messages, tools=schemas(specs, currents, priors))
        consulted = Consulted("plan", self._prompt, tuple(messages), exchange, len(pictures))
        if exchange.outcome == "model_empty":
            return Decision((), "model_choice", self.name, consulted, _EMPTY)
        if not exchange.fine:
            raise PlannerFailed(exchange.outcome, consulted)
        return self._decision(exchange, consulted)

    def _decision(self, exchange: Exchange, consulted: Consulted) -> Decision:
        calls: list[ToolCall] = []
        refusals: list[tuple[ToolCall, str]] = []
        for wanted in exchange.calls or written_calls(exchange.text):
            if wanted.tool == FINISH:
                continue
            arguments = _arguments(wanted)
            if arguments is None:
                refusals.append((ToolCall(wanted.tool[:_MOST_NAME]), "malformed_arguments"))
            else:
                calls.append(ToolCall(wanted.tool[:_MOST_NAME], arguments))
        return Decision(tuple(calls), "model_choice", self.name, consulted, tuple(refusals))

    def _seen(self, handles: Sequence[str]) -> list[tuple[str, bytes]]:
        if self._pictures is None or not self._model.takes_images:
            return []
        found = ((handle, self._pictures(handle)) for handle in handles)
        return [(handle, picture) for handle, picture in found if picture is not None]

    def _messages(
        self, situation: Situation, pictures: Sequence[tuple[str, bytes]]
    ) -> list[Message]:
        """The conversation so far, as the model's server wants it."""
        mine = [one for one in situation.tried if one.planner == self.name]
        later = {item.id for one in mine if one.outcome for item in one.outcome.evidence}
        before = [item for item in situation.known if item.id not in later]
        brief = "\n".join(
            [
                "Films:",
                *film_lines(situation.films),
                "",
                f"Question: {self._question or 'none; a general reading'}",
                "",
                "Known so far:",
                *evidence_lines(before),
                "",
                _CONTINUED,
            ]
        )
        return [
            {"role": "system", "content": self._prompt.text},
            {"role": "user", "content": with_pictures(brief, pictures)},
            *_turns(mine),
        ]


_EMPTY: Final = ((ToolCall(_NO_TOOL), "empty_answer"),)


def _arguments(wanted: WantedCall) -> dict[str, Any] | None:
    """The arguments as written, to be checked against the contract; None where they are none."""
    try:
        given = json.loads(wanted.arguments or "{}")
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict) or not all(isinstance(v, str | bool) for v in given.values()):
        return None
    return given


def _turns(mine: Sequence[Tried]) -> list[Message]:
    messages: list[Message] = []
    for turn, group in groupby(mine, key=lambda one: one.turn):
        calls: list[dict[str, Any]] = []
        results: list[Message] = []
        for place, one in enumerate(group):
            if one.refusal == "empty_answer":
                messages.append({"role": "user", "content": result_lines(one)})
                continue
            identity = f"call_{turn}_{place}"
            calls.append(
                {
                    "id": identity,
                    "type": "function",
                    "function": {
                        "name": one.call.tool,
                        # Of a refused call nothing is repeated: it may hold anything.
                        "arguments": "{}" if one.refusal else json.dumps(one.call.arguments),
                    },
                }
            )
            results.append({"role": "tool", "tool_call_id": identity, "content": result_lines(one)})
        if calls:
            messages += [{"role": "assistant", "content": "", "tool_calls": calls}, *results]
    return messages


def with_pictures(text: str, pictures: Sequence[tuple[str, bytes]]) -> str | list[dict[str, Any]]:
    """The content of a message: a text, and PNGs of films after it, each by its handle."""
    if not pictures:
        return text
    parts: list[dict[str, Any]] = [{"type": "text", "text": text}]
    for handle, png in pictures:
        data = base64.b64encode(png).decode("ascii")
        parts += [
            {"type": "text", "text": f"Film {handle}:"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
        ]
    return parts
