"""Two films of one patient compared the same way, whichever of them is the current one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, floor
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from cxr_agent.compare.affine import LUNGS, Affine
from cxr_agent.compare.change import difference_interval, log_odds, relation, shifted
from cxr_agent.compare.comparable import Facts, Subject, obstacles
from cxr_agent.compare.deformable import bent
from cxr_agent.compare.density import Difference, difference
from cxr_agent.compare.picture import difference_view
from cxr_agent.compare.registration import register
from cxr_agent.evidence import (
    Box,
    Change,
    EvidenceKind,
    Interval,
    Location,
    Observation,
    Side,
    Unit,
)
from cxr_agent.knowledge import members, threshold
from cxr_agent.measure.ctr import cardiothoracic_ratio
from cxr_agent.measure.extent import BoolMask, extent_of, lung_height_ratio
from cxr_agent.measure.lungs import area_of, lung_area_ratio
from cxr_agent.measure.rotation import rotation
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import Image
from cxr_agent.toolbox.artifacts import DIFFERENCE
from cxr_agent.toolbox.contract import Abstain, Mask, Picture, Placed, ToolResult
from cxr_agent.toolbox.measurement import Measurement
from cxr_agent.toolbox.measuring import Wanted, measure

_ROTATION: Final = ("right_clavicle", "left_clavicle", "spine", *LUNGS)
_OF_ZONES, _OF_FINDINGS = 0.99, 0.95
"""Shares of what has not changed that the repeatability takes in. Six zones are looked at in one
film, so that each has to be surer."""


class Changed(BaseModel):
    """One value on both films; what is larger on the current one has a change above nought."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    location: Location | None = None
    side: Side | None = None
    box: Box | None = None
    """In pixels of the current film."""
    before: float | None = None
    now: float | None = None
    """None of what is only known as a difference."""
    change: float
    unit: Unit
    interval: Interval | None
    interval_level: float | None
    repeatability: float
    """In the unit of the change; of a finding in log odds."""
    source: str
    relation: Change

    def observation(self, against: str) -> Observation:
        details = {"before": self.before, "now": self.now, "repeatability": self.repeatability}
        return Observation(
            kind=EvidenceKind.COMPARISON,
            code=self.code,
            location=self.location,
            side=self.side,
            box=self.box,
            value=self.change,
            unit=self.unit,
            interval=self.interval,
            interval_level=self.interval_level,
            threshold_source=self.source,
            category=self.relation.value,
            details={name: value for name, value in details.items() if value is not None},
            against=against,
        )


class Compared(ToolResult):
    """What came of comparing a film with a prior one."""

    prior: str
    overlap: float
    """Dice coefficient of the lungs, once laid over one another."""
    turned_deg: float
    scale: float
    """Of the prior film against the current one."""
    changes: tuple[Changed, ...]
    obstacles: dict[Subject, tuple[str, ...]]

    def observations(self) -> Iterable[Observation]:
        for change in self.changes:
            yield change.observation(self.prior)
        for subject, reasons in self.obstacles.items():
            yield Observation(
                kind=EvidenceKind.LIMITATION,
                code="prior_comparison",
                category=subject.value,
                reasons=reasons,
                against=self.prior,
            )


@dataclass(eq=False)
class Seen:
    """A film with its outlines, as a comparison looks at it."""

    film: Image
    masks: Mapping[str, Mask]
    placed: Placed = field(default_factory=Placed)

    @cached_property
    def planes(self) -> dict[str, BoolMask]:
        return {
            name: self.masks[name].plane
            for name in (*LUNGS, "heart")
            if name in self.masks and self.masks[name].plane.any()
        }

    @property
    def facts(self) -> Facts:
        names = (*_ROTATION, *members("vertebrae"))
        turned = self.measured(names, Wanted("rotation", rotation))
        decided = turned[0].decided if turned else None
        return Facts(
            view=self.film.view,
            rotated=decided is not None and decided.category == "rotated",
            lung_height=lung_height_ratio(*(self.planes[name] for name in LUNGS)),
        )

    def measured(self, names: Iterable[str], *wanted: Wanted) -> tuple[Measurement, ...]:
        """Values as their own tool measures them; what it cannot measure is left out."""
        given = [self.masks[name] for name in names if name in self.masks]
        try:
            return measure(self.film, given, *wanted, placed=self.placed).items
        except Abstain:
            return ()


def compare(current: Seen, prior: Seen, shelf: Shelf, *, deformable: bool = False) -> Compared:
    """Compare a film with a prior one of the same patient.

    Which of the two is the current one decides the sign of what comes out and nothing else.

    Parameters
    ----------
    deformable
        Whether the films are bent onto one another besides (:mod:`cxr_agent.compare.deformable`).

    Raises
    ------
    Abstain
        ``mask_missing`` when a lung of either film was not outlined.
    ModelError
        ``library_missing`` where ``deformable`` needs one.
    """
    if any(name not in seen.planes for seen in (current, prior) for name in LUNGS):
        raise Abstain("prior_comparison", "mask_missing")
    # One order for both: exchanging current and prior must exchange signs, to the last digit.
    in_order = current.film.sha256 <= prior.film.sha256
    fixed, moving = (current, prior) if in_order else (prior, current)
    sign = 1.0 if in_order else -1.0
    laid = register(fixed.planes, moving.planes)
    found = difference(
        fixed.film.pixels,
        moving.film.pixels,
        fixed.planes,
        moving.planes,
        laid.to_moving,
        bend=bent if deformable else None,
    )
    to_fixed = Affine(np.eye(2, 3)) if in_order else laid.to_moving.inverse
    to_prior = laid.to_moving if in_order else laid.to_moving.inverse
    against = obstacles(current.facts, prior.facts, laid.overlap)
    changes: list[Changed] = []
    if against.keys().isdisjoint((Subject.FILMS, Subject.SIZES)):
        changes += _sizes(current, prior)
    if against.keys().isdisjoint((Subject.FILMS, Subject.DENSITY)):
        changes += _densities(found, to_fixed, sign, current.film.shape)
    if Subject.FILMS not in against:
        changes += _findings(current.film, prior.film, shelf)
    return Compared(
        prior=prior.film.handle,
        overlap=round(laid.overlap, 4),
        turned_deg=round(to_prior.turn_deg, 2),
        scale=round(to_prior.scale, 4),
        changes=tuple(changes),
        obstacles=against,
        pictures={DIFFERENCE: Picture(difference_view(current.film.pixels, found, to_fixed, sign))},
    )


