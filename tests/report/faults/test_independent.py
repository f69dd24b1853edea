"""Sentences of an author who never saw the gates: what they catch and hold back there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cxr_agent.report.gates.support import fault_of
from cxr_agent.report.model import Sentence
from tests.report.faults.pool import evidence_of

LINES = (Path(__file__).parent / "independent.jsonl").read_text(encoding="utf-8").splitlines()
ITEMS: list[dict[str, Any]] = [json.loads(line) for line in LINES]


def passes(item: dict[str, Any], text: str) -> bool:
    known = {"e1": evidence_of(item, 1)}
    return fault_of(Sentence(text=text, evidence=("e1",)), known) is None


def test_planted_faults() -> None:
    planted = [(item, text) for item in ITEMS for told in item["faulty"].values() for text in told]
    missed = [text for item, text in planted if passes(item, text)]
    assert len(planted) == 230
    # "only" is not read as a side, nor a scapula as a place.
    assert len(missed) <= 3, missed


def test_right_sentences() -> None:
    """A third of them are put into a rule's words: the list of words is narrow by intent."""
    right = [(item, text) for item in ITEMS for text in item["correct"]]
    held_back = [text for item, text in right if not passes(item, text)]
    assert len(right) == 144
    assert len(held_back) <= 42, held_back
