"""Open findings into their radiographic descriptors, each with a score and a place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cxr_agent.evidence import Box, EvidenceKind, Observation, Side, Unit
from cxr_agent.knowledge import descriptor_references, descriptors
from cxr_agent.measure.descriptors import descriptor_quantities
from cxr_agent.measure.extent import extent
from cxr_agent.measure.signs import combined, score_of
from cxr_agent.study import AgeGroup, Image, View
from cxr_agent.toolbox.contract import Abstain, Mask, ToolResult, tool

SUBJECT = "described_findings"


class Sign(ToolResult):
    """One descriptor of one finding; score in [0, 1], box in film pixels."""

    code: str
    score: float
    quantity: float
    normal_median: float
    box: Box

    def observations(self) -> Iterable[Observation]:
        descriptor = descriptors()[self.code]
        yield Observation(
            kind=EvidenceKind.DESCRIPTOR,
            code=self.code,
            category=descriptor.finding,
            location=descriptor.region,
            side=descriptor.side,
            box=self.box,
            value=round(self.score, 4),
            unit=Unit.RATIO,
            details={
                "measured": round(self.quantity, 4),
                "normal_median": self.normal_median,
            },
        )


class DescribeFindings(ToolResult):
    """Every descriptor that the outlines allow, and what they come to."""

    signs: tuple[Sign, ...]
    combined: dict[str, float]
    """By finding: the greater of both sides' scores, where a side has signs of its own."""

    def observations(self) -> Iterable[Observation]:
        for sign in self.signs:
            yield from sign.observations()


@tool(
    version="1.0",
    purpose="Radiographic descriptors of effusion, edema and heart size, each with a score.",
    subject=SUBJECT,
    time_limit_s=20,
)
def describe_findings(
    film: Image,
    right_lung: Mask | None = None,
    left_lung: Mask | None = None,
    heart: Mask | None = None,
) -> DescribeFindings:
    """Score the descriptors of ``kb/descriptors.toml`` against normal films.

    A score is the share of normal films on which the sign is less marked; what the scores of a
    finding come to is the exponential of their mean logarithm, as in Xplainer (Pellegrini et al.,
    2023). docs/descriptors.md has what they are worth on films held aside: they explain, and decide
    nothing.

    Raises
    ------
    Abstain
        ``lateral_view``, ``paediatric``, or ``mask_missing`` when no descriptor can be scored.
    """
    if film.view is View.LATERAL:
        raise Abstain(SUBJECT, "lateral_view")
    if film.age_group is AgeGroup.PAEDIATRIC:
        raise Abstain(SUBJECT, "paediatric")
    masks = {one.structure: one.plane for one in (right_lung, left_lung, heart) if one is not None}
    found = descriptor_quantities(
        film.pixels, {n: m for n, m in masks.items() if extent(m) is not None}
    )
    references = descriptor_references()
    signs = tuple(
        Sign(
            code=code,
            score=score_of(descriptor, found[descriptor.quantity].value, references),
            quantity=found[descriptor.quantity].value,
            normal_median=references[descriptor.quantity].median,
            box=found[descriptor.quantity].box,
        )
        for code, descriptor in descriptors().items()
        if descriptor.quantity in found
    )
    if not signs:
        raise Abstain(SUBJECT, "mask_missing")
    return DescribeFindings(signs=signs, combined=dict(_combined(signs)))


def _combined(signs: Iterable[Sign]) -> Iterator[tuple[str, float]]:
    by_finding: dict[str, list[Sign]] = {}
    for sign in signs:
        by_finding.setdefault(descriptors()[sign.code].finding, []).append(sign)
    for finding, told in by_finding.items():
        sides: set[Side | None] = {descriptors()[sign.code].side for sign in told}
        yield (
            finding,
            max(
                combined(s.score for s in told if descriptors()[s.code].side in (side, None))
                for side in sides
            ),
        )
