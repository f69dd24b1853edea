"""Ask a second classifier, torchxrayvision: what it says stands beside what ours says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cxr_agent.evidence import OUTSIDE, EvidenceKind, Observation, Polarity
from cxr_agent.models.held import held
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import AgeGroup, Image, View
from cxr_agent.toolbox.contract import Abstain, Mask, ToolResult, tool
from cxr_agent.tools.classify_findings import SUBJECT

MODEL: Final = "torchxrayvision-densenet121-all"
LIMIT: Final = 0.5
"""Where its authors call a finding: the operating point that its scores are scaled to (Cohen et
al., TorchXRayVision, MIDL 2022). Nobody has checked it on films here."""
_RUN_MIB: Final = 512


class ClassifyXrv(ToolResult):
    """Its scores, of findings that have a code here."""

    scores: dict[str, float]
    """In [0, 1] by code, the highest where several of its pathologies are one finding of ours."""

    def observations(self) -> Iterable[Observation]:
        for code, score in self.scores.items():
            # No probability: the score is scaled, and nobody has calibrated it.
            yield Observation(
                kind=EvidenceKind.FINDING,
                code=code,
                category=OUTSIDE,
                polarity=Polarity.PRESENT if score >= LIMIT else Polarity.ABSENT,
                details={"score": score, "limit_present": LIMIT, "limit_absent": LIMIT},
            )


@tool(
    version="1.0",
    purpose="Scores of a second classifier, torchxrayvision; disagreements with ours are shown.",
    subject=SUBJECT,
    pretrained=MODEL,
    time_limit_s=60,
    memory_mib=2048,
)
def classify_xrv(
    film: Image,
    shelf: Shelf,
    right_lung: Mask | None = None,
    left_lung: Mask | None = None,
) -> ClassifyXrv:
    """Run torchxrayvision's DenseNet on a film on which at least one lung was outlined.

    Raises
    ------
    Abstain
        As :func:`~cxr_agent.tools.classify_findings.classify_findings`.
    """
    if film.view is View.LATERAL:
        raise Abstain(SUBJECT, "lateral_view")
    if film.age_group is AgeGroup.PAEDIATRIC:
        raise Abstain(SUBJECT, "paediatric")
    if right_lung is None and left_lung is None:
        raise Abstain(SUBJECT, "mask_missing")
    with held(MODEL, shelf.runtime, _RUN_MIB) as classifier:
        (found,) = classifier.classify([film.pixels])
    scores: dict[str, float] = {}
    for one in found:
        if one.code is not None:
            scores[one.code] = max(round(one.normalised, 4), scores.get(one.code, 0.0))
    return ClassifyXrv(scores=scores)
