"""The comparison as a whole, on outlines of any kind: sound, within the film, and exchangeable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.evidence import Change
from cxr_agent.study import View
from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.toolbox.comparing import Compared, Seen, compare
from cxr_agent.toolbox.contract import Abstain
from tests.builders import FakeShelf, rectangle
from tests.compare.films import ALIGNED, LUNGS, chest, drawn, exchanged, seen, seen_of
from tests.phantoms import SPACING


@st.composite
def anything(draw: st.DrawFn, handle: str) -> Seen:
    """A film of noise or of one grey with boxes for lungs, however odd, and perhaps a heart."""
    rows, columns = draw(st.integers(1, 160)), draw(st.integers(1, 160))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    grey = draw(st.booleans())
    pixels = np.full((rows, columns), 0.5) if grey else rng.random((rows, columns))
    masks = {}
    for name in ALIGNED if draw(st.booleans()) else LUNGS:
        left, top = draw(st.integers(0, columns - 1)), draw(st.integers(0, rows - 1))
        right, bottom = draw(st.integers(left + 1, columns)), draw(st.integers(top + 1, rows))
        masks[name] = rectangle((rows, columns), left, top, right, bottom)
    view = draw(st.sampled_from([View.PA, View.UNKNOWN]))
    return seen(pixels.astype(np.float32), masks, handle, view=view)


def sound(found: Compared, current: Seen) -> None:
    rows, columns = current.film.shape
    for change in found.changes:
        assert np.isfinite(change.change)
        if change.box is not None:
            left, top, right, bottom = change.box
            assert 0 <= left < right <= columns
            assert 0 <= top < bottom <= rows
    assert 0 <= found.overlap <= 1
    assert tuple(found.observations())
    (picture,) = found.pictures.values()
    assert max(picture.plane.shape[:2]) <= 512


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(anything("img-1"), anything("prior-1"))
def test_whatever_was_outlined(current: Seen, prior: Seen) -> None:
    there = compare(current, prior, FakeShelf())
    sound(there, current)
    if current.film.sha256 != prior.film.sha256:
        exchanged(there, compare(prior, current, FakeShelf()))


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 99), st.integers(0, 99))
def test_exchanged_phantoms(one: int, other: int) -> None:
    """Two patients differ in everything."""
    first, second = (
        seen_of(drawn(chest(np.random.default_rng(seed))), spacing=SPACING)
        for seed in (one, 100 + other)
    )
    exchanged(
        compare(first, second, FakeShelf()),
        compare(second, first, FakeShelf()),
    )


@pytest.mark.parametrize("logits", [(3.0, -3.0), (4.0, 1.0), (1.0, 0.7)])
def test_exchanged_findings(logits: tuple[float, float]) -> None:
    """Their interval too, which is no half-width in probabilities."""
    shelf = FakeShelf()
    network, model = shelf.networks["findings"], shelf.findings()
    films = [seen_of(drawn(PhantomSpec(seed=seed))) for seed in (1, 2)]

    class ByFilm:
        card = model.card

        def classify(self, pixels: np.ndarray) -> object:
            network.outputs["logits"] = [logits[pixels is films[0].film.pixels], 0.0]
            return model.classify(pixels)

    shelf.findings = ByFilm  # type: ignore[method-assign, assignment]
    there, back = compare(*films, shelf), compare(*reversed(films), shelf)
    exchanged(there, back)
    (found,) = [c for c in there.changes if c.code == "pleural_effusion"]
    assert found.interval is not None
    low, high = found.interval
    assert low < found.change < high
    assert (low > 0 or high < 0) is (found.relation is not Change.NO_CHANGE)


def cropped(seen_film: Seen, by: int) -> Seen:
    """A film that ends within the lungs."""
    cut = np.s_[by:-by, by:]
    pixels = np.ascontiguousarray(seen_film.film.pixels[cut])
    return seen(pixels, {name: mask.plane[cut] for name, mask in seen_film.masks.items()})


@pytest.mark.parametrize("by", [20, 33, 50])
@pytest.mark.parametrize("offset", [0.0, 1e-3])
def test_boxes_end_at_the_film(by: int, offset: float) -> None:
    """Zones of a larger prior reach beyond the current film, whichever it is framed on."""
    phantom = draw(PhantomSpec(), 320)
    masks = {name: phantom.masks[name] for name in ALIGNED}
    whole = seen(phantom.pixels + np.float32(offset), masks, "prior-1")
    small = cropped(seen(phantom.pixels, masks), by)
    found = compare(small, whole, FakeShelf())
    assert sum(c.code.startswith("lung_") and c.box is not None for c in found.changes) >= 5
    sound(found, small)


def test_line_like_lungs_cost_no_memory() -> None:
    line = {name: rectangle((1500, 12), 5, 0, 6, 1500) for name in LUNGS}
    pixels = np.random.default_rng(0).random((1500, 12)).astype(np.float32)
    one = seen(pixels, line)
    sound(compare(one, seen(pixels**2, line, "prior-1"), FakeShelf()), one)


@pytest.mark.parametrize("drop", LUNGS)
@pytest.mark.parametrize("of_prior", [False, True])
def test_without_a_lung_there_is_nothing(drop: str, of_prior: bool) -> None:
    whole = drawn(PhantomSpec())
    lame = seen(whole.pixels, {n: whole.masks[n] for n in ALIGNED if n != drop})
    films = (seen_of(whole), lame) if of_prior else (lame, seen_of(whole))
    with pytest.raises(Abstain) as caught:
        compare(*films, FakeShelf())
    assert (caught.value.subject, caught.value.reasons) == ("prior_comparison", ("mask_missing",))


def test_turn_and_scale_are_those_of_the_prior() -> None:
    spec = PhantomSpec(tilt_deg=0)
    straight = seen_of(draw(spec, 320))
    turned = seen_of(draw(PhantomSpec(tilt_deg=5), 400), "prior-1")
    found = compare(straight, turned, FakeShelf())
    assert found.turned_deg == pytest.approx(5, abs=0.3)
    assert found.scale == pytest.approx(400 / 320, rel=0.01)
