"""A reader puts something right; what depended on it is done again, and the trace says who and why.

The loop is that of InteractCSR: the reader's word stands in the place of the tool's, and every
later step that looked at the old one is repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_agent.errors import UsageError
from cxr_agent.evidence import Evidence, EvidenceKind, Observation, Polarity, Side
from cxr_agent.knowledge import (
    MeasurementDefinition,
    measurements,
    structures,
    thresholds_changed,
    vocabulary,
)
from cxr_agent.measure.extent import extent_of
from cxr_agent.planning.queue import Queue
from cxr_agent.reading.run import Run
from cxr_agent.report.model import Report
from cxr_agent.study import Image
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.artifacts import mask_png
from cxr_agent.toolbox.contract import BoolMask, Mask, ToolSpec
from cxr_agent.trace import Corrected

READER = "reader"
"""Who states what a reader put right."""
_LONGEST = 500
_ON_FINDINGS: Final = (EvidenceKind.FINDING, EvidenceKind.COMPARISON, EvidenceKind.LIMITATION)
_SIDES: Final = {"costophrenic_angle": (("right",), ("left",))}
"""Measurements that are made on both sides."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What came of a correction."""

    report: Report
    withdrawn: tuple[str, ...]
    """Ids of evidence that no longer counts."""
    added: tuple[Evidence, ...]
    """What counts in its place, the reader's own word included."""
    repeated: tuple[str, ...]
    """Tools that were run again."""


def correct_mask(
    run: Run, film: str, structure: str, plane: BoolMask, *, who: str, why: str
) -> Correction:
    """Put a reader's outline in the place of the model's.

    Parameters
    ----------
    film
        Handle.
    structure
        Of ``kb/structures.toml``.
    plane
        (rows, columns) bool of the film's size.

    Raises
    ------
    UsageError
        ``unknown_film``, ``unknown_structure``, ``mask_size``, ``empty_mask``, ``no_reason``.
    OutputError
        When the trace cannot be written.
    """
    image = _film(run, film)
    if structure not in structures():
        raise UsageError(
            "unknown_structure",
            f"there is no structure {structure[:40]!r}",
            hint="One of: " + ", ".join(list(structures())[:17]) + " ...",
        )
    if plane.shape != image.shape:
        raise UsageError(
            "mask_size",
            f"the mask is {plane.shape[1]} x {plane.shape[0]} pixels, "
            f"the film {image.shape[1]} x {image.shape[0]}",
            hint="Give the mask at the film's own size.",
        )
    if not plane.any():
        raise UsageError("empty_mask", "the mask is empty", hint="White is what is outlined.")
    mask = Mask(structure, np.ascontiguousarray(plane, dtype=np.bool_), None, None)
    artifacts = {structure: run.trace.put(mask_png(mask.plane))}
    step = _record(run, "mask", image, structure, who, why, {}, artifacts)
    run.bench.correct_mask(film, mask)
    old = [
        item
        for item in run.evidence
        if item.image == film and item.kind is EvidenceKind.REGION and item.code == structure
    ]
    about = structures()[structure]
    outlined = Observation(
        kind=EvidenceKind.REGION,
        code=structure,
        location=about.location,
        side=about.side,
        box=extent_of(mask.plane).box,
        details={"area_px": float(mask.plane.sum())},
    )
    said = [run.toolbox.state(outlined, image, READER, artifacts, step)]
    return _redone(run, image, old, said, "mask", structure, _looking_at(run, film, {structure}))


