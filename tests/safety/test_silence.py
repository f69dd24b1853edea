"""A tool that fails and a region that was not read are never told as health."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from cxr_agent.evidence import Evidence, EvidenceKind, Polarity
from cxr_agent.planning.budget import Budget
from cxr_agent.planning.graph import Reading, ReadingGraph
from cxr_agent.planning.protocol import ProtocolPlanner
from cxr_agent.prose.structure import structure
from cxr_agent.report.gates.support import fault_of
from cxr_agent.testing.phantom import STRUCTURES, PhantomSpec
from cxr_agent.toolbox.contract import ToolSpec
from cxr_agent.toolbox.registry import Registry, built_in
from tests.builders import Bank, Scene, scene

OPEN = Callable[..., Bank]
TOOLS: Final = tuple(spec.name for spec in built_in())
_HEALTH: Final = re.compile(r"\b(normal|clear|unremarkable|healthy|intact|no abnormality)\b", re.I)


def _falling(spec: ToolSpec) -> ToolSpec:
    """The same contract, and a body that falls."""

    def fall(*_: Any, **__: Any) -> Any:
        raise RuntimeError("everything is normal")

    return replace(spec, function=fall)


def _read(open_bank: OPEN, made: Scene, broken: str = "") -> tuple[Reading, Bank]:
    every = [_falling(one) if one.name == broken else one for one in built_in()]
    bank = open_bank(made, Registry(every))
    return ReadingGraph(bank.toolbox, ProtocolPlanner(), Budget()).run(), bank


def _said(reading: Reading) -> list[tuple[str, list[Evidence]]]:
    assert reading.gated is not None
    known = {item.id: item for item in reading.evidence}
    assert not [s for _, s in reading.gated.draft if fault_of(s, known)]
    return [
        (sentence.text, [known[one] for one in sentence.evidence])
        for _, sentence in reading.gated.draft
    ]


@pytest.mark.parametrize("name", TOOLS)
def test_a_failed_tool_never_reads_as_normal(name: str, open_bank: OPEN) -> None:
    made = scene(PhantomSpec(cardiothoracic_ratio=0.4), priors=[PhantomSpec()])
    reading, _ = _read(open_bank, made, name)
    of_it = [one for one in reading.evidence if one.provenance.tool == name]
    assert all(one.kind is EvidenceKind.LIMITATION for one in of_it)
    if reading.gated is None:
        return  # without it the study is refused: nothing is said at all
    said = _said(reading)
    limited = [text for text, cited in said if any(one in of_it for one in cited)]
    assert bool(limited) == bool(of_it), "a limitation was not said"
    for text, cited in said:
        if any(one in of_it for one in cited):
            assert not _HEALTH.search(text.replace("said to be normal", "")), text
        if text.startswith("Not "):  # "Not examined": an absence to a parser, to nobody else
            continue
        for sentence in structure(f"FINDINGS: {text}").sentences:
            for claim in sentence.claims:
                if claim.kind == "finding" and claim.polarity is Polarity.ABSENT:
                    assert not any(one in of_it for one in cited), text
                    assert any(one.kind is not EvidenceKind.LIMITATION for one in cited), text
    assert "everything is normal" not in " ".join(text for text, _ in said)


@pytest.mark.parametrize("structure_name", STRUCTURES)
def test_what_was_not_outlined_is_never_called_normal(structure_name: str, open_bank: OPEN) -> None:
    reading, _ = _read(
        open_bank, scene(PhantomSpec(cardiothoracic_ratio=0.4), drop=(structure_name,))
    )
    said = _said(reading)
    plain = structure_name.replace("_", " ")
    limits = [t for t, cited in said if any(one.kind is EvidenceKind.LIMITATION for one in cited)]
    assert any(plain in text.lower() or "outline" in text for text in limits)
    for text, cited in said:
        measured = [one for one in cited if one.kind is not EvidenceKind.LIMITATION]
        if plain in text.lower() and not measured:
            assert not _HEALTH.search(text.replace("said to be normal", "")), text
    rests = [one for one in reading.evidence if structure_name in one.artifacts]
    assert not rests


def test_nothing_outlined_gives_no_word_of_health(open_bank: OPEN) -> None:
    """A film on which no structure was found is not reported on at all."""
    reading, _ = _read(open_bank, scene(PhantomSpec(), drop=STRUCTURES))
    assert (reading.status, reading.gated) == ("refused", None)
    assert not [one for one in reading.evidence if one.kind is EvidenceKind.MEASUREMENT]


def test_parts_that_nobody_examined_are_named(open_bank: OPEN) -> None:
    reading, _ = _read(open_bank, scene(PhantomSpec()))
    unread = [one for one in reading.evidence if one.code == "not_examined"]
    assert unread
    said = _said(reading)
    for one in unread:
        texts = [text for text, cited in said if one in cited]
        assert texts
        assert all("not" in text.lower() for text in texts)
