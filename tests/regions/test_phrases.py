"""Phrases to boxes: by rule where the outlines allow it, and by a model that grounds phrases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.errors import UsageError
from cxr_agent.evidence import Polarity
from cxr_agent.measure.extent import extent_of
from cxr_agent.models.adapters import load_adapter
from cxr_agent.regions.phrases import point, point_by_model
from cxr_agent.segmenting import Segmenter
from cxr_agent.testing.phantom import draw
from tests.cli.program import levels, run_program
from tests.imaging.films import png
from tests.models.adapters import tiny

PHANTOM = draw()
OUTLINED = {
    name: extent_of(PHANTOM.masks[name]).box for name in ("right_lung", "left_lung", "heart")
}


@pytest.mark.parametrize(
    ("phrase", "code", "polarity", "places", "usual"),
    [
        (
            "small left pleural effusion",
            "pleural_effusion",
            Polarity.PRESENT,
            ["left costophrenic angle"],
            False,
        ),
        (
            "opacity in the right lower lobe",
            "lung_opacity",
            Polarity.PRESENT,
            ["right lower lung zone"],
            False,
        ),
        (
            "no pneumothorax",
            "pneumothorax",
            Polarity.ABSENT,
            ["right apical zone", "left apical zone"],
            True,
        ),
        ("cardiomegaly", "cardiomegaly", Polarity.PRESENT, ["cardiac silhouette"], False),
        (
            "the hila are normal",
            "hila",
            None,
            ["right hilar structures", "left hilar structures"],
            False,
        ),
    ],
)
def test_where_phrases_point(
    phrase: str, code: str, polarity: Polarity | None, places: list[str], usual: bool
) -> None:
    (found,) = point(phrase, OUTLINED)
    assert (found.code, found.polarity, list(found.boxes), found.usual) == (
        code,
        polarity,
        places,
        usual,
    )
    middle = PHANTOM.pixels.shape[1] / 2
    for place, (left, top, right, bottom) in found.boxes.items():
        assert left < right
        assert top < bottom
        if place.startswith("right"):
            assert (left + right) / 2 < middle  # the patient's right
        if place.startswith("left"):
            assert (left + right) / 2 > middle


def test_what_is_not_outlined_is_said() -> None:
    (found,) = point("tracheal deviation", OUTLINED)
    assert (found.boxes, found.missing) == ({}, ("trachea",))


@pytest.mark.parametrize(
    ("phrase", "code"),
    [(" ", "nothing_said"), ("lunch at noon", "nothing_said"), ("a" * 501, "phrase_too_long")],
)
def test_what_points_nowhere_is_refused(phrase: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        point(phrase, OUTLINED)
    assert caught.value.code == code


@given(st.text(max_size=80))
@settings(max_examples=40, deadline=None)
def test_no_text_breaks_it(phrase: str) -> None:
    try:
        found = point(phrase, OUTLINED)
    except UsageError:
        return
    assert found


def test_a_model_that_grounds_phrases(tmp_path: Path) -> None:
    tiny.maira2(tmp_path)
    maira = load_adapter("maira2", tmp_path)
    for one in point_by_model("large heart", PHANTOM.pixels, maira):
        assert one.boxes
    with Segmenter() as segmenter, pytest.raises(UsageError) as caught:
        segmenter.ground(tmp_path / "x.png", "large heart", "rad-dino")
    assert caught.value.code == "bad_grounder"


def test_the_command_points_on_a_film(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(png(levels(PHANTOM.pixels, 8)))
    ran = run_program("ground", tmp_path / "film.png", "left effusion", "--json", traces=tmp_path)
    ((told,),) = (ran.json,)
    left, _, right, bottom = told["boxes"]["left costophrenic angle"]
    lung = OUTLINED["left_lung"]
    assert abs(right - lung[2]) < 30
    assert abs(bottom - lung[3]) < 60
    assert left > PHANTOM.pixels.shape[1] / 2
    assert json.loads(ran.out)[0]["by"] == "rule"
