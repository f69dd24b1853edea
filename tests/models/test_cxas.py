"""CXAS as a source of outlines: where they lie, how firm they are, how often it is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import ModelError
from cxr_agent.knowledge import structures
from cxr_agent.models import adapters
from cxr_agent.models.adapters.cxas_labels import LABELS, STRUCTURES
from cxr_agent.models.cxas import CxasOutlines
from cxr_agent.models.repeats import REPEATS
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.models.tile import resized
from cxr_agent.study import FloatImage
from tests.builders import rectangle

SIDES = ("right_scapula", "left_scapula")
RIBS = ("posterior_rib_3_right", "posterior_rib_3_left")
NO_ANATOMY = {"nodule", "tube_tip"}
"""What only a person outlines."""
SHAPE = (900, 600)
RIGHT, LEFT = rectangle(SHAPE, 100, 200, 220, 700), rectangle(SHAPE, 400, 250, 540, 650)


@dataclass
class Halves:
    """Takes what is bright in the left half of a picture for what is on the right, and vice versa,
    as every model does that knows sides by where things lie."""

    side: int = 256
    shapes: list[tuple[int, int]] = field(default_factory=list)

    @dataclass
    class Masks:
        probabilities: FloatImage

    def segment(self, film: FloatImage) -> Masks:
        self.shapes.append((film.shape[0], film.shape[1]))
        square = resized(film, self.side, self.side)
        found = np.zeros((len(LABELS), self.side, self.side), dtype=np.float32)
        half = self.side // 2
        for right, left in (SIDES, RIBS):
            found[LABELS.index(STRUCTURES[right]), :, :half] = square[:, :half]
            found[LABELS.index(STRUCTURES[left]), :, half:] = square[:, half:]
        return self.Masks(found)


@dataclass
class Loads:
    model: Halves = field(default_factory=Halves)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, name: str, **options: Any) -> Halves:
        self.asked.append((name, options))
        return self.model


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    made = Loads()
    monkeypatch.setattr(adapters, "load_pulled", made)
    return made


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def film() -> FloatImage:
    return np.asarray(RIGHT | LEFT, dtype=np.float32)


def test_every_structure_has_a_label_of_its_own_and_of_its_side() -> None:
    assert set(structures()) - set(STRUCTURES) <= NO_ANATOMY
    assert set(STRUCTURES) <= set(structures())
    assert len(set(STRUCTURES.values())) == len(STRUCTURES)
    for code, label in STRUCTURES.items():
        side = structures()[code].side
        for word in ("right", "left"):
            assert (word in label) == (side == word)
        if structures()[code].order:
            digits = "".join(c for c in label.removeprefix("vertebrae T") if c.isdigit())
            assert int(digits) == structures()[code].order


@pytest.mark.parametrize("names", [SIDES, RIBS])
def test_outlines_lie_on_the_film_and_repeats_on_a_grid_of_its_proportions(
    loads: Loads, names: tuple[str, str]
) -> None:
    found = CxasOutlines(Runtime("cpu")).outline(film(), names)
    assert list(found) == list(names)
    for name, truth in zip(names, (RIGHT, LEFT), strict=True):
        one = found[name]
        assert one.plane.shape == SHAPE
        assert dice(one.plane, truth) > 0.97
        assert one.repeats is not None
        assert one.repeats.shape == (len(REPEATS), 384, 256)
        coarse = resized(truth.astype(np.float32), 384, 256) > 0.5
        # A mirrored copy too: what the model called left there is right on the film.
        assert min(dice(plane, coarse) for plane in one.repeats) > 0.93


def test_a_film_is_seen_whole_and_its_copies_at_what_the_network_takes_in(loads: Loads) -> None:
    CxasOutlines(Runtime("cpu")).outline(film(), SIDES)
    assert loads.model.shapes == [SHAPE, *[(512, 341)] * len(REPEATS)]


def test_the_largest_part_is_kept(loads: Loads) -> None:
    speck = rectangle(SHAPE, 20, 20, 40, 40)
    pixels = np.asarray(RIGHT | LEFT | speck, dtype=np.float32)
    found = CxasOutlines(Runtime("cpu")).outline(pixels, SIDES)["right_scapula"]
    assert not (found.plane & speck).any()
    assert found.repeats is not None
    assert not found.repeats[:, :20, :20].any()


def test_it_is_loaded_once_on_the_device_of_the_runtime(loads: Loads) -> None:
    runtime = Runtime("cpu")
    for _ in range(2):
        Shelf(runtime).cxas().outline(film(), SIDES)
    assert loads.asked == [("cxas", {"device": "cpu"})]
    assert runtime.memory.loaded == ("cxas",)


def test_without_the_model_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path_factory.mktemp("none")))
    shelf = Shelf(Runtime("cpu"))
    with pytest.raises(ModelError) as caught:
        shelf.cxas().outline(film(), SIDES)
    assert caught.value.code == "not_pulled"
    assert "cxr-agent models pull cxas" in caught.value.hint
    assert shelf.weights_sha256("cxas") is None
    assert shelf.weights_sha256("nobody") is None
    assert shelf.weights_sha256("anatomy")
