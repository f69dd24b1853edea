"""The tool: one question to the vision-language model that the user configured, a closed answer.

What comes back is a suggestion. The program itself holds a tool that takes a ``Consultation`` to
that: a finding stated on the word of such a model alone is a broken contract.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from importlib import resources
from typing import Final

from cxr_agent import tool
from cxr_agent.evidence import EvidenceKind, Observation, Polarity
from cxr_agent.imaging.burned_in import picture_to_send
from cxr_agent.language import Prompt
from cxr_agent.study import AgeGroup, Image, View
from cxr_agent.toolbox import Abstain, AddedWords, Mask, ToolResult
from cxr_agent.vision.consulting import Consultation

CODE: Final = "scoliosis"
LEANINGS: Final = {
    "yes": "suggested",
    "unsure": "suggested_with_doubt",
    "no": "suggested_absent",
}
"""The words that are understood, and what each is to the program. None of them is a finding."""
_WORD: Final = re.compile(r"\W*(yes|no|unsure)\W*", re.IGNORECASE)


class Look(ToolResult):
    """Which way the model leans; none of its words."""

    leaning: str

    def observations(self) -> Iterator[Observation]:
        yield Observation(
            kind=EvidenceKind.FINDING,
            code=CODE,
            category=self.leaning,
            polarity=Polarity.UNCERTAIN,
        )


@tool(
    version="1.0.0",
    purpose="Ask a vision-language model whether the spine shows scoliosis; it only suggests.",
    subject=CODE,
    words={CODE: AddedWords("scoliosis", kind="finding", section="Musculoskeletal and Chest Wall")},
    reasons={"scoliosis_not_answered": "the model answered with none of yes, no and unsure"},
    time_limit_s=120,
    memory_mib=1024,
    deterministic=False,
)
def look_for_scoliosis(
    film: Image,
    model: Consultation,
    right_lung: Mask | None = None,
    left_lung: Mask | None = None,
    heart: Mask | None = None,
) -> Look:
    """Show the film, with writing painted over and all but the chest blacked out, and ask.

    Raises
    ------
    Abstain
        ``lateral_view``, ``paediatric``; ``mask_missing`` where no lung is outlined, since what is
        not known to be chest is not shown; why the model gave nothing; ``scoliosis_not_answered``.
    """
    if film.view is View.LATERAL:
        raise Abstain(CODE, "lateral_view")
    if film.age_group is AgeGroup.PAEDIATRIC:
        raise Abstain(CODE, "paediatric")
    masks = {"right_lung": right_lung, "left_lung": left_lung, "heart": heart}
    planes = {name: one.plane for name, one in masks.items() if one is not None and one.plane.any()}
    if not {"right_lung", "left_lung"} & planes.keys():
        raise Abstain(CODE, "mask_missing")
    exchange = model.ask(picture_to_send(film.pixels, planes), question(), subject=CODE)
    if not exchange.fine:
        raise Abstain(CODE, exchange.outcome)
    word = _WORD.fullmatch(exchange.text)
    if word is None:
        raise Abstain(CODE, "scoliosis_not_answered")
    return Look(leaning=LEANINGS[word[1].lower()])


def question() -> Prompt:
    """The prompt file, whose hash the trace keeps with each exchange."""
    data = resources.files("cxr_scoliosis_look").joinpath("question.md").read_bytes()
    text = data.decode().strip()
    return Prompt(id="scoliosis/1", text=text, sha256=hashlib.sha256(data).hexdigest())
