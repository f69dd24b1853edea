"""SECURITY.md names tests and files that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_what_it_names_is_there() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:tests|\.ci|docs)/[\w./-]+|[\w-]+\.(?:json|lock|txt))`", text))
    named |= set(re.findall(r"\]\((docs/[\w./-]+)\)", text))
    assert len(named) > 25
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_each_actor_has_what_holds_and_what_does_not() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    actors = text.partition("## Whom we reckon with")[2].partition("\n## ")[0].split("\n### ")[1:]
    assert len(actors) == 9
    for actor in actors:
        name = actor.splitlines()[0]
        assert "tests/" in actor, name
        assert "*Does not hold*" in actor, name
