from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cxr_agent.evidence import EvidenceKind, Observation, Side
from cxr_agent.knowledge import threshold
from cxr_agent.study import FloatImage, Notice, View
from cxr_agent.testing.phantom import STRUCTURES, PhantomSpec, draw
from cxr_agent.toolbox.contract import BoolMask
from cxr_agent.toolbox.reading import reading_of
from cxr_agent.tools.assess_quality import AssessQuality, assess_quality
from tests.builders import film, mask

SIZE = 192


def assessed(
    pixels: FloatImage, masks: dict[str, BoolMask], **rest: Any
) -> tuple[AssessQuality, dict[str, Observation]]:
    taken = ("right_lung", "left_lung", "heart")
    found = {name: mask(name, plane) for name, plane in masks.items() if name in taken}
    result = assess_quality(film(pixels, **rest), **found)
    assert isinstance(result, AssessQuality)
    said = {observation.code: observation for observation in result.observations()}
    assert all(reading_of(observation) for observation in said.values())
    return result, said


def phantom(**spec: Any) -> tuple[FloatImage, dict[str, BoolMask]]:
    drawn = draw(PhantomSpec(**spec), SIZE)
    return drawn.pixels, drawn.masks


def categories(said: dict[str, Observation]) -> dict[str, str | None]:
    return {code: observation.category for code, observation in said.items()}


def test_a_good_film() -> None:
    result, said = assessed(*phantom())
    assert categories(said) == {
        "projection": "pa",
        "exposure": "adequate",
        "lung_height": "adequate",
    }
    assert said["lung_height"].reasons == ("no_rib_count",)
    assert said["lung_height"].value == result.lung_height_ratio
    assert said["lung_height"].threshold == threshold("lung_height_ratio").value


@pytest.mark.parametrize("view", list(View))
def test_the_projection_is_the_headers(view: View) -> None:
    _, said = assessed(*phantom(), view=view)
    assert said["projection"].category == view.value.lower()
    assert said["projection"].reasons == (("view_unknown",) if view is View.UNKNOWN else ())


def test_an_inverted_film() -> None:
    pixels, masks = phantom()
    _, said = assessed(1 - pixels, masks)
    assert said["exposure"].category == "inverted"
    assert said["exposure"].details["contrast"] < 0


def test_a_film_of_low_contrast() -> None:
    pixels, masks = phantom()
    _, said = assessed(0.5 + 0.1 * (pixels - 0.5), masks)
    assert said["exposure"].category == "low_contrast"


def test_a_film_with_black_lungs() -> None:
    pixels, masks = phantom()
    lungs = masks["right_lung"] | masks["left_lung"]
    result, said = assessed(np.where(lungs, np.float32(0), pixels), masks)
    assert said["exposure"].category == "clipped"
    assert result.clipped_share == 1


def test_short_lungs_hint_at_poor_inspiration() -> None:
    _, said = assessed(*phantom(apex_y=0.3, base_y=0.7, thorax_width=0.9))
    assert said["lung_height"].category == "low"


def test_a_heart_on_the_right_is_said_and_nothing_is_turned() -> None:
    pixels, masks = phantom()
    turned = {name: plane[:, ::-1] for name, plane in masks.items()}
    swapped = {
        "heart": turned["heart"],
        "right_lung": turned["left_lung"],
        "left_lung": turned["right_lung"],
        "right_clavicle": turned["left_clavicle"],
        "left_clavicle": turned["right_clavicle"],
    }
    result, said = assessed(np.ascontiguousarray(pixels[:, ::-1]), swapped)
    assert said["heart_side"].category == Side.RIGHT.value
    assert result.heart_offset is not None
    assert result.heart_offset < 0


@pytest.mark.parametrize(
    ("missing", "unknown"),
    [
        (("heart",), {"exposure": "mask_missing"}),
        (
            ("right_lung",),
            {
                "exposure": "mask_missing",
                "lung_height": "mask_missing",
            },
        ),
        (
            STRUCTURES,
            {
                "exposure": "mask_missing",
                "lung_height": "mask_missing",
            },
        ),
    ],
)
def test_what_cannot_be_judged_is_said(missing: tuple[str, ...], unknown: dict[str, str]) -> None:
    pixels, masks = phantom()
    _, said = assessed(pixels, {k: v for k, v in masks.items() if k not in missing})
    limits = {c: o.reasons for c, o in said.items() if o.kind is EvidenceKind.LIMITATION}
    assert limits == {code: (reason,) for code, reason in unknown.items()}


def test_the_notices_of_the_film_are_kept() -> None:
    result, _ = assessed(*phantom(), notices=(Notice.OVERLAY_BITS,))
    assert result.notices == (Notice.OVERLAY_BITS,)