def _sizes(current: Seen, prior: Seen) -> Iterator[Changed]:
    heart = [Wanted("ctr", cardiothoracic_ratio)]
    lungs = [Wanted("lung_area", area_of(side), side) for side in (Side.RIGHT, Side.LEFT)]
    lungs.append(Wanted("lung_area_ratio", lung_area_ratio))
    for names, wanted in (((*LUNGS, "heart"), heart), (LUNGS, lungs)):
        now, before = (
            {(one.code, one.side): one for one in seen.measured(names, *wanted)}
            for seen in (current, prior)
        )
        for key, one in now.items():
            if key in before:
                yield _changed(one, before[key])


def _changed(now: Measurement, before: Measurement) -> Changed:
    """A value that both films have; the repeatability of an area is a share of the mean of both."""
    change = now.value - before.value
    limit = threshold(f"repeat_{now.code}")
    is_area = now.unit is Unit.SQUARE_CENTIMETRE
    repeatability = limit.value * ((now.value + before.value) / 2 if is_area else 1.0)
    interval = level = None
    if now.interval is not None and before.interval is not None:
        interval = difference_interval(change, _deviations(now), _deviations(before))
        level = min(now.interval_level or 0.0, before.interval_level or 0.0)
    return Changed(
        code=now.code,
        location=now.location or _LUNG_OF.get(now.side),
        side=now.side,
        box=now.box,
        before=before.value,
        now=now.value,
        change=change,
        unit=now.unit,
        interval=interval,
        interval_level=level,
        repeatability=repeatability,
        source=limit.source,
        relation=relation(change, repeatability, interval),
    )


_LUNG_OF: Final[dict[Side | None, Location]] = {
    Side.RIGHT: Location.RIGHT_LUNG,
    Side.LEFT: Location.LEFT_LUNG,
}


def _deviations(measured: Measurement) -> Interval:
    assert measured.interval is not None
    low, high = measured.interval
    return low - measured.value, high - measured.value


def _densities(
    found: Difference, to_fixed: Affine, sign: float, shape: tuple[int, int]
) -> Iterator[Changed]:
    """What changed is an opacity; what did not is the density of a zone, be it clear or not."""
    limit = threshold("repeat_lung_density")
    for zone in found.zones:
        denser = found.change(zone)
        if denser is None:
            continue
        change = sign * denser
        interval = change - limit.value, change + limit.value
        told = relation(change, limit.value, interval)
        yield Changed(
            code="lung_density" if told is Change.NO_CHANGE else "lung_opacity",
            location=zone,
            side=Side(zone.split()[0]),
            box=_box_on(found, zone, to_fixed, shape),
            change=change,
            unit=Unit.RATIO,
            interval=interval,
            interval_level=_OF_ZONES,
            repeatability=limit.value,
            source=limit.source,
            relation=told,
        )


def _box_on(found: Difference, zone: Location, to_fixed: Affine, shape: tuple[int, int]) -> Box:
    """Around a zone, in pixels of the current film, which may end within it."""
    box = extent_of(found.zones[zone])
    to_current = to_fixed.inverse.after(found.frame.to_film)
    x, y = to_current.points(
        np.array([box.left, box.right, box.left, box.right], dtype=np.float64),
        np.array([box.top, box.top, box.bottom, box.bottom], dtype=np.float64),
    )
    rows, columns = shape
    x, y = np.clip(x, 0, columns), np.clip(y, 0, rows)
    return floor(x.min()), floor(y.min()), ceil(x.max()), ceil(y.max())


def _findings(current: Image, prior: Image, shelf: Shelf) -> Iterator[Changed]:
    """Findings that the classifier calls present on one of the films at least."""
    model = shelf.findings()
    now, before = (model.classify(film.pixels).probabilities for film in (current, prior))
    for label in model.card.labels:
        code = label.code
        present = [one[code] >= label.present_at for one in (now, before)]
        if not label.offered or not any(present):
            continue
        limit = threshold(f"repeat_{code}")
        moved = log_odds(now[code]) - log_odds(before[code])
        told = relation(moved, limit.value, None)
        if told is not Change.NO_CHANGE and not all(present):
            told = Change.NEW if present[0] else Change.RESOLVED
        # Half of it to each film, so that the interval of the exchanged films is this one negated.
        low, high = (
            shifted(now[code], by) - shifted(before[code], -by)
            for by in (-limit.value / 2, limit.value / 2)
        )
        yield Changed(
            code=code,
            before=before[code],
            now=now[code],
            change=now[code] - before[code],
            unit=Unit.RATIO,
            interval=(low, high),
            interval_level=_OF_FINDINGS,
            repeatability=limit.value,
            source=limit.source,
            relation=told,
        )
