"""What a change of a measured value amounts to."""

from __future__ import annotations

import math

from cxr_agent.evidence import Change, Interval


def relation(change: float, repeatability: float, interval: Interval | None) -> Change:
    """Whether a value has become larger or smaller by more than measuring it again would.

    A change counts when it exceeds the repeatability of its measurement and its own interval,
    where there is one, lies clear of nought (Bland & Altman, Stat Methods Med Res 1999;8:135-160).

    Parameters
    ----------
    change
        The current value minus the prior one.
    repeatability
        What two measurements differ by, without any change, in all but few cases.
    """
    low, high = interval if interval is not None else (change, change)
    if change > repeatability and low > 0:
        return Change.WORSENED
    if change < -repeatability and high < 0:
        return Change.IMPROVED
    return Change.NO_CHANGE


def difference_interval(change: float, current: Interval, prior: Interval) -> Interval:
    """The interval of a difference of two values whose errors are independent.

    Half-widths are added in quadrature, those towards each end for themselves; ``current`` and
    ``prior`` are deviations from the two values, the lower one first.
    """
    low = math.hypot(current[0], prior[1])
    high = math.hypot(current[1], prior[0])
    return change - low, change + high


def log_odds(probability: float) -> float:
    """Of a probability within (0, 1); what lies nearer to an end than 1e-9 is taken there."""
    inside = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(inside / (1 - inside))


def shifted(probability: float, by: float) -> float:
    """The probability whose log odds are larger by so much."""
    return 0.5 + 0.5 * math.tanh((log_odds(probability) + by) / 2)
