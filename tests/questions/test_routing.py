"""Questions of readers are routed without a language model.

``held_out.toml`` was written and drawn by somebody else and never seen by the author of the
rules: failures on it are counted, and never shown.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from cxr_agent.questions import Intent, understand

HERE = Path(__file__).parent


def questions(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((HERE / f"{name}.toml").read_text())["question"]
    return found


def routed(one: dict[str, Any]) -> bool:
    """Whether intent, subjects and side are all understood."""
    found = understand(one["text"])
    return (
        found.intent == one["intent"]
        and set(found.subjects) == set(one.get("subjects", []))
        and (found.side.value if found.side else None) == one.get("side")
    )


def test_the_sets_are_whole() -> None:
    dev, held_out = questions("dev"), questions("held_out")
    assert (len(dev), len(held_out)) == (150, 50)
    assert not {one["text"] for one in dev} & {one["text"] for one in held_out}
    assert {one["intent"] for one in (*dev, *held_out)} == {intent.value for intent in Intent}


def test_known_questions_are_routed() -> None:
    wrong = [one["text"] for one in questions("dev") if not routed(one)]
    assert len(wrong) <= 3, wrong


def test_all_200_are_routed() -> None:
    """95 % of the whole set; see docs/design.md for what the questions held aside give alone."""
    right = sum(routed(one) for name in ("dev", "held_out") for one in questions(name))
    assert right >= 190, f"{right} of 200 are routed"


def test_questions_held_aside_are_routed() -> None:
    right = sum(routed(one) for one in questions("held_out"))
    assert right >= 40, f"{right} of 50 are routed; see the rules, not the questions"
