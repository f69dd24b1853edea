"""Give the probability of each finding that the embedded classifier is good enough at."""

from __future__ import annotations

from collections.abc import Iterable

from cxr_agent.evidence import EvidenceKind, Observation, Polarity
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import AgeGroup, Image, View
from cxr_agent.toolbox.contract import Abstain, Heatmap, Mask, ToolResult, tool

SUBJECT = "classified_findings"


class Judgement(ToolResult):
    """One finding; probabilities and limits in [0, 1]."""

    code: str
    probability: float
    present_at: float
    absent_below: float
    limit_source: str
    saliency_score: float | None = None
    """Insertion minus deletion of its map, where the finding is present."""

    @property
    def polarity(self) -> Polarity:
        if self.probability >= self.present_at:
            return Polarity.PRESENT
        return Polarity.ABSENT if self.probability < self.absent_below else Polarity.UNCERTAIN

    def observations(self) -> Iterable[Observation]:
        score = self.saliency_score
        yield Observation(
            kind=EvidenceKind.FINDING,
            code=self.code,
            category="classified",
            polarity=self.polarity,
            probability=self.probability,
            threshold=self.present_at,
            threshold_source=self.limit_source,
            details={
                "limit_present": self.present_at,
                "limit_absent": self.absent_below,
                **({} if score is None else {"saliency_score": score}),
            },
        )


class ClassifyFindings(ToolResult):
    """Every finding that is offered, and what the classifier is not good enough at."""

    judgements: tuple[Judgement, ...]
    not_offered: tuple[str, ...]

    def observations(self) -> Iterable[Observation]:
        for judgement in self.judgements:
            yield from judgement.observations()
        if self.not_offered:
            yield Observation(
                kind=EvidenceKind.LIMITATION, code="not_judged", reasons=self.not_offered
            )


@tool(
    version="1.0",
    purpose="Probabilities of lung, pleural and heart findings on a frontal film of an adult.",
    subject=SUBJECT,
    model="findings",
    time_limit_s=30,
)
def classify_findings(
    film: Image,
    shelf: Shelf,
    right_lung: Mask | None = None,
    left_lung: Mask | None = None,
) -> ClassifyFindings:
    """Run the embedded findings classifier on a film on which at least one lung was outlined.

    A finding is present from the probability on that had a specificity of 0.95 on the validation
    films, absent below the one that had a sensitivity of 0.90, and uncertain in between. What is
    present comes with its map and the map's score (:mod:`cxr_agent.models.saliency`).

    Raises
    ------
    Abstain
        ``lateral_view``, ``paediatric``, or ``mask_missing``: a picture without a lung is none
        that the classifier was made for.
    """
    if film.view is View.LATERAL:
        raise Abstain(SUBJECT, "lateral_view")
    if film.age_group is AgeGroup.PAEDIATRIC:
        raise Abstain(SUBJECT, "paediatric")
    if right_lung is None and left_lung is None:
        raise Abstain(SUBJECT, "mask_missing")
    model = shelf.findings()
    classified = model.classify(film.pixels)
    judgements: list[Judgement] = []
    maps: dict[str, Heatmap] = {}
    for label in model.card.labels:
        if not label.offered:
            continue
        judgement = Judgement(
            code=label.code,
            probability=classified.probabilities[label.code],
            present_at=label.present_at,
            absent_below=label.absent_below,
            limit_source=f"validation films, specificity {label.specificity:g}; see the card",
        )
        if judgement.polarity is Polarity.PRESENT:
            shown = model.explain(classified, label.code)
            maps[label.code] = Heatmap(label.code, shown.plane)
            judgement = judgement.model_copy(
                update={"saliency_score": round(shown.faithfulness.score, 4)}
            )
        judgements.append(judgement)
    return ClassifyFindings(
        judgements=tuple(judgements),
        not_offered=tuple(label.code for label in model.card.labels if not label.offered),
        heatmaps=maps,
    )
