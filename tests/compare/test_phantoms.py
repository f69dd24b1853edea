"""Pairs of phantoms with a known change: right in sign above the repeatability, none below it.

What the embedded anatomy model adds is tried on fewer of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import ndimage

from cxr_agent.evidence import Change, Side
from cxr_agent.knowledge import threshold
from cxr_agent.measure.zones import lung_zones
from cxr_agent.models.shelf import Shelf
from cxr_agent.testing.phantom import Phantom, PhantomSpec, draw
from cxr_agent.toolbox.comparing import Changed, Compared, Seen, compare
from tests.builders import FakeShelf
from tests.compare.films import chest, keyed, outlined, seen, seen_of
from tests.long_runs import long_or
from tests.phantoms import SPACING

PAIRS = long_or(48, 116)
"""Of each kind of change: in full enough for 100 that are far from the limit."""
SIZE = 320
CTR = threshold("repeat_cardiothoracic_ratio").value
AREA = threshold("repeat_lung_area").value
DENSITY = threshold("repeat_lung_density").value


@dataclass(frozen=True)
class Pair:
    """Two films of one drawn patient, and by how much what was changed is larger on the first."""

    current: Seen
    prior: Seen
    true: float


def exposed_anew(spec: PhantomSpec, rng: np.random.Generator) -> PhantomSpec:
    """The same patient at another exposure, a little turned."""
    return replace(
        spec,
        exposure=float(np.exp(rng.normal(0, 0.2))),
        noise=float(rng.uniform(0, 0.02)),
        tilt_deg=float(rng.normal(0, 2)),
    )


def hearts(rng: np.random.Generator) -> tuple[PhantomSpec, PhantomSpec]:
    """Of a heart from 0.36 to 0.66 of the thorax's width, each with another."""
    one, other = (float(rng.uniform(0.36, 0.66)) for _ in "ab")
    spec = chest(rng, cardiothoracic_ratio=one, thorax_width=float(rng.uniform(0.62, 0.8)))
    return spec, replace(exposed_anew(spec, rng), cardiothoracic_ratio=other)


def right(change: Changed, true: float, limit: float, margin: float) -> bool | None:
    """Whether the relation is the true one; None so near to the limit that either will do."""
    if abs(abs(true) - limit) <= margin:
        return None
    wanted = Change.WORSENED if true > limit else Change.IMPROVED
    return change.relation is (wanted if abs(true) > limit else Change.NO_CHANGE)


def judged(found: list[tuple[Changed, float, float]], margin: float) -> None:
    """All of them, and enough of each kind, are told for what they are."""
    verdicts = [(right(c, true, limit, margin), c, true, limit) for c, true, limit in found]
    assert [(c.change, c.relation, true) for ok, c, true, _ in verdicts if ok is False] == []
    kinds = [np.sign(true) if abs(true) > limit else 0 for ok, _, true, limit in verdicts if ok]
    assert len(kinds) >= long_or(40, 100)
    assert min(kinds.count(kind) for kind in (-1, 0, 1)) >= long_or(4, 10)


def one_of(found: Compared, *key: object) -> Changed:
    assert found.obstacles == {}
    (change,) = [c for k, c in keyed(found).items() if set(key) <= set(k)]
    return change


@pytest.mark.slow
@pytest.mark.long
def test_a_heart_that_grew_or_shrank() -> None:
    rng = np.random.default_rng(1)
    found = []
    for _ in range(PAIRS):
        now, before = hearts(rng)
        current, prior = draw(now, SIZE), draw(before, SIZE)
        compared = compare(seen_of(current), seen_of(prior, "prior-1"), FakeShelf())
        ratio = one_of(compared, "cardiothoracic_ratio")
        true = now.cardiothoracic_ratio - before.cardiothoracic_ratio
        assert ratio.change == pytest.approx(true, abs=0.01)
        found.append((ratio, true, CTR))
    judged(found, 0.01)


