"""The public way to get masks alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cxr_agent.errors import InputError, UnsuitableFilm, UsageError
from cxr_agent.segmenting import Segmenter
from cxr_agent.testing.phantom import STRUCTURES, PhantomSpec, draw
from tests.cli.program import Films, dice, levels, save, write_films


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return write_films(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="module")
def segmenter() -> Iterator[Segmenter]:
    with Segmenter() as one:
        yield one


@pytest.mark.parametrize("name", ["chest.dcm", "grey16.png", "photo.jpg"])
def test_masks_of_the_phantom(name: str, segmenter: Segmenter, films: Films) -> None:
    masks = segmenter.segment(films[name])
    assert set(masks) == set(STRUCTURES)
    for structure in STRUCTURES:
        truth = films.phantom.masks[structure]
        found = masks[structure]
        assert (found.shape, found.dtype) == (truth.shape, np.bool_)
        assert dice(found, truth) >= (0.7 if "clavicle" in structure else 0.9)


@pytest.mark.parametrize(
    "spec",
    [
        PhantomSpec(cardiothoracic_ratio=0.6, seed=1),
        PhantomSpec(cardiothoracic_ratio=0.4, thorax_width=0.7, seed=2),
        PhantomSpec(exposure=1.3, seed=3),
    ],
    ids=["large heart", "narrow chest", "dark"],
)
def test_other_chests(spec: PhantomSpec, segmenter: Segmenter, tmp_path: Path) -> None:
    phantom = draw(spec, 640)
    masks = segmenter.segment(save(tmp_path / "film.png", levels(phantom.pixels, 8)))
    for structure in ("right_lung", "left_lung", "heart"):
        assert dice(masks[structure], phantom.masks[structure]) >= 0.9


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_film_is_refused(
    turns: int, segmenter: Segmenter, films: Films, tmp_path: Path
) -> None:
    turned = np.rot90(levels(films.phantom.pixels, 8), turns)
    with pytest.raises(UnsuitableFilm) as caught:
        segmenter.segment(save(tmp_path / "film.png", turned))
    assert caught.value.code == "not_chest"


def test_unreadable_file(segmenter: Segmenter, films: Films) -> None:
    with pytest.raises(InputError) as caught:
        segmenter.segment(films["letter.txt"])
    assert caught.value.code == "not_an_image"


def test_a_device_that_is_none() -> None:
    with pytest.raises(UsageError) as caught:
        Segmenter(device="tpu")
    assert caught.value.code == "bad_device"


def test_works_after_a_refusal(segmenter: Segmenter, films: Films) -> None:
    with pytest.raises(UnsuitableFilm):
        segmenter.segment(films["hand.png"])
    assert segmenter.segment(films["grey8.png"])["heart"].any()
