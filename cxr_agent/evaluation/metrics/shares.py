"""A share of cases with the interval that its number of cases leaves."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

LEVEL = 0.95


class Share(BaseModel):
    """So many of so many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int
    of: int
    value: float | None
    """None where there are no cases."""
    interval: tuple[float, float] | None
    """95 %, of Wilson's score (1927); cases are taken for independent."""


def share(count: int, of: int) -> Share:
    """``count`` of ``of`` cases.

    Raises
    ------
    ValueError
        When there are more than all, or fewer than none.
    """
    if not 0 <= count <= of:
        raise ValueError(f"{count} of {of} is no share")
    if of == 0:
        return Share(count=0, of=0, value=None, interval=None)
    from scipy.stats import binomtest

    found = binomtest(count, of).proportion_ci(LEVEL, method="wilson")
    return Share(
        count=count, of=of, value=count / of, interval=(float(found.low), float(found.high))
    )
