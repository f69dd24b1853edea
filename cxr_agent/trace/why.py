"""Why a run says what it says: sentence, evidence, step, tool, model and weights, film."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cxr_agent.errors import UsageError
from cxr_agent.trace.events import Corrected, ImageRecord, Plan, StudyLoaded, ToolReturned
from cxr_agent.trace.known import Known, KnownEvidence, known_in
from cxr_agent.trace.render import clean
from cxr_agent.trace.said import ANSWER, Said, answered_in, said_in

if TYPE_CHECKING:
    from cxr_agent.trace.reader import Trace

_SHORT: Final = 12


@dataclass(frozen=True, slots=True)
class Support:
    """One piece of evidence, and how it came to be."""

    evidence: Known
    plan: Plan | None
    """Who chose the step, and why."""
    returned: ToolReturned | None
    """None where no tool ran: a statement of the program, or of a reader."""
    corrected: Corrected | None
    """Where a reader stated it."""
    image: ImageRecord | None
    basis: tuple[Support, ...]
    """What it was concluded from."""

    def lines(self, indent: str = "  ") -> Iterator[str]:
        """As lines of text."""
        one = self.evidence
        gone = f" (withdrawn: {one.withdrawn})" if one.withdrawn else ""
        yield f"{indent}{one.id} {one.kind} {one.code}: {one.reading}{gone}"
        yield f"{indent}  {self._step()}"
        if one.model is not None:
            weights = f", weights {one.weights_sha256[:_SHORT]}" if one.weights_sha256 else ""
            yield f"{indent}  model {one.model}{weights}"
        if self.image is not None:
            film = self.image
            yield (
                f"{indent}  film {film.handle}: {film.rows} x {film.columns} px, "
                f"view {film.view}, pixels {film.sha256[:_SHORT]}"
            )
        for part in self.basis:
            yield from part.lines(indent + "  ")

    def _step(self) -> str:
        one = self.evidence
        text = f"step {one.step}: {one.tool} {one.tool_version or ''}".rstrip()
        if self.returned is not None:
            text += f", {self.returned.outcome} in {1000 * self.returned.seconds:.0f} ms"
        if self.plan is not None:
            text += f", planned by {self.plan.planner}: {self.plan.rationale}"
        if self.corrected is not None:
            text += f", by {self.corrected.who}: {self.corrected.why}"
        return text


@dataclass(frozen=True, slots=True)
class Why:
    """A sentence and all that it rests on; ``print`` it."""

    sentence: Said | None
    """None when evidence was asked for by its id."""
    support: tuple[Support, ...]

    def __str__(self) -> str:
        return "\n".join(clean(line) for line in self._lines())

    def _lines(self) -> Iterator[str]:
        if self.sentence is not None:
            said = self.sentence
            number = "" if said.number == ANSWER else f"sentence {said.number}, "
            yield f"{said.text}  ({number}{said.section})"
        for one in self.support:
            yield from one.lines("  " if self.sentence is not None else "")


def why(trace: Trace, what: str | int) -> Why:
    """See :meth:`cxr_agent.trace.Trace.why`."""
    chains = _Chains(trace)
    if isinstance(what, str) and (known := chains.known.get(what)) is not None:
        return Why(None, (chains.support(known),))
    said = _sentence(trace, what)
    cited = (chains.known.get(identity) for identity in said.evidence)
    return Why(said, tuple(chains.support(one) for one in cited if one is not None))


def _sentence(trace: Trace, what: str | int) -> Said:
    report = said_in(trace)
    if isinstance(what, int) or what.isdecimal():
        found = [one for one in report if one.number == int(what)]
    else:
        every = (*report, *answered_in(trace))
        wanted = _plain(what)
        found = [one for one in every if _plain(one.text) == wanted][:1]
        if not found and wanted:
            part = [one for one in every if wanted in _plain(one.text)]
            found = part if len({_plain(one.text) for one in part}) > 1 else part[:1]
    if len(found) != 1:
        many = f"{len(found)} sentences have that text" if found else "no sentence or evidence"
        raise UsageError(
            "ambiguous_sentence" if found else "unknown_sentence",
            f"{many} in run {trace.run_id}",
            hint=f"give its text, its number (1 to {len(report)}) or an evidence id, as e1",
        )
    return found[0]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


class _Chains:
    """What evidence of a run is looked up in."""

    def __init__(self, trace: Trace) -> None:
        self.known: KnownEvidence = known_in(trace)
        self._plans: dict[int, Plan] = {}
        self._returned: dict[int, ToolReturned] = {}
        self._corrected: dict[int, Corrected] = {}
        self._images: dict[str, ImageRecord] = {}
        for event in trace.events:
            match event:
                case Plan():
                    self._plans[event.step] = event
                case ToolReturned():
                    self._returned[event.step] = event
                case Corrected():
                    self._corrected[event.step] = event
                case StudyLoaded():
                    self._images |= {image.handle: image for image in event.images}
                case _:
                    continue

    def support(self, known: Known, above: frozenset[str] = frozenset()) -> Support:
        step = known.step or 0
        seen = above | {known.id}  # a damaged run may go in a circle
        basis = (self.known.get(one) for one in known.basis if one not in seen)
        return Support(
            evidence=known,
            plan=self._plans.get(step),
            returned=self._returned.get(step),
            corrected=self._corrected.get(step),
            image=self._images.get(known.film or ""),
            basis=tuple(self.support(one, seen) for one in basis if one is not None),
        )
