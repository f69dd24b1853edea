"""Cards and weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import get_args

import pytest

from cxr_agent.errors import ModelError
from cxr_agent.models import store
from cxr_agent.models.runtime.onnx import OnnxNetwork
from cxr_agent.models.store import WeightsForm, list_cards, load_card, verified_weights

MAX_BYTES = 20_000_000


def test_every_embedded_model_is_what_its_card_says() -> None:
    cards = list_cards()
    assert "anatomy" in [card.id for card in cards]
    for card in cards:
        for form in get_args(WeightsForm):
            assert 0 < len(verified_weights(card, form)) < MAX_BYTES
        assert card.figures
        assert card.not_for
        assert card.weights_licence


def test_no_shipped_file_is_too_large() -> None:
    for path in store.weights_root().rglob("*"):
        assert path.stat().st_size < MAX_BYTES


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "weights"
    shutil.copytree(store.weights_root(), root)
    monkeypatch.setattr(store, "weights_root", lambda: root)
    load_card.cache_clear()
    yield root / "anatomy"
    load_card.cache_clear()


def test_damaged_weights_are_refused(copied: Path) -> None:
    weights = copied / "anatomy.onnx"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError) as caught:
        OnnxNetwork(load_card("anatomy"))
    assert caught.value.code == "weights_damaged"


def test_missing_weights_are_named(copied: Path) -> None:
    (copied / "anatomy.onnx").unlink()
    with pytest.raises(ModelError) as caught:
        OnnxNetwork(load_card("anatomy"))
    assert caught.value.code == "weights_missing"


def test_weights_that_hash_right_and_do_not_load(copied: Path) -> None:
    import hashlib

    (copied / "anatomy.onnx").write_bytes(b"no network")
    card = json.loads((copied / "card.json").read_text())
    card["weights_sha256"] = hashlib.sha256(b"no network").hexdigest()
    (copied / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelError) as caught:
        OnnxNetwork(load_card("anatomy"))
    assert caught.value.code == "weights_damaged"


@pytest.mark.parametrize("text", ["", "{}", "{", '{"id": 1}'])
def test_a_damaged_card(copied: Path, text: str) -> None:
    (copied / "card.json").write_text(text)
    with pytest.raises(ModelError) as caught:
        load_card("anatomy")
    assert caught.value.code == "bad_card"


def test_an_unknown_model() -> None:
    with pytest.raises(ModelError) as caught:
        load_card("nothing")
    assert caught.value.code == "unknown_model"


def test_the_page_of_a_card_is_the_card() -> None:
    from training.card_page import to_markdown

    pages = Path(__file__).resolve().parents[2] / "docs" / "models"
    for card in list_cards():
        assert (pages / f"{card.id}.md").read_text(encoding="utf-8") == to_markdown(card)
