"""Say which films of a store are like this one, and what is known of them: context, never proof."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import BaseModel, ConfigDict

from cxr_agent.evidence import EvidenceKind, Interval, Observation, Polarity, Unit
from cxr_agent.retrieval.library import Library, Neighbour
from cxr_agent.retrieval.votes import LEVEL, Vote
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import Abstain, ToolResult, tool

SUBJECT = "similar_cases"
_CODES_AT_MOST: Final = 8


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Alike(_Record):
    """One film of the store."""

    item: int
    """Its number in the store."""
    distance: float
    """Cosine distance, in [0, 2]."""
    present: tuple[str, ...]
    """Findings that its labels have."""
    snippet: str

    def observation(self, reach: float | None) -> Observation:
        return Observation(
            kind=EvidenceKind.NEIGHBOUR,
            code="similar_film",
            category="labelled" if self.present else "unlabelled",
            value=self.distance,
            unit=Unit.RATIO,
            threshold=reach,
            threshold_source="99 of 100 films of the store have one of another patient nearer",
            details={"item_number": float(self.item)},
            reasons=self.present,
            quote=self.snippet,
        )


class Voted(_Record):
    """What the films say of one finding."""

    code: str
    present: int
    counted: int
    share: float | None
    """Of the films of the store with as many votes, those that had the finding."""
    interval: Interval | None
    films: int

    def observation(self) -> Observation:
        known = self.share is not None
        return Observation(
            kind=EvidenceKind.NEIGHBOUR,
            code="similar_vote",
            category=self.code,
            value=self.share,
            unit=Unit.RATIO if known else None,
            interval=self.interval,
            interval_level=LEVEL if known else None,
            details={
                "present_count": float(self.present),
                "known_count": float(self.counted),
                "films_count": float(self.films),
            },
        )


class FindSimilar(ToolResult):
    """The films most alike, one of each patient, and their votes."""

    films: int
    """In the store."""
    reach: float | None
    nearest: float
    alike: tuple[Alike, ...]
    votes: tuple[Voted, ...]

    def observations(self) -> Iterator[Observation]:
        if not self.alike:
            yield Observation(
                kind=EvidenceKind.NEIGHBOUR,
                code="similar_film",
                category="none",
                value=self.nearest,
                unit=Unit.RATIO,
                threshold=self.reach,
                threshold_source="99 of 100 films of the store have one of another patient nearer",
            )
        for one in self.alike:
            yield one.observation(self.reach)
        for voted in self.votes:
            yield voted.observation()


@tool(
    version="1.0",
    purpose="Films of the store that are most alike, their labels and votes; context, never proof.",
    subject=SUBJECT,
    model="embedding",
    time_limit_s=120,
)
def find_similar(film: Image, library: Library) -> FindSimilar:
    """Search the store of films, leaving out the patient's own.

    Raises
    ------
    Abstain
        ``store_empty`` where the store has no film of another patient.
    """
    found = library.similar(film)
    if found.nearest is None:
        raise Abstain(SUBJECT, "store_empty")
    return FindSimilar(
        films=found.films,
        reach=found.reach,
        nearest=found.nearest,
        alike=tuple(map(_alike, found.neighbours)),
        votes=tuple(_voted(found.votes)),
    )


def _alike(neighbour: Neighbour) -> Alike:
    present = [code for code, said in neighbour.labels.items() if said is Polarity.PRESENT]
    return Alike(
        item=neighbour.number,
        distance=neighbour.distance,
        present=tuple(present[:_CODES_AT_MOST]),
        snippet=neighbour.snippet,
    )


def _voted(votes: Iterable[Vote]) -> Iterator[Voted]:
    for one in votes:
        known = one.calibration
        yield Voted(
            code=one.code,
            present=one.present,
            counted=one.counted,
            share=known.share if known else None,
            interval=known.interval if known else None,
            films=known.films if known else 0,
        )
