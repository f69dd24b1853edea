"""One pair, in the form that trainers of preferences read.

``prompt``, ``chosen`` and ``rejected`` are the columns of an explicit preference dataset in the
standard format of TRL's ``DPOTrainer``; what stands beside them says where the pair comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cxr_agent.evidence import Evidence
from cxr_agent.language import load_prompt


class Preference(BaseModel):
    """One answer preferred to another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str = Field(min_length=1)
    chosen: str = Field(min_length=1)
    rejected: str = Field(min_length=1)
    source: Literal["gate", "judge"]
    judge: str
    """Which gate or judge."""
    reason: str
    """Its code: why ``rejected`` was not let out, or by how many errors it is worse."""
    level: Literal["sentence", "report"]
    run_ids: tuple[str, ...]
    """Of chosen and rejected; one where both come from it."""


def as_jsonl(pairs: Iterable[Preference]) -> bytes:
    """JSON lines; a pair that comes again is written once."""
    lines = dict.fromkeys(pair.model_dump_json() for pair in pairs)
    return "".join(f"{line}\n" for line in lines).encode()


def prompt_on(evidence: Sequence[Evidence], name: str) -> str:
    """The question that both answers answer: the evidence in plain words, nothing of the study."""
    lines = [f"[{item.id}] {item.reading}" for item in evidence]
    return "\n".join([load_prompt(name).text, "", *lines])
