"""Say whether the film is like those that the embedded models learned from."""

from __future__ import annotations

from collections.abc import Iterable

from cxr_agent.evidence import EvidenceKind, Observation, Unit
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import ToolResult, tool


class AssessFamiliarity(ToolResult):
    """Distance of the film's embedding from the nearest centre of the training films."""

    strangeness: float
    """One minus the cosine, in [0, 2]."""
    limit: float

    def observations(self) -> Iterable[Observation]:
        yield Observation(
            kind=EvidenceKind.QUALITY,
            code="familiarity",
            category="strange" if self.strangeness >= self.limit else "familiar",
            value=self.strangeness,
            unit=Unit.RATIO,
            threshold=self.limit,
            threshold_source="99 of 100 validation films lie below; see the card of the embedding",
        )


@tool(
    version="1.0",
    purpose="Whether the film is like those that the models learned from.",
    subject="familiarity",
    model="embedding",
    time_limit_s=20,
)
def assess_familiarity(film: Image, shelf: Shelf) -> AssessFamiliarity:
    """Embed the film; the farther it lies, the less the other models' figures hold for it."""
    model = shelf.embedding()
    embedded = model.embed([film.pixels])
    return AssessFamiliarity(
        strangeness=embedded.strangeness[0], limit=model.card.limits["strangeness"]
    )
