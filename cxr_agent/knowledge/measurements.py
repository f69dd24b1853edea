"""What is measured, from what, and what the value means: ``kb/measurements.toml``.

The file says everything but the geometry: which outlines a measurement needs, its formula in
words, when it abstains and which limits decide. A function of :mod:`cxr_agent.measure` gives the
value and named *quantities*; conditions and comparisons speak of these, or of ``value``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from pydantic import Field, model_validator

from cxr_agent.errors import ConfigError
from cxr_agent.evidence import Location, Unit
from cxr_agent.knowledge.files import Entry, entry, load


class Condition(Entry):
    """What must hold for the value to be given; where it does not, the measurement abstains.

    Limits are names of ``kb/thresholds.toml``; those at the limit are let pass.
    """

    quantity: str
    at_least: str = ""
    at_most: str = ""
    below: str = ""
    code: str
    """Of ``kb/wording/en/reasons.toml``: why it abstains."""
    optional: bool = False
    """Whether it is passed over where the geometry, for want of an outline that the measurement
    can do without, does not give the quantity."""

    @model_validator(mode="after")
    def _limited(self) -> Condition:
        if not (self.at_least or self.at_most or self.below):
            raise ValueError("a condition needs a limit")
        return self


class Comparison(Entry):
    """One quantity against limits, which are names of ``kb/thresholds.toml``.

    A quantity that the geometry does not give, as its outline was not there, is not compared.

    It *holds* from ``from_`` on, or below ``below``, or outside of ``low`` to ``high``. It fails
    on the other side; where ``fails_below``, ``fails_from`` or ``fails_at_most`` is given, only
    beyond that, and is open in between.
    """

    quantity: str = "value"
    from_: str = Field(default="", alias="from")
    below: str = ""
    low: str = ""
    high: str = ""
    fails_below: str = ""
    fails_from: str = ""
    fails_at_most: str = ""
    view: Literal["PA", "AP"] | None = None
    """Of the projection it is for; None for any."""
    reason: str = ""
    """Of ``kb/wording/en/reasons.toml``: what is said where it holds."""

    @model_validator(mode="after")
    def _one_form(self) -> Comparison:
        forms = (bool(self.from_), bool(self.below), bool(self.low and self.high))
        if sum(forms) != 1 or bool(self.low) != bool(self.high):
            raise ValueError("a comparison has one form")
        return self

    @property
    def limits(self) -> tuple[str, ...]:
        """Names of the limits that it holds by."""
        return tuple(name for name in (self.from_, self.below, self.low, self.high) if name)


class Decision(Entry):
    """What follows from the value."""

    kind: Literal["finding", "quality"]
    code: str
    """Of ``kb/vocabulary.toml``."""
    when: tuple[Comparison, ...] = Field(min_length=1)
    combine: Literal["any", "all"] = "any"
    """How many comparisons make it present. ``any``: absent where all fail. ``all``: absent where
    all fail too, so that a mixed outcome is open."""
    present: str = "present"
    """Category where it is present; categories are what a quality or an answer is called by."""
    absent: str = "absent"
    uncertain: str = "undecided"


class MeasurementDefinition(Entry):
    """One measurement."""

    id: str
    """Its key in the file: what ``cxr-agent measure --only`` calls it."""
    code: str
    """Of ``kb/vocabulary.toml``: what the value is."""
    task: str = ""
    """Its task in CXReasonBench; empty where it has none."""
    tool: str
    """Name of the tool in ``tools/`` that measures it."""
    structures: tuple[str, ...]
    """Outlines without which it abstains: structures or groups of ``kb/structures.toml``."""
    optional: tuple[str, ...] = ()
    landmarks: tuple[str, ...] = Field(min_length=1)
    movable: tuple[str, ...] = ()
    """Landmarks that a reader may put elsewhere: the value is made of these points."""
    formula: str = Field(min_length=1)
    source: str = Field(min_length=1)
    unit: Unit
    tolerance: float | None = Field(default=None, gt=0)
    """By which two values may differ and still count as the same, where a source says so."""
    adults_only: bool = False
    square_pixels: bool = False
    """Whether it abstains where pixels are not square: angles and curvatures would be bent."""
    location: Location | None = None
    condition: tuple[Condition, ...] = ()
    decision: Decision | None = None


@lru_cache(maxsize=1)
def measurements() -> dict[str, MeasurementDefinition]:
    """All definitions by id, in the order of the file."""
    return {
        name: entry(
            MeasurementDefinition, name, {"id": name, **raw} if isinstance(raw, dict) else raw
        )
        for name, raw in load("measurements").items()
    }


def definition(name: str) -> MeasurementDefinition:
    """One definition.

    Raises
    ------
    ConfigError
        ``unknown_measurement``.
    """
    try:
        return measurements()[name]
    except KeyError:
        raise ConfigError(
            "unknown_measurement", f"kb/measurements.toml has no entry {name}"
        ) from None


@lru_cache(maxsize=512)
def measured_for(code: str) -> MeasurementDefinition | None:
    """The measurement that decides a finding or a quality, by the code of that."""
    for one in measurements().values():
        if one.decision is not None and one.decision.code == code:
            return one
    return None