def correct_landmark(
    run: Run, film: str, landmark: str, point: tuple[float, float], *, who: str, why: str
) -> Correction:
    """Put a landmark of a measurement where the reader has it.

    Parameters
    ----------
    landmark
        ``ctr.heart_left``: see :func:`movable_landmarks`.
    point
        (x, y) in film pixels.

    Raises
    ------
    UsageError
        ``unknown_film``, ``unknown_landmark``, ``outside_film``, ``no_reason``.
    OutputError
        When the trace cannot be written.
    """
    image = _film(run, film)
    about = movable_landmarks().get(landmark)
    if about is None:
        raise UsageError(
            "unknown_landmark",
            f"there is no landmark {landmark[:60]!r} that can be moved",
            hint="One of: " + ", ".join(movable_landmarks()),
        )
    x, y = point
    rows, columns = image.shape
    if not (0 <= x <= columns and 0 <= y <= rows):
        raise UsageError(
            "outside_film",
            f"the point lies outside the film of {columns} x {rows} pixels",
            hint="Give x,y in film pixels, x to the right and y down.",
        )
    _record(run, "landmark", image, landmark, who, why, {"x": x, "y": y}, {})
    run.bench.place(film, landmark, (x, y))
    # A comparison measures anew by itself.
    again = [
        spec
        for spec in run.setup.registry
        if spec.name == about.tool or spec in _comparing(run, film)
    ]
    return _redone(run, image, [], [], "landmark", about.code, again)


def movable_landmarks() -> dict[str, MeasurementDefinition]:
    """Landmarks that may be put elsewhere, as :class:`Placed` names them, with what uses them."""
    return {
        ".".join((one.id, *side, name)): one
        for one in measurements().values()
        for side in _SIDES.get(one.id, ((),))
        for name in one.movable
    }


def correct_finding(
    run: Run,
    film: str,
    code: str,
    polarity: Polarity,
    *,
    side: Side | None = None,
    who: str,
    why: str,
) -> Correction:
    """Put a reader's word on a finding in the place of the tools'.

    Raises
    ------
    UsageError
        ``unknown_film``, ``unknown_finding``, ``no_reason``.
    OutputError
        When the trace cannot be written.
    """
    image = _film(run, film)
    term = vocabulary().get(code)
    if term is None or term.kind != "finding":
        raise UsageError(
            "unknown_finding",
            f"there is no finding {code[:40]!r}",
            hint="/evidence shows codes; kb/vocabulary.toml lists all.",
        )
    value = {"polarity": polarity.value, **({"side": side.value} if side is not None else {})}
    step = _record(run, "finding", image, code, who, why, value, {})
    old = [
        item
        for item in run.evidence
        if film in (item.image, item.against)
        and item.code == code
        and item.kind in _ON_FINDINGS
        and (side is None or item.side in (None, side))
    ]
    stated = Observation(
        kind=EvidenceKind.FINDING,
        code=code,
        side=side,
        polarity=polarity,
        category="by_reader",
    )
    said = [run.toolbox.state(stated, image, READER, step=step)]
    return _redone(run, image, old, said, "finding", code, ())


def redo(run: Run, tool: str, film: str) -> Correction:
    """Run a tool again, and what looks at its outlines.

    Raises
    ------
    UsageError
        ``unknown_film``, ``unknown_tool``.
    OutputError
        When the trace cannot be written.
    """
    image = _film(run, film)
    spec = run.setup.registry.get(tool)
    if spec is None:
        raise UsageError(
            "unknown_tool", f"there is no tool {tool[:40]!r} here", hint="/tools lists them."
        )
    again = [spec, *_looking_at(run, film, set(spec.provides))]
    return _repeat(run, image, again, "redone")


def leave_out(run: Run, tool: str) -> Correction:
    """Let everything that a tool said no longer count.

    Raises
    ------
    UsageError
        ``not_run``.
    OutputError
        When the trace cannot be written.
    """
    gone = [item.id for item in run.evidence if item.provenance.tool == tool]
    if not gone:
        raise UsageError("not_run", f"{tool[:40]} said nothing in this run", hint="/trace shows.")
    withdrawn = run.withdraw(gone, "left_out")
    return Correction(_restated(run), withdrawn, (), ())


