"""Studies put together from the pool: right ones, and ones with one planted fault."""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cxr_agent.evidence import Evidence, Provenance
from cxr_agent.report.compose import tier_of
from cxr_agent.report.draft import Draft, Section
from cxr_agent.report.model import Sentence

KINDS = (
    "omission",
    "insertion",
    "side",
    "negation",
    "number",
    "unit",
    "location",
    "severity",
    "invented_prior",
    "wrong_comparison",
    "over_certainty",
)
SENTENCES = 4


@dataclass(frozen=True)
class Study:
    """Evidence, sentences that cite it, and what is wrong with one of them."""

    evidence: tuple[Evidence, ...]
    told: tuple[Sentence, ...]
    kind: str = ""
    planted: str = ""
    """The faulty sentence; empty for an omission."""
    about: str = ""
    """Id of the evidence that it is about."""

    @property
    def draft(self) -> Draft:
        known = {item.id: item for item in self.evidence}
        critical = [s for s in self.told if tier_of(known[s.evidence[0]]) is not None]
        critical.sort(key=lambda s: tier_of(known[s.evidence[0]]) or 0)
        told = Draft().with_section(Section.FINDINGS, self.told)
        return told.with_section(Section.IMPRESSION, tuple(critical))

    @property
    def text(self) -> str:
        """As a person would send it: no ids."""
        return "FINDINGS:\n" + "\n".join(sentence.text for sentence in self.told)

    @property
    def compared(self) -> bool:
        return any(item.kind == "comparison" for item in self.evidence)


@lru_cache(maxsize=1)
def items() -> tuple[dict[str, Any], ...]:
    path = Path(__file__).parent / "pool.toml"
    return tuple(tomllib.loads(path.read_text(encoding="utf-8"))["item"])


def right(count: int, seed: int = 0) -> list[Study]:
    """Studies with nothing wrong."""
    draw = random.Random(seed)
    return [_study(_pick(draw), draw) for _ in range(count)]


def faulty(count: int, seed: int = 1) -> list[Study]:
    """Studies with one fault each, the kinds in turn."""
    draw = random.Random(seed)
    return [_with_fault(KINDS[number % len(KINDS)], draw) for number in range(count)]


def _pick(draw: random.Random, first: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Items of which no two are about the same thing."""
    chosen = [first] if first is not None else []
    for item in draw.sample(items(), len(items())):
        if len(chosen) < SENTENCES and not any(_meet(item, other) for other in chosen):
            chosen.append(item)
    return chosen


_RELATED = {"consolidation": "lung_opacity", "atelectasis": "lung_opacity"}


def _meet(one: dict[str, Any], other: dict[str, Any]) -> bool:
    codes = [item["evidence"]["code"] for item in (one, other)]
    return len({_RELATED.get(code, code) for code in codes}) < 2


def _study(chosen: list[dict[str, Any]], draw: random.Random) -> Study:
    evidence = tuple(evidence_of(item, number) for number, item in enumerate(chosen, 1))
    told = tuple(
        Sentence(text=draw.choice(item["correct"]), evidence=(made.id,))
        for item, made in zip(chosen, evidence, strict=True)
    )
    return Study(evidence, told)


def _with_fault(kind: str, draw: random.Random) -> Study:
    if kind == "omission":
        able = [i for i in items() if i["evidence"].get("polarity") == "present"]
    else:
        able = [item for item in items() if kind in item["faulty"]]
    target = draw.choice(able)
    chosen = _pick(draw, target)
    study = _study(chosen, draw)
    if kind == "omission":
        return Study(study.evidence, study.told[1:], kind, "", "e1")
    planted = draw.choice(target["faulty"][kind])
    first = study.told[0].model_copy(update={"text": planted})
    return Study(study.evidence, (first, *study.told[1:]), kind, planted, "e1")


def evidence_of(item: dict[str, Any], number: int) -> Evidence:
    compared = item["evidence"]["kind"] == "comparison"
    return Evidence(
        **({"against": "prior-1"} if compared else {}),
        **item["evidence"],
        id=f"e{number}",
        image="img-1",
        reading=item["correct"][0],  # stands for what a rule would write
        provenance=Provenance(step=1, tool="test", tool_version="1", image_sha256="0" * 64),
    )
