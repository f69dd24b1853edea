"""What a language model gets to see of a study: handles, codes, and sentences written by rule.

Evidence has passed the tool contract, so its code, its place and its sentence come from ``kb/``.
Nothing here reads a tag, a path, or anything that a tool returned beside evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.knowledge import reasons, vocabulary
from cxr_agent.planning.planner import FilmFacts, Tried

_MOST_LINES: Final = 120


def film_lines(films: Iterable[FilmFacts]) -> list[str]:
    """One line per film."""
    return [_film(film) for film in films]


def evidence_lines(evidence: Iterable[Evidence]) -> list[str]:
    """One line per piece of evidence; outlines together. Cut where there are too many."""
    outlined: dict[str, list[str]] = {}
    lines = []
    for item in evidence:
        if item.kind is EvidenceKind.REGION:
            outlined.setdefault(item.image, []).append(f"{item.id} {vocabulary()[item.code].name}")
        else:
            lines.append(_line(item))
    drawn = [f"outlined on {film}: {', '.join(names)}" for film, names in outlined.items()]
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], "(more is known than is shown here)"]
    return [*drawn, *lines]


def result_lines(tried: Tried) -> str:
    """What a model is told of one of its calls."""
    if tried.outcome is None:
        why = reasons().get(tried.refusal or "", "it is not possible")
        return f"refused: {tried.refusal}: {why}"
    lines = evidence_lines(tried.outcome.evidence)
    codes = f" ({', '.join(tried.outcome.codes)})" if tried.outcome.codes else ""
    return "\n".join([f"{tried.outcome.status}{codes}", *lines])


def names_of(codes: Sequence[str]) -> str:
    """Codes as words, for a question."""
    known = vocabulary()
    return ", ".join(known[code].name for code in codes if code in known)


def _film(film: FilmFacts) -> str:
    age = f", taken {film.days_before} days before" if film.days_before is not None else ""
    scale = "lengths in mm can be given" if film.in_millimetres else "no pixel spacing: ratios only"
    return f"{film.handle}: view {film.view}{age}, {scale}"


def _line(item: Evidence) -> str:
    polarity = f" {item.polarity.value}" if item.polarity is not None else ""
    return f"{item.id} {item.kind.value}{polarity} {item.code} on {item.image}: {item.reading}"