@pytest.mark.slow
@pytest.mark.long
def test_lungs_that_grew_or_shrank() -> None:
    """The whole thorax is larger on one film, in square centimetres; its proportions stay."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(PAIRS):
        before = chest(rng, thorax_width=float(rng.uniform(0.6, 0.7)), base_y=0.68, apex_y=0.08)
        factor = float(rng.uniform(0.88, 1.14))
        now = replace(
            exposed_anew(before, rng),
            thorax_width=factor * before.thorax_width,
            base_y=0.08 + factor * 0.6,
            heart_shift=factor * before.heart_shift,
        )
        films = draw(now, SIZE), draw(before, SIZE)
        current = seen_of(films[0], spacing=SPACING)
        compared = compare(current, seen_of(films[1], "prior-1", spacing=SPACING), FakeShelf())
        for side in (Side.RIGHT, Side.LEFT):
            area = one_of(compared, "lung_area", side)
            later, earlier = (0.0009 * one.masks[f"{side}_lung"].sum() for one in films)
            limit = AREA * (later + earlier) / 2
            assert area.change == pytest.approx(later - earlier)
            assert area.repeatability == pytest.approx(limit)
            found.append((area, later - earlier, limit))
    judged(found, 1e-6)


def opacities(rng: np.random.Generator) -> tuple[Pair, str]:
    """One zone of one film is denser; the true change is in ranks among all greys."""
    spec = chest(rng, cardiothoracic_ratio=float(rng.uniform(0.36, 0.48)))
    plain = draw(spec, SIZE)
    side, name = str(rng.choice(["right", "left"])), str(rng.choice(["upper", "mid", "lower"]))
    zone = lung_zones(plain.masks[f"{side}_lung"])[name]
    raised = float(rng.choice([rng.uniform(0, 0.06), rng.uniform(0.2, 0.45)]))
    soft = ndimage.gaussian_filter(zone.astype(float), 4)
    dense = np.clip(plain.pixels + raised * soft, 0, 1)
    smooth = [ndimage.gaussian_filter(film.astype(float), 2) for film in (dense, plain.pixels)]
    box = np.flatnonzero(plain.masks["right_lung"].any(axis=1))
    around = np.s_[max(0, box[0] - 30) : box[-1] + 30, 20:-20]
    ranks = [
        np.searchsorted(np.sort(film[around], axis=None), film[zone]) / film[around].size
        for film in smooth
    ]
    true = float(np.median(ranks[0] - ranks[1]))
    again = draw(exposed_anew(spec, rng), SIZE)
    # The denser film is the one whose zone is known; the other is exposed anew and turned.
    masks = {name: plane for name, plane in plain.masks.items() if name in again.masks}
    denser = Phantom(dense.astype(np.float32), masks, plain.truth)
    if rng.random() < 0.5:
        return Pair(seen_of(denser), seen_of(again, "prior-1"), true), f"{side} {name} lung zone"
    return Pair(seen_of(again), seen_of(denser, "prior-1"), -true), f"{side} {name} lung zone"


@pytest.mark.slow
@pytest.mark.long
def test_an_opacity_that_came_or_went() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(PAIRS):
        pair, zone = opacities(rng)
        compared = compare(pair.current, pair.prior, FakeShelf())
        change = one_of(compared, zone)
        assert change.code == (
            "lung_density" if change.relation is Change.NO_CHANGE else "lung_opacity"
        )
        found.append((change, pair.true, DENSITY))
        others = [c for c in compared.changes if c.location != zone]
        assert {c.relation for c in others} == {Change.NO_CHANGE}
    judged(found, 0.03)


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return Shelf()


def read(phantom: Phantom, shelf: Shelf, handle: str = "img-1") -> Seen:
    """As the embedded model outlines it, with its doubt."""
    found = outlined(shelf.anatomy(), phantom.pixels, handle=handle, spacing=SPACING)
    assert found is not None
    return found


@pytest.mark.slow
def test_hearts_by_the_embedded_model(shelf: Shelf) -> None:
    """The sign is right wherever a change is told, and one well above the repeatability is told
    unless the outlines themselves are in doubt."""
    rng = np.random.default_rng(4)
    told = 0
    for _ in range(12):
        now, before = hearts(rng)
        current, prior = read(draw(now, 512), shelf), read(draw(before, 512), shelf, "prior-1")
        ratio = one_of(compare(current, prior, shelf), "cardiothoracic_ratio")
        true = now.cardiothoracic_ratio - before.cardiothoracic_ratio
        assert ratio.interval is not None
        low, high = ratio.interval
        if ratio.relation is not Change.NO_CHANGE:
            told += 1
            assert (ratio.relation is Change.WORSENED) is (true > 0), (ratio, true)
        else:
            assert abs(true) < CTR + 0.04 or low <= 0 <= high, (ratio, true)
    assert told >= 3


@pytest.mark.slow
def test_opacities_by_the_embedded_model(shelf: Shelf) -> None:
    rng = np.random.default_rng(5)
    told = 0
    for _ in range(12):
        spec = chest(rng, cardiothoracic_ratio=float(rng.uniform(0.36, 0.48)))
        plain = draw(spec, 512)
        side = str(rng.choice(["right", "left"]))
        zone = lung_zones(plain.masks[f"{side}_lung"])["mid"]
        soft = ndimage.gaussian_filter(zone.astype(float), 6)
        dense = np.clip(plain.pixels + 0.25 * soft, 0, 1).astype(np.float32)
        again = draw(exposed_anew(spec, rng), 512)
        current = read(Phantom(dense, plain.masks, plain.truth), shelf)
        compared = compare(current, read(again, shelf, "prior-1"), shelf)
        for change in compared.changes:
            if change.code == "lung_opacity":
                told += 1
                assert change.location is not None
                assert change.location.startswith(f"{side} ")
                assert change.relation is Change.WORSENED
    assert told >= 4


def test_outlines_from_elsewhere_have_no_interval() -> None:
    """And where there is one it has to lie clear of nought besides."""
    small, big = (draw(PhantomSpec(cardiothoracic_ratio=r), SIZE) for r in (0.4, 0.55))
    plain = compare(seen_of(big), seen_of(small, "prior-1"), FakeShelf())
    ratio = one_of(plain, "cardiothoracic_ratio")
    assert (ratio.interval, ratio.interval_level) == (None, None)
    assert ratio.relation is Change.WORSENED
    masks = {name: small.masks[name] for name in ("right_lung", "left_lung")}
    without_heart = compare(seen_of(big), seen(small.pixels, masks, "prior-1"), FakeShelf())
    assert "cardiothoracic_ratio" not in {c.code for c in without_heart.changes}
