"""When to try again: three requests at most, all within one deadline."""

from __future__ import annotations

from typing import Final

MOST: Final = 3
_PAUSES: Final = (0.5, 1.5)
"""Seconds before the second and the third request, unless the server says how long."""
_TRANSIENT: Final = (
    "model_rate_limited",
    "model_server_error",
    "model_unreachable",
    "model_cut_off",
    "model_malformed",
)


class Trouble(Exception):  # noqa: N818 - an outcome of one request
    """Why one request gave nothing.

    Parameters
    ----------
    code
        Of ``kb/wording/en/reasons.toml``.
    wait
        Seconds that the server asks to wait.
    """

    def __init__(self, code: str, wait: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.wait = wait


def pause_before_next(trouble: Trouble, made: int, left: float) -> float | None:
    """Seconds to wait before another request; None where there is to be none.

    Parameters
    ----------
    made
        Requests made so far.
    left
        Seconds to the deadline.
    """
    if made >= MOST or trouble.code not in _TRANSIENT:
        return None
    pause = _PAUSES[made - 1] if trouble.wait is None else trouble.wait
    return pause if pause < left else None
