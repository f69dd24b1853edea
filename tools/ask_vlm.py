"""Ask a vision-language model what it sees; what it says is a suggestion, never a finding."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from cxr_agent.evidence import EvidenceKind, Location, Observation, Polarity, Side
from cxr_agent.knowledge import descriptors, vocabulary
from cxr_agent.language import load_prompt
from cxr_agent.study import AgeGroup, Image, View
from cxr_agent.toolbox.contract import Abstain, Mask, ToolResult, tool
from cxr_agent.vision.claims import Leaning, read_answer
from cxr_agent.vision.consulting import Consultation

SUBJECT: Final = "vision_language"


class Question(StrEnum):
    """What may be asked: one finding, or everything."""

    DESCRIBE = "describe"
    PNEUMOTHORAX = "pneumothorax"
    PLEURAL_EFFUSION = "pleural_effusion"
    CONSOLIDATION = "consolidation"
    PNEUMONIA = "pneumonia"
    ATELECTASIS = "atelectasis"
    PULMONARY_EDEMA = "pulmonary_edema"
    LUNG_OPACITY = "lung_opacity"
    LUNG_LESION = "lung_lesion"
    EMPHYSEMA = "emphysema"
    PULMONARY_FIBROSIS = "pulmonary_fibrosis"
    PLEURAL_THICKENING = "pleural_thickening"
    CARDIOMEGALY = "cardiomegaly"
    ENLARGED_CARDIOMEDIASTINUM = "enlarged_cardiomediastinum"
    PNEUMOMEDIASTINUM = "pneumomediastinum"
    PNEUMOPERITONEUM = "pneumoperitoneum"
    FRACTURE = "fracture"
    SUPPORT_DEVICES = "support_devices"


class Suggested(ToolResult):
    """What the model says of one finding on one side."""

    code: str
    leaning: Leaning
    side: Side | None
    location: Location | None

    def observations(self) -> Iterable[Observation]:
        yield Observation(
            kind=EvidenceKind.FINDING,
            code=self.code,
            category=self.leaning.value,
            polarity=Polarity.UNCERTAIN,
            side=self.side,
            location=self.location,
        )


class AskVlm(ToolResult):
    """Claims of an answer, and how much of it was none. The answer itself is not kept here."""

    question: Question
    model: str
    prompt_id: str
    prompt_sha256: str
    suggestions: tuple[Suggested, ...]
    parts: int
    unread: int

    def observations(self) -> Iterable[Observation]:
        for suggestion in self.suggestions:
            yield from suggestion.observations()
        if self.unread:
            yield Observation(
                kind=EvidenceKind.LIMITATION,
                code="vision_language",
                category="left_out",
                reasons=("vlm_unread",),
                details={"unread_count": self.unread, "parts_count": self.parts},
            )


@tool(
    version="1.0",
    purpose="Ask a vision-language model about one finding, or to describe; it only suggests.",
    subject=SUBJECT,
    time_limit_s=630,
    memory_mib=1024,
    deterministic=False,
)
def ask_vlm(
    film: Image,
    model: Consultation,
    question: Question = Question.DESCRIBE,
    right_lung: Mask | None = None,
    left_lung: Mask | None = None,
    heart: Mask | None = None,
) -> AskVlm:
    """Show the film, with writing painted over and all but the chest blacked out, and ask.

    The answer is read by rule. Each claim on a finding is left undecided, whatever words it comes
    in: such a model gives no probability that was ever checked. ``kb/conflicts.toml`` says what
    must agree before the report states it.

    Raises
    ------
    Abstain
        ``lateral_view``, ``paediatric``; ``mask_missing`` where no lung is outlined, since what is
        not known to be chest is not shown; the reason why the model gave nothing to go by.
    """
    if film.view is View.LATERAL:
        raise Abstain(SUBJECT, "lateral_view")
    if film.age_group is AgeGroup.PAEDIATRIC:
        raise Abstain(SUBJECT, "paediatric")
    masks = {"right_lung": right_lung, "left_lung": left_lung, "heart": heart}
    planes = {name: m.plane for name, m in masks.items() if m is not None and m.plane.any()}
    if not {"right_lung", "left_lung"} & planes.keys():
        raise Abstain(SUBJECT, "mask_missing")
    from cxr_agent.imaging.burned_in import picture_to_send  # listing tools needs no scipy

    asked = None if question is Question.DESCRIBE else question.value
    prompt = load_prompt("describe" if asked is None else "look")
    subject = "" if asked is None else _with_signs(asked)
    exchange = model.ask(picture_to_send(film.pixels, planes), prompt, subject)
    if not exchange.text.strip() or exchange.outcome not in ("ok", "model_too_long"):
        raise Abstain(SUBJECT, exchange.outcome)
    answer = read_answer(exchange.text, asked)
    return AskVlm(
        question=question,
        model=model.model,
        prompt_id=prompt.id,
        prompt_sha256=prompt.sha256,
        suggestions=tuple(
            Suggested(code=one.code, leaning=one.leaning, side=one.side, location=one.location)
            for one in answer.suggestions
        ),
        parts=answer.parts,
        unread=answer.unread,
    )


def _with_signs(code: str) -> str:
    """A finding with its radiographic signs, of ``kb/descriptors.toml``, in words."""
    signs = [one.name for one in descriptors().values() if one.finding == code]
    name = vocabulary()[code].name
    return f"{name} (signs: {', '.join(signs)})" if signs else name
