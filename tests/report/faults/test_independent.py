"""Sentences of authors who never saw the gates: what they catch and hold back there.

The word lists were widened with the first two thirds in view (``independent.jsonl``). The last
(``unseen.jsonl``) came after, was run once, and nothing was changed for it since: whoever
tunes on it must have another one written.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.report.gates.support import fault_of
from cxr_agent.report.model import Sentence
from tests.report.faults.pool import evidence_of


def items(name: str) -> list[dict[str, Any]]:
    lines = (Path(__file__).parent / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def passes(item: dict[str, Any], text: str) -> bool:
    known = {"e1": evidence_of(item, 1)}
    return fault_of(Sentence(text=text, evidence=("e1",)), known) is None


@pytest.mark.parametrize(
    ("name", "planted", "missed"),
    [
        ("independent", 649, 0),
        ("unseen", 161, 1),  # "No pneumothorax, as on the prior film."
    ],
)
def test_planted_faults(name: str, planted: int, missed: int) -> None:
    told = [(item, t) for item in items(name) for many in item["faulty"].values() for t in many]
    let_through = [text for item, text in told if passes(item, text)]
    assert len(told) == planted
    assert len(let_through) <= missed, let_through


@pytest.mark.parametrize(
    ("name", "right", "held"),
    [
        ("independent", 408, 10),
        ("unseen", 120, 2),
    ],
)
def test_right_sentences(name: str, right: int, held: int) -> None:
    told = [(item, text) for item in items(name) for text in item["correct"]]
    held_back = [text for item, text in told if not passes(item, text)]
    assert len(told) == right
    assert len(held_back) <= held, held_back
