"""What brings evidence of a code: the tool to call where none has been called yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cxr_agent.evidence import EvidenceKind, Observation
from cxr_agent.knowledge import measured_for, measurements, sentences, vocabulary
from cxr_agent.reading.run import Run
from cxr_agent.toolbox.arguments import ToolCall

_CLASSIFIER: Final = "classify_findings"
_QUALITY: Final = "assess_quality"
_LENGTHS: Final = {"cardiac_width": "ctr", "thoracic_width": "ctr"}
"""Lengths that a ratio is made of, by the id of its measurement."""
_TOOL_OF: Final = {
    "rotation": "measure_rotation",
    "inclusion": "measure_inclusion",
    "inspiration": "measure_inspiration",
}


def tool_for(code: str) -> str | None:
    """The tool that may state a code; None where there is none."""
    for one in measurements().values():
        decided = one.decision is not None and one.decision.code == code
        if code in (one.id, one.code) or decided:
            return one.tool
    about = measured_for(code)
    if about is not None:
        return about.tool
    if code in _LENGTHS:
        return measurements()[_LENGTHS[code]].tool
    if code in _TOOL_OF:
        return _TOOL_OF[code]
    term = vocabulary().get(code)
    if term is None:
        return None
    return {"finding": _CLASSIFIER, "quality": _QUALITY}.get(term.kind)


def calls_for(run: Run, codes: Sequence[str]) -> Iterator[ToolCall]:
    """Calls on the current films that have not been made and may state one of the codes."""
    made = {(one.call.tool, one.call.arguments.get("film")) for one in run.tried if one.outcome}
    for tool in dict.fromkeys(filter(None, map(tool_for, codes))):
        spec = run.setup.registry.get(tool)
        if spec is None:
            continue
        for film in run.study.images:
            if (tool, film.handle) not in made:
                yield ToolCall(tool, {spec.film_parameter.name: film.handle})


def why_not(code: str, run: Run) -> Observation:
    """That nothing is known of a code, and why."""
    wording = sentences().get(code)
    is_length = wording is not None and "in_patient" in wording.variants
    unjudged = {c for item in run.evidence if item.code == "not_judged" for c in item.reasons}
    reason = "nothing_looks_for_it"
    if code in unjudged:
        reason = "classifier_too_weak"
    elif is_length and run.study.images[0].spacing is None:
        reason = "no_spacing"
    return Observation(kind=EvidenceKind.LIMITATION, code=code, reasons=(reason,))
