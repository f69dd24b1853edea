"""The tool. Listing it, and importing this file, needs no torch: the network is in its own file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any, Final

from cxr_agent import tool
from cxr_agent.evidence import EvidenceKind, Observation, Unit
from cxr_agent.study import Image, View
from cxr_agent.toolbox import Abstain, AddedWords, OwnEnvironment, ToolResult

CODE: Final = "film_tilt"
MOST_DEG: Final = 15.0
CARD: Final[dict[str, Any]] = json.loads(
    resources.files("cxr_film_tilt").joinpath("card.json").read_text(encoding="utf-8")
)
ENVIRONMENT: Final = OwnEnvironment(
    "~/film-tilt-env/bin/python", requires=("torch==2.13.0", "safetensors")
)


class Tilt(ToolResult):
    """Degrees, with the half width of the interval that the card states."""

    tilt_deg: float
    clockwise_deg: float
    """The same with its sign: clockwise as the film is looked at is positive."""
    half_width_deg: float

    def observations(self) -> Iterator[Observation]:
        low, high = self.tilt_deg - self.half_width_deg, self.tilt_deg + self.half_width_deg
        yield Observation(
            kind=EvidenceKind.MEASUREMENT,
            code=CODE,
            value=self.tilt_deg,
            unit=Unit.DEGREE,
            interval=(max(0.0, low), high),
            interval_level=CARD["interval_level"],
            details={"clockwise_deg": self.clockwise_deg, "half_width_deg": self.half_width_deg},
        )


@tool(
    version=CARD["version"],
    purpose="Degrees by which the chest is turned in the plane of the film, by a small network.",
    subject=CODE,
    model=CARD["id"],
    weights_sha256=CARD["safetensors_sha256"],
    words={
        CODE: AddedWords("tilt of the chest", section="Technique", unit=Unit.DEGREE, decimals=0)
    },
    reasons={"film_tilt_beyond": "the chest is turned further than the network was trained for"},
    time_limit_s=60,
    memory_mib=2048,
    isolation=ENVIRONMENT,
)
def film_tilt(film: Image) -> Tilt:
    """Ask the network; it looks at the middle of the film, and at no outline.

    Raises
    ------
    Abstain
        ``lateral_view``; ``film_tilt_beyond`` where its answer is beyond what it learned.
    """
    if film.view is View.LATERAL:
        raise Abstain(CODE, "lateral_view")
    from cxr_film_tilt.network import tilt_deg  # torch, which only the tool's own environment has

    found = tilt_deg(film.pixels, CARD["safetensors_sha256"])
    if abs(found) > MOST_DEG:
        raise Abstain(CODE, "film_tilt_beyond")
    return Tilt(
        tilt_deg=abs(found), clockwise_deg=found, half_width_deg=CARD["interval_half_width_deg"]
    )
