from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cxr_agent.errors import ModelError
from cxr_agent.evidence import EvidenceKind
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.execute import Outcome
from cxr_agent.tools.segment_anatomy import STRUCTURES
from tests.builders import Bank, Scene, scene

OPEN = Callable[..., Bank]


def segmented(bank: Bank) -> Outcome:
    return bank.toolbox.run(ToolCall("segment_anatomy", {"film": "img-1"}))


def made(open_bank: OPEN, **rest: object) -> tuple[Bank, Scene]:
    drawn = scene(**rest)  # type: ignore[arg-type]
    return open_bank(drawn), drawn


def test_each_structure_is_a_region_with_its_mask_and_side(open_bank: OPEN) -> None:
    bank, drawn = made(open_bank)
    outcome = segmented(bank)
    assert [item.code for item in outcome.evidence] == list(STRUCTURES)
    for item in outcome.evidence:
        truth = drawn.phantoms["img-1"].masks[item.code]
        held = bank.toolbox.bench.mask("img-1", item.code)
        assert held is not None
        assert np.array_equal(held.plane, truth)
        assert set(item.artifacts) == {item.code}
        assert item.details["area_px"] == truth.sum()
        assert item.provenance.model == "anatomy"
        side, _, _ = item.code.partition("_")
        assert item.side == (side if side in ("right", "left") else None)


def test_what_is_not_outlined_is_a_limitation(open_bank: OPEN) -> None:
    bank, _ = made(open_bank, drop=("heart", "left_clavicle"))
    outcome = segmented(bank)
    limits = [i for i in outcome.evidence if i.kind is EvidenceKind.LIMITATION]
    assert [(i.code, i.reasons) for i in limits] == [
        ("heart", ("not_outlined",)),
        ("left_clavicle", ("not_outlined",)),
    ]
    assert limits[1].reading == (
        "Left clavicle could not be determined: its outline could not be found."
    )


@pytest.mark.parametrize("why", [{"strange": ("img-1",)}, {"drop": ("right_lung", "left_lung")}])
def test_what_is_no_frontal_film_is_refused(open_bank: OPEN, why: dict[str, object]) -> None:
    bank, _ = made(open_bank, **why)
    outcome = segmented(bank)
    assert (outcome.status, outcome.codes) == ("abstained", ("not_frontal_chest",))
    assert bank.toolbox.bench.masks("img-1") == {}


def test_one_lung_is_enough_to_go_on(open_bank: OPEN) -> None:
    bank, _ = made(open_bank, drop=("right_lung",))
    assert segmented(bank).status == "ok"


def test_a_model_that_does_not_load_is_said(open_bank: OPEN) -> None:
    bank, drawn = made(open_bank)
    drawn.shelf.model.fails = ModelError("weights_damaged", "the weights are damaged")
    outcome = segmented(bank)
    assert (outcome.status, outcome.codes) == ("failed", ("model_error",))
    assert "a model that it needs cannot be loaded" in outcome.evidence[0].reading
