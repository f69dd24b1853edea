"""How outlines are stated: each structure by itself, but the members of a group together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from cxr_agent.evidence import Box, EvidenceKind, Observation
from cxr_agent.knowledge import structures


def statements(
    asked: Iterable[str], boxes: Mapping[str, Box], areas_px: Mapping[str, int]
) -> Iterator[Observation]:
    """A region for what was outlined, a limitation for what was not.

    Twelve vertebrae are one statement with their number and the first and last of them, and a
    limitation only where none was outlined: a film need not show all.

    Parameters
    ----------
    asked
        Structures that were looked for, in the order of the statements.
    boxes, areas_px
        Of those that were outlined; (left, top, right, bottom) in film pixels.
    """
    together: dict[str, list[str]] = {}
    for name in asked:
        together.setdefault(structures()[name].group or name, []).append(name)
    for code, names in together.items():
        found = [name for name in names if name in boxes]
        about = structures()[names[0]]
        if not found:
            yield Observation(
                kind=EvidenceKind.LIMITATION,
                code=code,
                location=about.location,
                side=about.side,
                reasons=("not_outlined",),
            )
            continue
        details = {"area_px": float(sum(areas_px[name] for name in found))}
        yield Observation(
            kind=EvidenceKind.REGION,
            code=code,
            location=about.location,
            side=about.side,
            box=_around([boxes[name] for name in found]),
            details=details | (_members(found) if about.group else {}),
        )


def _members(names: Sequence[str]) -> dict[str, float]:
    places = [structures()[name].order for name in names]
    return {"count": len(places), "first": min(places), "last": max(places)}


def _around(boxes: Sequence[Box]) -> Box:
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)
