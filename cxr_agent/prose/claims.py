"""What a sentence claims of one finding, measurement or place."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from cxr_agent.evidence import Change, Location, Polarity, Severity, Side
from cxr_agent.prose.quantities import Quantity


class Status(StrEnum):
    """Lunguage's dx_status."""

    POSITIVE = "positive"
    NEGATIVE = "negative"


class Claim(BaseModel):
    """One statement; offsets are those of the sentence that it stands in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["finding", "normal", "measurement"]
    """``normal``: a place is said to be as it should; ``code`` is then that of the place."""
    code: str
    text: str
    start: int
    end: int
    status: Status
    level: str | None = None
    """The level of ``kb/certainty.toml`` that its words stand for; None where it is stated as a
    fact."""
    side: Side | None = None
    locations: tuple[Location, ...] = ()
    places: tuple[str, ...] = ()
    """Codes of the places that are named with it."""
    severity: tuple[Severity, ...] = ()
    change: Change | None = None
    quantities: tuple[Quantity, ...] = ()
    morphology: tuple[str, ...] = ()
    distribution: tuple[str, ...] = ()
    onset: tuple[str, ...] = ()
    past: bool = False
    """Told as history, not as seen."""

    @property
    def tentative(self) -> bool:
        """Lunguage's dx_certainty."""
        return self.level is not None

    @property
    def polarity(self) -> Polarity:
        """What it comes to: what may be so is uncertain, what is unlikely is absent."""
        if self.status is Status.NEGATIVE:
            return Polarity.ABSENT
        return Polarity.UNCERTAIN if self.level in ("possible", "probable") else Polarity.PRESENT
