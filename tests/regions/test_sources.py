"""Who outlines a place, in which order, and what is said where nobody can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.evidence import EvidenceKind, Location, Side
from cxr_agent.models.adapters.prompts import Point, Prompt
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.planning.budget import Budget
from cxr_agent.planning.graph import ReadingGraph
from cxr_agent.regions.derived import CODES
from cxr_agent.regions.sources import NotFound, able, outline_place, outline_prompt
from cxr_agent.testing.scripted import ScriptedPlanner
from cxr_agent.toolbox.arguments import ToolCall
from tests.builders import Bank, scene
from tests.models.adapters import pulled

OPEN = Callable[..., Bank]


@pytest.fixture(autouse=True)
def nothing_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(Runtime, "_shared", {})


def test_the_order_of_sources() -> None:
    assert able("left_lung") == ("embedded",)
    assert able("trachea") == ()
    assert able("left_costophrenic_angle") == ("derived",)
    pulled.install_sam()
    assert able("trachea") == ("prompted",)
    pulled.install_cxas()
    assert able("trachea") == ("cxas", "prompted")
    assert able("left_lung") == ("embedded", "cxas")


@pytest.mark.parametrize("code", CODES)
def test_derived_places_lie_in_their_lung(code: str) -> None:
    made = scene(size=256)
    masks = made.phantoms["img-1"].masks
    pixels = made.study.images[0].pixels
    found = outline_place(code, pixels, masks, made.shelf)
    side = code.partition("_")[0]
    assert (found.source, found.model) == ("derived", None)
    assert not (found.plane & ~masks[f"{side}_lung"]).any()
    left, top, right, bottom = found.box
    middle = pixels.shape[1] / 2
    assert right < middle if side == "right" else left > middle  # the patient's right
    if found.point is not None:
        x, y = found.point
        assert left - 1 <= x <= right + 1
        assert top <= y <= bottom + 1


def test_nothing_is_made_up() -> None:
    made = scene()
    pixels = made.study.images[0].pixels
    for code, reason in (
        ("trachea", "no_model_outlines_it"),
        ("left_costophrenic_angle", "mask_missing"),
        ("heart", "not_outlined"),
    ):
        with pytest.raises(NotFound) as outcome:
            outline_place(code, pixels, {}, made.shelf)
        assert outcome.value.code == reason


def test_a_box_and_a_point_go_to_a_model_that_takes_them() -> None:
    pytest.importorskip("torch")
    made = scene(size=96)
    pixels, runtime = made.study.images[0].pixels, made.shelf.runtime
    box, point = Prompt(box=(20, 20, 60, 60)), Prompt(points=(Point(40, 40),))
    with pytest.raises(ModelError) as lacking:
        outline_prompt("box", pixels, box, runtime)
    assert lacking.value.code == "not_pulled"
    pulled.install_sam()
    for prompt in (box, point):
        found = outline_prompt("given", pixels, prompt, runtime)
        assert (found.source, found.model) == ("prompted", "sam-vit-base")
        assert found.plane.shape == pixels.shape
        assert found.predicted_iou is not None
    with pytest.raises(UsageError) as wrong:
        outline_prompt("box", pixels, Prompt(box=(0, 0, 500, 10)), runtime)
    assert wrong.value.code == "bad_prompt"


def ask(structure: str) -> ToolCall:
    return ToolCall("segment_structure", {"film": "img-1", "structure": structure})


def test_in_a_reading_it_is_located_or_said_not_to_be(open_bank: OPEN) -> None:
    bank = open_bank(scene(size=256))
    calls = [ToolCall("segment_anatomy", {"film": "img-1"})]
    calls += [ask("left_costophrenic_angle"), ask("trachea"), ask("heart")]
    reading = ReadingGraph(bank.toolbox, ScriptedPlanner(calls), Budget()).run()
    angle, trachea, heart = (
        i for i in reading.evidence if i.provenance.tool == "segment_structure"
    )
    assert (angle.kind, angle.side) == (EvidenceKind.REGION, Side.LEFT)
    assert angle.location is Location.LEFT_COSTOPHRENIC_ANGLE
    assert angle.box is not None
    assert (trachea.kind, trachea.reasons) == (EvidenceKind.LIMITATION, ("no_model_outlines_it",))
    assert heart.kind is EvidenceKind.REGION
    assert reading.gated is not None
    assert reading.gated.dropped == ()
    texts = [sentence.text for _, sentence in reading.gated.draft]
    (located,) = [text for text in texts if text.startswith("Outlined on request")]
    assert "left costophrenic sulcus" in located
    assert any("no model here outlines it" in text for text in texts)
    # The embedded outline stays the one that others measure on.
    mask = bank.toolbox.bench.mask("img-1", "heart")
    assert mask is not None
    assert mask.repeats is not None


def test_a_place_that_is_not_listed_is_refused(open_bank: OPEN) -> None:
    outcome = open_bank(scene()).toolbox.run(ask("spleen"))
    assert (outcome.status, outcome.codes) == ("failed", ("bad_arguments",))


def test_what_cxas_outlines_on_request_is_measured_as_its_own(open_bank: OPEN) -> None:
    pytest.importorskip("torch")
    pulled.install_cxas()
    bank = open_bank(scene(size=96))
    bank.toolbox.run(ToolCall("segment_anatomy", {"film": "img-1"}))
    outcome = bank.toolbox.run(ask("trachea"))
    mask = bank.toolbox.bench.mask("img-1", "trachea")
    if outcome.status == "ok":
        assert mask is not None
        assert mask.model == "cxas"
        assert isinstance(mask.repeats, np.ndarray)
