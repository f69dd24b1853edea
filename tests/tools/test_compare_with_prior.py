"""Holding a film against a prior one: what the tool takes, gives, and cannot do."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from cxr_agent.evidence import Change, EvidenceKind, Location, Side
from cxr_agent.knowledge import threshold
from cxr_agent.models.shelf import Shelf
from cxr_agent.planning.schemas import schemas
from cxr_agent.study import AgeGroup, Study, View
from cxr_agent.testing.phantom import PhantomSpec
from cxr_agent.toolbox.arguments import ToolCall, refusal_of
from cxr_agent.toolbox.execute import Outcome
from cxr_agent.toolbox.registry import Registry, built_in
from cxr_agent.trace import ToolReturned
from tests.builders import Bank, Scene, scene

OPEN = Callable[..., Bank]
BIG, SMALL = PhantomSpec(cardiothoracic_ratio=0.6), PhantomSpec(cardiothoracic_ratio=0.4)
BOTH = {"film": "img-1", "prior": "prior-1"}


def call(**arguments: Any) -> ToolCall:
    return ToolCall("compare_with_prior", BOTH | arguments)


def outlined(*films: str) -> list[ToolCall]:
    return [ToolCall("segment_anatomy", {"film": film}) for film in films]


def with_films(made: Scene, film: dict[str, Any], prior: dict[str, Any]) -> Scene:
    """With other views, ages and the like of the two films."""
    study = made.study
    made.study = Study(
        (replace(study.images[0], **film),), (replace(study.priors[0], **prior),), study.indication
    )
    return made


def compared(open_bank: OPEN, made: Scene | None = None, **arguments: Any) -> tuple[Bank, Outcome]:
    bank = open_bank(made or scene(BIG, priors=[SMALL]))
    bank.toolbox.run_all(outlined("img-1", "prior-1"))
    return bank, bank.toolbox.run(call(**arguments))


def test_what_changed_is_said_of_the_current_film_against_the_prior(open_bank: OPEN) -> None:
    _, outcome = compared(open_bank)
    assert outcome.status == "ok"
    assert {(i.image, i.against, i.kind) for i in outcome.evidence} == {
        ("img-1", "prior-1", EvidenceKind.COMPARISON)
    }
    ratio = next(i for i in outcome.evidence if i.code == "cardiothoracic_ratio")
    assert ratio.category == Change.WORSENED
    assert ratio.location is Location.CARDIAC_SILHOUETTE
    assert ratio.value == pytest.approx(0.2, abs=0.02)
    assert ratio.details["now"] - ratio.details["before"] == ratio.value
    assert ratio.details["repeatability"] == threshold("repeat_cardiothoracic_ratio").value
    assert ratio.interval is not None
    assert ratio.reading.startswith("Cardiothoracic ratio larger against prior-1: 0.4")
    zones = [i for i in outcome.evidence if i.code in ("lung_density", "lung_opacity")]
    assert len({i.location for i in zones}) == len(zones) >= 5
    assert all(i.side is Side(str(i.location).split()[0]) for i in zones)
    assert not any(i.code == "lung_area" for i in outcome.evidence)  # no pixel spacing


def test_the_difference_view_is_kept_and_each_change_points_to_it(open_bank: OPEN) -> None:
    bank, outcome = compared(open_bank)
    (digest,) = {i.artifacts["difference"] for i in outcome.evidence}
    returned = [e for e in bank.events if isinstance(e, ToolReturned)][-1]
    assert returned.artifacts == {"difference": digest}
    assert "pictures" not in returned.result
    assert returned.result["prior"] == "prior-1"
    with Picture.open(io.BytesIO(bank.artifact(digest))) as opened:
        assert (opened.format, opened.mode, opened.size) == ("PNG", "RGB", (128, 128))


WRONG: dict[str, dict[str, Any]] = {
    "current for prior": {"prior": "img-1"},
    "prior for current": {"film": "prior-1"},
    "both exchanged": {"film": "prior-1", "prior": "img-1"},
    "unknown prior": {"prior": "prior-2"},
    "no handle": {"prior": True},
    "a path": {"prior": "/home/doe/film.dcm"},
    "unknown film": {"film": "img-7"},
    "unknown argument": {"path": "/etc/passwd"},
    "no choice": {"deformable": "maybe"},
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_a_call_outside_the_contract(open_bank: OPEN, arguments: dict[str, Any]) -> None:
    bank, outcome = compared(open_bank, **arguments)
    assert (outcome.status, outcome.codes) == ("failed", ("bad_arguments",))
    spec = bank.toolbox.registry.get("compare_with_prior")
    assert spec is not None
    assert refusal_of(spec, outcome.call, bank.toolbox.bench.study) == "bad_arguments"
    for item in outcome.evidence:
        assert item.kind is EvidenceKind.LIMITATION
        assert "/home" not in item.model_dump_json()
        assert item.against in (None, "prior-1")


@pytest.mark.parametrize("missing", ["film", "prior"])
def test_a_call_without_one_of_both_films(open_bank: OPEN, missing: str) -> None:
    bank = open_bank(scene(BIG, priors=[SMALL]))
    one = ToolCall("compare_with_prior", {k: v for k, v in BOTH.items() if k != missing})
    assert bank.toolbox.run(one).codes == ("bad_arguments",)


LATERAL, CHILD = {"view": View.LATERAL}, {"age_group": AgeGroup.PAEDIATRIC}


@pytest.mark.parametrize(
    ("film", "prior", "reason"),
    [
        (LATERAL, {}, "lateral_view"),
        ({}, LATERAL, "lateral_view"),
        (CHILD, {}, "paediatric"),
        ({}, CHILD, "paediatric"),
        (LATERAL, CHILD, "lateral_view"),
    ],
)
def test_films_that_it_abstains_from(
    open_bank: OPEN, film: dict[str, Any], prior: dict[str, Any], reason: str
) -> None:
    _, outcome = compared(open_bank, with_films(scene(BIG, priors=[SMALL]), film, prior))
    limited(outcome, reason)


def limited(outcome: Outcome, reason: str) -> None:
    """It abstained, and the limitation says against what."""
    assert (outcome.status, outcome.codes) == ("abstained", (reason,))
    (item,) = outcome.evidence
    assert (item.kind, item.code, item.image) == (
        EvidenceKind.LIMITATION,
        "prior_comparison",
        "img-1",
    )
    assert (item.against, item.reasons) == ("prior-1", (reason,))
    assert "prior-1" in item.reading or "prior film" in item.reading


@pytest.mark.parametrize("on", [["img-1"], ["prior-1"], []])
def test_outlines_that_are_missing(open_bank: OPEN, on: list[str]) -> None:
    bank = open_bank(scene(BIG, priors=[SMALL]))
    bank.toolbox.run_all(outlined(*on))
    limited(bank.toolbox.run(call()), "mask_missing")


def test_a_lung_that_was_not_outlined(open_bank: OPEN) -> None:
    _, outcome = compared(open_bank, scene(BIG, priors=[SMALL], drop=("left_lung",)))
    limited(outcome, "mask_missing")


@pytest.mark.parametrize(
    ("film", "prior", "category", "reason", "rest"),
    [
        ({}, {"view": View.AP}, "films", "other_projection", set()),
        (
            {"view": View.UNKNOWN},
            {},
            "sizes",
            "views_unknown",
            {"lung_density"},
        ),
    ],
)
def test_what_is_not_comparable_is_said_with_why(
    open_bank: OPEN,
    film: dict[str, Any],
    prior: dict[str, Any],
    category: str,
    reason: str,
    rest: set[str],
) -> None:
    _, outcome = compared(open_bank, with_films(scene(SMALL, priors=[SMALL]), film, prior))
    assert outcome.status == "ok"
    (limit,) = [i for i in outcome.evidence if i.kind is EvidenceKind.LIMITATION]
    assert (limit.against, limit.category, limit.reasons) == ("prior-1", category, (reason,))
    assert {i.code for i in outcome.evidence} - {limit.code} == rest
    assert "not comparable with prior-1: " in limit.reading.lower()


@pytest.mark.parametrize(
    ("logits", "relation"),
    [
        ((3.0, -3.0), Change.NEW),
        ((-3.0, 3.0), Change.RESOLVED),
        ((4.0, 2.0), Change.WORSENED),
        ((2.0, 4.0), Change.IMPROVED),
        ((2.0, 2.1), Change.NO_CHANGE),
        ((1.0, 0.6), Change.NO_CHANGE),  # crosses the limit, within the repeatability
        ((-3.0, -1.0), None),  # present on neither
    ],
)
def test_a_finding_of_both_films(
    open_bank: OPEN,
    monkeypatch: pytest.MonkeyPatch,
    logits: tuple[float, float],
    relation: Change | None,
) -> None:
    made = scene(SMALL, priors=[BIG])
    now, before = logits
    network, model = made.shelf.networks["findings"], made.shelf.findings()

    def classify(pixels: np.ndarray) -> Any:
        current = pixels is made.study.images[0].pixels
        network.outputs["logits"] = [now if current else before, 9.0]
        return model.classify(pixels)

    standing = SimpleNamespace(card=model.card, classify=classify)
    monkeypatch.setattr(made.shelf, "findings", lambda: standing)
    _, outcome = compared(open_bank, made)
    found = [i for i in outcome.evidence if i.code == "pleural_effusion"]
    assert [i.category for i in found] == ([relation] if relation else [])
    assert not any(i.code == "lung_lesion" for i in outcome.evidence)  # not offered
    for item in found:
        assert item.value is not None
        assert item.interval is not None
        low, high = item.interval
        assert low <= item.value <= high
        assert (low > 0 or high < 0) is (item.category != Change.NO_CHANGE)


def test_every_finding_that_is_offered_has_a_repeatability() -> None:
    card = Shelf().findings().card
    offered = [label.code for label in card.labels if label.offered]
    assert offered
    for code in offered:
        assert threshold(f"repeat_{code}").value > 0


def test_a_missing_library_is_a_limitation(
    open_bank: OPEN, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "monai.losses", None)
    _, outcome = compared(open_bank, deformable=True)
    assert (outcome.status, outcome.codes) == ("failed", ("model_error",))
    assert [i.against for i in outcome.evidence] == ["prior-1"]


@pytest.mark.slow
def test_films_bent_onto_one_another(open_bank: OPEN) -> None:
    pytest.importorskip("monai", reason="pip install 'cxr-agent[deformable]'")
    _, plain = compared(open_bank)
    _, bent = compared(open_bank, deformable=True)
    assert bent.status == "ok"
    assert [(i.code, i.location) for i in bent.evidence] == [
        (i.code, i.location) for i in plain.evidence
    ]


# What language models are offered, and calls made side by side


def names(currents: tuple[str, ...], priors: tuple[str, ...]) -> dict[str, Any]:
    made = [one["function"] for one in schemas(built_in(), currents, priors)]
    return {one["name"]: one["parameters"] for one in made}


def test_it_is_offered_only_where_there_is_something_to_compare() -> None:
    assert "compare_with_prior" not in names(("img-1",), ())
    assert "compare_with_prior" not in names((), ("prior-1",))
    offered = names(("img-1", "img-2"), ("prior-1", "prior-2"))
    schema = offered["compare_with_prior"]
    assert schema["properties"] == {
        "film": {"type": "string", "enum": ["img-1", "img-2"]},
        "prior": {"type": "string", "enum": ["prior-1", "prior-2"]},
        "deformable": {"type": "boolean", "enum": [True, False]},
    }
    assert schema["required"] == ["film", "prior"]
    everything = ["img-1", "img-2", "prior-1", "prior-2"]
    assert offered["measure_ctr"]["properties"]["film"]["enum"] == everything


@pytest.mark.parametrize("last", ["img-1", "prior-1"])
def test_it_waits_for_the_outlines_of_either_film(open_bank: OPEN, last: str) -> None:
    bank = open_bank(scene(BIG, priors=[SMALL]))
    other = "prior-1" if last == "img-1" else "img-1"
    bank.toolbox.run_all(outlined(other))
    outcomes = bank.toolbox.run_all([*outlined(last), call()])
    assert [o.status for o in outcomes] == ["ok", "ok"]


def test_it_does_not_wait_for_films_that_it_does_not_look_at(open_bank: OPEN) -> None:
    bank = open_bank(scene(BIG, None, priors=[SMALL, SMALL]))
    bank.toolbox.run_all(outlined("img-1", "prior-1"))
    waves = bank.toolbox._waves([*outlined("img-2", "prior-2"), call(), call(prior="prior-2")])
    assert [[(c.tool, c.films) for c in wave] for wave in waves] == [
        [
            ("segment_anatomy", ("img-2",)),
            ("segment_anatomy", ("prior-2",)),
            ("compare_with_prior", ("img-1", "prior-1")),
        ],
        [("compare_with_prior", ("img-1", "prior-2"))],
    ]


def test_it_alone_without_a_registry_of_others(open_bank: OPEN) -> None:
    """Beside no tool that outlines it abstains, and nothing fails."""
    spec = built_in().get("compare_with_prior")
    assert spec is not None
    bank = open_bank(scene(BIG, priors=[SMALL]), Registry([spec]))
    limited(bank.toolbox.run(call()), "mask_missing")
