"""What a trace keeps of an exchange with a language model, and of what a reader typed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from cxr_agent.language import Message, masked
from cxr_agent.planning.planner import Consulted
from cxr_agent.trace import ModelCalled, TraceWriter

_DATA: Final = "data:image/png;base64,"


class Privacy(StrEnum):
    """How much text a trace keeps."""

    FULL = "full"
    """Everything as it was typed, sent and received."""
    MASKED = "masked"
    """Texts with every word hidden that is in no list of everyday words."""
    NONE = "none"
    """Hashes and codes alone."""

    def kept(self, text: str) -> str | None:
        """What may be kept of a text that a person typed."""
        if self is Privacy.NONE:
            return None
        return text if self is Privacy.FULL else masked(text).text


def record(trace: TraceWriter, consulted: Consulted, privacy: Privacy) -> None:
    """Write one exchange; messages and reply are artifacts. Raises OutputError."""
    exchange = consulted.exchange
    sent = received = None
    if privacy is not Privacy.NONE:
        sent = trace.put(_json(_without_pictures(consulted.messages)))
        if exchange.text or exchange.calls:
            calls = [{"tool": call.tool, "arguments": call.arguments} for call in exchange.calls]
            text = exchange.text
            if consulted.of_film:
                text = privacy.kept(text) or ""
            received = trace.put(_json({"text": text, "calls": calls}))
    trace.append(
        ModelCalled.model_validate(
            {
                "purpose": consulted.purpose,
                "model": exchange.model,
                "prompt_id": consulted.prompt.id,
                "prompt_sha256": consulted.prompt.sha256,
                "outcome": exchange.outcome,
                "attempts": exchange.attempts,
                "tokens_in": exchange.tokens_in,
                "tokens_out": exchange.tokens_out,
                "cost": exchange.cost,
                "seconds": exchange.seconds,
                "images": consulted.images,
                "sent": sent,
                "received": received,
            }
        )
    )


def _without_pictures(messages: Sequence[Message]) -> list[Any]:
    """The messages with a hash in place of each picture."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        if isinstance(value, str) and value.startswith(_DATA):
            return f"picture {hashlib.sha256(value.encode()).hexdigest()}"
        return value

    return [plain(message) for message in messages]


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True).encode()
