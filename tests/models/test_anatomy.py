"""The embedded anatomy model on phantoms, and its two files against each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from cxr_agent.models.anatomy import AnatomyModel, outline
from cxr_agent.models.repeats import REPEATS
from cxr_agent.models.runtime.onnx import OnnxNetwork
from cxr_agent.models.store import load_card, weights_root
from cxr_agent.models.tile import make_tile, place
from cxr_agent.testing.phantom import PhantomSpec, draw


@pytest.fixture(scope="module")
def model() -> AnatomyModel:
    return AnatomyModel(OnnxNetwork(load_card("anatomy"), threads=2))


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.mark.parametrize("ratio", [0.42, 0.5, 0.6])
def test_a_phantom_is_outlined(model: AnatomyModel, ratio: float) -> None:
    phantom = draw(PhantomSpec(cardiothoracic_ratio=ratio))
    anatomy = model.segment(phantom.pixels)
    assert anatomy.film_probability > 0.5
    for structure in ("right_lung", "left_lung", "heart"):
        assert dice(anatomy.outlines[structure].plane, phantom.masks[structure]) > 0.9


def test_masks_have_the_films_own_shape(model: AnatomyModel) -> None:
    pixels = draw().pixels[20:500, 60:470]
    for found in model.segment(pixels).outlines.values():
        assert found.plane.shape == pixels.shape
        assert found.plane.dtype == np.bool_


def test_a_turned_film_is_no_upright_film(model: AnatomyModel) -> None:
    turned = np.ascontiguousarray(np.rot90(draw().pixels))
    assert model.segment(turned).film_probability < 0.5


def test_the_same_film_gives_the_same_masks(model: AnatomyModel) -> None:
    pixels = draw().pixels
    one, other = model.segment(pixels), model.segment(pixels)
    assert one.film_probability == other.film_probability
    for name, found in one.outlines.items():
        assert np.array_equal(found.plane, other.outlines[name].plane)


def test_several_films_at_once_get_the_outlines_they_get_alone(model: AnatomyModel) -> None:
    films = [draw(PhantomSpec(cardiothoracic_ratio=r)).pixels for r in (0.45, 0.55)]
    films.append(np.ascontiguousarray(films[0][:400, 30:]))
    together = model.segment_many(films)
    for pixels, found in zip(films, together, strict=True):
        alone = model.segment(pixels)
        assert found.film_probability == pytest.approx(alone.film_probability, abs=1e-5)
        for name, outline_ in alone.outlines.items():
            assert found.outlines[name].plane.shape == pixels.shape
            assert dice(found.outlines[name].plane, outline_.plane) > 0.9999


def test_films_outlined_again_have_their_repeats_beside_them(model: AnatomyModel) -> None:
    pixels = draw().pixels[:400, 30:]
    anatomy = model.segment(pixels, repeat=True)
    alone = model.segment(pixels)
    for name, found in anatomy.outlines.items():
        assert alone.outlines[name].repeats is None
        assert np.array_equal(found.plane, alone.outlines[name].plane)
        assert found.repeats is not None
        assert found.repeats.shape == (len(REPEATS), 319, 384)
        small = np.asarray(Image.fromarray(found.plane).resize((384, 319)))
        if name.endswith(("lung", "heart")):
            assert all(dice(small, plane) > 0.93 for plane in found.repeats), name


def test_no_film_gives_no_outline(model: AnatomyModel) -> None:
    assert model.segment_many([]) == []


def test_only_the_largest_part_is_kept_and_holes_are_filled() -> None:
    probability = np.zeros((128, 128), dtype=np.float32)
    probability[20:80, 20:80] = 0.9
    probability[40:50, 40:50] = 0.1
    probability[100:110, 100:110] = 0.95
    plane = outline(probability, place((128, 128), 128))
    assert plane[45, 45]
    assert not plane[105, 105]
    assert plane.sum() == 60 * 60


@given(st.integers(64, 300), st.integers(64, 300), st.integers(0, 1 << 16))
@example(64, 80, 1)  # smaller than on the tile
@example(500, 400, 2)
def test_an_outline_is_as_of_the_whole_map_with_all_of_its_rim(
    rows: int, columns: int, seed: int
) -> None:
    noise = np.random.default_rng(seed).random((96, 96))
    probability = ndimage.gaussian_filter(noise, 3).astype(np.float32)
    probability = (probability - probability.min()) / np.ptp(probability)
    placement = place((rows, columns), 96)
    above = probability > 0.5
    labels, count = ndimage.label(above)
    sizes = ndimage.sum_labels(above, labels, range(1, count + 1))
    part = labels == 1 + int(np.argmax(sizes))
    near = ndimage.binary_dilation(part, iterations=12)
    kept = np.where(near & (~above | part), probability, 0)
    kept[ndimage.binary_fill_holes(part) & ~part] = 1
    found = outline(probability, placement)
    assert np.array_equal(found, placement.restore_above(kept, 0.5))


def test_an_empty_map_gives_an_empty_mask() -> None:
    found = outline(np.zeros((64, 64), dtype=np.float32), place((100, 80), 64))
    assert found.shape == (100, 80)
    assert not found.any()


def test_onnx_and_torch_weights_agree(model: AnatomyModel) -> None:
    torch = pytest.importorskip("torch", reason="torch is an extra")
    from safetensors.torch import load_file

    from cxr_agent.models.networks.anatomy import AnatomyNet, parameter_count

    network = AnatomyNet()
    state = load_file(weights_root() / "anatomy" / "anatomy.safetensors")
    network.load_state_dict(
        {k: v.to(torch.float32) if v.is_floating_point() else v for k, v in state.items()}
    )
    tile, _ = make_tile(draw().pixels, model.card.input_size)
    with torch.inference_mode():
        logits, film = network.eval()(torch.from_numpy(tile)[None, None])
    masks, probability = model.predict(tile)
    # Half precision on disk moves a probability by less than this, and a border by no pixel.
    assert np.abs(logits[0].sigmoid().numpy() - masks).max() < 0.02
    assert abs(float(film.sigmoid()) - probability) < 0.02
    assert parameter_count(network) == model.card.parameters
