"""The card, the network, and the tool, on phantoms whose turn is known. Needs torch here."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cxr_film_tilt.tool import CARD, film_tilt

from cxr_agent.models.card import Figure, ModelCard
from cxr_agent.study import Image, View
from cxr_agent.testing import check_tool
from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.toolbox import Abstain, spec_of

PACKAGE = Path(__file__).parents[1] / "cxr_film_tilt"


def film(tilt_deg: float, seed: int = 3, view: View = View.PA) -> Image:
    return Image(
        handle="img-1",
        pixels=draw(PhantomSpec(tilt_deg=tilt_deg, seed=seed), 256).pixels,
        sha256="0" * 64,
        view=view,
        view_source="header",
        spacing=None,
    )


def test_contract() -> None:
    spec = spec_of(film_tilt)
    assert spec is not None
    here = replace(spec, isolation=None)  # the tests have torch; the tool's environment is not here
    assert [one for one in check_tool(here) if one.outcome == "failed"] == []


@pytest.mark.parametrize("turn", [-9.0, -3.0, 0.0, 4.0, 10.0])
def test_it_tells_the_turn_of_a_phantom(turn: float) -> None:
    found = film_tilt(film(turn))
    assert found.clockwise_deg == pytest.approx(turn, abs=CARD["interval_half_width_deg"])
    assert found.tilt_deg == abs(found.clockwise_deg)


def test_the_mirror_image_is_turned_the_other_way() -> None:
    one = film(6.0)
    mirrored = replace(one, pixels=np.ascontiguousarray(one.pixels[:, ::-1]))
    assert film_tilt(mirrored).clockwise_deg == pytest.approx(
        -film_tilt(one).clockwise_deg, abs=0.1
    )


def test_it_abstains() -> None:
    with pytest.raises(Abstain):
        film_tilt(film(0.0, view=View.LATERAL))


def test_the_card_is_one_and_speaks_of_these_weights() -> None:
    ours = set(ModelCard.model_fields) | {"interval_half_width_deg", "interval_level"}
    assert set(CARD) <= ours
    figures = [Figure.model_validate(one) for one in CARD["figures"]]
    assert {one.data.split(",")[0] for one in figures} == {"JSRT", "wingspan", "phantoms"}
    weights = (PACKAGE / "tilt.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == CARD["safetensors_sha256"]
    assert "research use" in CARD["weights_licence"]


def test_damaged_weights_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CARD, "safetensors_sha256", "0" * 64)
    with pytest.raises(ValueError, match="not what its card says"):
        film_tilt(film(0.0))


def test_its_contract_is_known_without_torch() -> None:
    code = "import sys, cxr_film_tilt.tool; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent)