def _redone(
    run: Run,
    image: Image,
    old: Iterable[Evidence],
    said: Sequence[Evidence],
    kind: str,
    code: str,
    again: Sequence[ToolSpec],
) -> Correction:
    withdrawn = run.withdraw((item.id for item in old), "corrected")
    noted = Observation(
        kind=EvidenceKind.LIMITATION, code="reader_correction", category=kind, reasons=(code,)
    )
    said = [*said, run.toolbox.state(noted, image, READER)]
    for item in said:
        run.add(item)
    repeated = _repeat(run, image, again, "corrected")
    return Correction(
        repeated.report,
        (*withdrawn, *repeated.withdrawn),
        (*said, *repeated.added),
        repeated.repeated,
    )


def _repeat(run: Run, image: Image, again: Sequence[ToolSpec], reason: str) -> Correction:
    """Run tools again on one film, those that had run, and report anew."""
    names = {spec.name for spec in again}
    handle = image.handle
    old = [
        item.id
        for item in run.evidence
        if handle in (item.image, item.against) and item.provenance.tool in names
    ]
    calls = list(_calls(run, handle, again))
    withdrawn = run.withdraw(old, reason)
    run.forget((name, handle) for name in names)
    before = {item.id for item in run.evidence}
    if calls:
        with thresholds_changed(run.setup.changed):
            run.gather(Queue(calls, reason))
    added = tuple(item for item in run.evidence if item.id not in before)
    return Correction(_restated(run), withdrawn, added, tuple(spec.name for spec in again))


def _calls(run: Run, handle: str, again: Sequence[ToolSpec]) -> Iterator[ToolCall]:
    """Those that were made on the film; of a tool that compares, on each pair that it is of."""
    for spec in again:
        if spec.prior_parameter is None:
            yield ToolCall(spec.name, {spec.film_parameter.name: handle})
        else:
            pairs = {
                one.call.films: one.call
                for one in run.tried
                if one.outcome is not None and one.call.tool == spec.name
            }
            yield from (call for films, call in pairs.items() if handle in films)


def _comparing(run: Run, film: str) -> list[ToolSpec]:
    """Tools that compared the film with another."""
    ran = {one.call.tool for one in run.tried if one.outcome and film in one.call.films}
    return [s for s in run.setup.registry if s.prior_parameter is not None and s.name in ran]


def _restated(run: Run) -> Report:
    with thresholds_changed(run.setup.changed):
        report = run.restate()
    run.issue()
    return report


def _looking_at(run: Run, film: str, changed: set[str]) -> list[ToolSpec]:
    """Tools that ran on the film and looked at changed masks, or at masks made from them."""
    ran = {
        one.call.tool
        for one in run.tried
        if one.outcome is not None and film in one.call.arguments.values()
    }
    found = [s for s in run.setup.registry if s.name in ran and s.looks_at & changed]
    grown = changed.union(*(spec.provides for spec in found))
    if grown != changed:
        return _looking_at(run, film, grown)
    # As they ran: what draws outlines comes before what looks at them.
    order = {one.call.tool: place for place, one in enumerate(run.tried)}
    return sorted(found, key=lambda spec: order[spec.name])


def _record(
    run: Run,
    kind: str,
    image: Image,
    target: str,
    who: str,
    why: str,
    value: Mapping[str, object],
    artifacts: dict[str, str],
) -> int:
    if not why.strip() or not who.strip():
        raise UsageError(
            "no_reason",
            "a correction needs who corrects and why",
            hint="Put the reason behind it; --reader names you.",
        )
    step = run.toolbox.advance()
    kept = run.setup.privacy.kept(why.strip()[:_LONGEST])
    run.trace.append(
        Corrected.model_validate(
            {
                "step": step,
                "kind": kind,
                "film": image.handle,
                "target": target,
                "who": who.strip()[:_LONGEST],
                "why": kept if kept is not None else "(not kept)",
                "value": dict(value),
                "artifacts": artifacts,
            }
        )
    )
    return step


def _film(run: Run, handle: str) -> Image:
    try:
        return run.study.image(handle)
    except KeyError:
        raise UsageError(
            "unknown_film",
            f"there is no film {handle[:40]!r}",
            hint="One of: " + ", ".join(run.study.handles),
        ) from None
