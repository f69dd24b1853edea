"""The words that MAIRA-2 was trained to be asked with (Bannur et al., arXiv 2406.04449, appendix).

They are part of the model's interface: another wording gives worse text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

_MISSING: Final = "N/A"
_TASK: Final = (
    " Provide a structured description of the findings in the radiology study in comparison to the "
    "prior frontal image."
)
_GROUNDING: Final = (
    " Each finding should be described as a self-contained plain-text sentence. If the finding is "
    "groundable, locate the finding in the current frontal chest X-ray image, with bounding boxes "
    "indicating all locations where it can be seen in the current frontal image. Otherwise, "
    "generate just the ungrounded finding without bounding boxes."
)
_PHRASE: Final = (
    " Repeat the following finding as a grounded phrase with bounding boxes indicating all "
    "locations where it can be seen in the given chest X-ray image. Finding: "
)


@dataclass(frozen=True, slots=True)
class Sections:
    """What is known beside the films; leave empty what is not."""

    indication: str = ""
    technique: str = ""
    comparison: str = ""
    prior_report: str = ""
    """Used with a prior film only."""


def report_message(
    sections: Sections, *, lateral: bool, prior: bool, grounded: bool
) -> list[dict[str, Any]]:
    """One user turn that asks for the findings; pictures are frontal, lateral, prior."""
    parts = [_text("Given the current frontal image" + ("" if lateral or prior else " only"))]
    parts.append(_image(0))
    if lateral:
        parts += [_text((" the" if prior else " and the") + " current lateral image"), _image(1)]
    if prior:
        parts += [_text(" and the prior frontal image"), _image(2 if lateral else 1)]
        parts.append(_text(f" PRIOR_REPORT: {sections.prior_report or _MISSING}"))
    known = (
        f" INDICATION: {sections.indication or _MISSING}"
        f" TECHNIQUE: {sections.technique or _MISSING}"
        f" COMPARISON: {sections.comparison or _MISSING}"
    )
    parts.append(_text(_TASK + (_GROUNDING if grounded else "") + known))
    return [{"role": "user", "content": parts}]


def ground_message(phrase: str) -> list[dict[str, Any]]:
    """One user turn that asks where a phrase is."""
    parts = [_text("Given the current frontal image"), _image(0), _text(_PHRASE + phrase)]
    return [{"role": "user", "content": parts}]


def _text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words, "index": None}


def _image(number: int) -> dict[str, Any]:
    return {"type": "image", "text": None, "index": number}
