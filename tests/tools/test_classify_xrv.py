"""A second classifier in a reading: one set of evidence, and what the two disagree on is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_agent.evidence import Polarity
from cxr_agent.knowledge import vocabulary
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.planning.budget import Budget
from cxr_agent.planning.graph import ReadingGraph
from cxr_agent.testing.scripted import ScriptedPlanner
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.registry import built_in, known, lacking
from cxr_agent.tools.classify_xrv import LIMIT, MODEL
from tests.builders import Bank, scene
from tests.models.adapters import pulled

OPEN = Callable[..., Bank]
CALLS = [
    ToolCall(name, {"film": "img-1"}) for name in ("segment_anatomy", "measure_ctr", "classify_xrv")
]


@pytest.fixture(autouse=True)
def nothing_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(Runtime, "_shared", {})


def test_it_is_offered_where_it_was_pulled() -> None:
    (spec,) = (spec for spec in known() if spec.name == "classify_xrv")
    assert f"cxr-agent models pull {MODEL}" in lacking(spec)
    assert "classify_xrv" not in {one.name for one in built_in()}
    pulled.install_xrv()
    assert "classify_xrv" in {one.name for one in built_in()}


def test_both_are_in_one_set_of_evidence_and_conflicts_are_shown(open_bank: OPEN) -> None:
    pytest.importorskip("torch")
    pulled.install_xrv()
    bank = open_bank(scene(size=256))
    reading = ReadingGraph(bank.toolbox, ScriptedPlanner(CALLS), Budget()).run()
    second = {i.code: i for i in reading.evidence if i.provenance.tool == "classify_xrv"}
    first = {i.code: i for i in reading.evidence if i.provenance.tool == "measure_ctr"}
    assert set(second) <= set(vocabulary())
    assert {"cardiomegaly", "pleural_effusion"} <= set(second)
    for item in second.values():
        present = item.details["score"] >= LIMIT
        assert item.polarity is (Polarity.PRESENT if present else Polarity.ABSENT)
        assert item.provenance.model == MODEL
        assert "uncalibrated" in item.reading
    conflicts = [set(i.reasons) for i in reading.evidence if i.code == "conflict"]
    disagree = second["cardiomegaly"].polarity is not first["cardiomegaly"].polarity
    assert ({"cardiomegaly"} in conflicts) is disagree
    assert disagree, "the tiny network has to disagree for this test to show anything"
    assert reading.gated is not None
    assert reading.gated.dropped == ()
