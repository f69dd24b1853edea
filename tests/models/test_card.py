"""What a card must not say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from cxr_agent.models.card import Calibration, Figure, LabelCard, ModelCard
from cxr_agent.models.store import list_cards
from tests.builders import label_card, model_card


def test_a_label_is_absent_below_and_present_from_its_limits_on() -> None:
    label = label_card("pneumothorax", absent_below=0.2, present_at=0.7)
    assert LabelCard.model_validate_json(label.model_dump_json()) == label
    assert label_card("pneumothorax", absent_below=0.4, present_at=0.4).present_at == 0.4


@pytest.mark.parametrize(
    "limits",
    [
        {"absent_below": 0.71, "present_at": 0.7},
        {"absent_below": 1.0, "present_at": 0.0},
        {"present_at": 1.01},
        {"absent_below": -0.01},
        {"present_at": float("nan")},
        {"absent_below": float("nan")},
    ],
)
def test_limits_that_contradict_each_other_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        label_card("pneumothorax", **limits)


def test_the_contradiction_is_named() -> None:
    with pytest.raises(ValidationError, match="both absent and present"):
        label_card("pneumothorax", absent_below=0.5, present_at=0.4)


def without(card: Any, name: str) -> dict[str, Any]:
    fields: dict[str, Any] = card.model_dump()
    del fields[name]
    return fields


@pytest.mark.parametrize("name", ["code", "offered", "scale", "offset", "auc_interval", "films"])
def test_a_label_leaves_nothing_out(name: str) -> None:
    with pytest.raises(ValidationError):
        LabelCard(**without(label_card("pneumothorax"), name))


@pytest.mark.parametrize(
    "name", ["weights_sha256", "weights_licence", "training_data", "figures", "not_for", "split"]
)
def test_a_card_leaves_nothing_out(name: str) -> None:
    with pytest.raises(ValidationError):
        ModelCard(**without(model_card("findings"), name))


@pytest.mark.parametrize(
    "fields", [{"outputs": ()}, {"licence": "none"}, {"kind": "pickle"}, {"limits": {"x": "high"}}]
)
def test_a_card_says_nothing_else(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model_card("findings", **fields)


def test_cards_do_not_change() -> None:
    for card in (model_card("findings"), label_card("pneumothorax")):
        with pytest.raises(ValidationError):
            card.id = "x"  # type: ignore[misc, union-attr]


def test_a_figure_was_measured_on_films() -> None:
    with pytest.raises(ValidationError):
        Figure(data="d", films=0, metric="m", value=1.0)


@pytest.mark.parametrize("fields", [{"level": 1.0}, {"floor": 0.0}, {"factor": -1.0}])
def test_an_interval_has_a_width_and_a_level(fields: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Calibration(**{"floor": 0.1, "factor": 1.0, "level": 0.9, "films": 5, **fields})


def test_a_card_is_read_back_as_it_was_written() -> None:
    card = model_card("findings", labels=(label_card("pneumothorax"),))
    assert ModelCard.model_validate_json(card.model_dump_json()) == card


def test_shipped_figures_and_labels_agree_with_themselves() -> None:
    cards = list_cards()
    for figure in (figure for card in cards for figure in card.figures):
        low, high = figure.interval or (figure.value, figure.value)
        assert low <= figure.value <= high
    for label in (label for card in cards for label in card.labels):
        low, high = label.auc_interval
        assert low <= label.auc <= high
        assert label.offered == (low >= 0.75)
        assert label.scale > 0
        assert 0 < label.positives < label.films
