"""SLAKE (Liu et al., ISBI 2021): ``test.json`` and ``imgs/xmlabN/source.jpg``.

Taken are the English questions about radiographs of the chest (``modality`` X-Ray, ``location`` a
part of the chest). Those whose answer needs the knowledge graph (``base_type`` kvqa) are left out:
they are about medicine at large, not about the film.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from pydantic import Field

from cxr_agent.evaluation.suites.folder import (
    Record,
    found,
    inside,
    json_of,
    not_a_benchmark,
    record,
)
from cxr_agent.evaluation.suites.question import Question, Suite

_FILES: Final = ("test.json", "Slake1.0/test.json")
_HINT: Final = "Give the folder Slake1.0, with test.json and imgs/."
_CHEST: Final = ("lung", "chest", "chest_lung", "chest_heart", "chest_mediastinal", "heart")


class _Item(Record):
    qid: str = Field(max_length=100)
    img_id: str = Field(default="", max_length=100)
    img_name: str = Field(max_length=300)
    question: str = Field(max_length=20_000)
    answer: str = Field(max_length=20_000)
    q_lang: str = "en"
    location: str = ""
    modality: str = ""
    answer_type: str = ""
    base_type: str = "vqa"
    content_type: str = ""


def read(root: Path, films: Path | None) -> Suite:
    """The English questions about chest radiographs; raises InputError ``not_a_benchmark``,
    ``bad_question``."""
    listing = found(root, *_FILES)
    items = json_of(listing) if listing is not None else None
    if listing is None or not isinstance(items, list):
        raise not_a_benchmark("test.json", _HINT)
    base = films or listing.parent / "imgs"
    questions: list[Question] = []
    left: Counter[str] = Counter()
    for number, raw in enumerate(items, 1):
        item = record(_Item, raw, f"question {number}")
        why = _unfit(item)
        if why:
            left[why] += 1
        else:
            questions.append(_question(item, inside(base, item.img_name)))
    return Suite(questions, left)


def _unfit(item: _Item) -> str:
    if item.q_lang.lower() != "en":
        return "not_english"
    if item.modality.lower().replace("-", "").replace(" ", "") != "xray":
        return "not_a_radiograph"
    if item.location.lower() not in _CHEST:
        return "not_of_the_chest"
    if item.base_type.lower() != "vqa":
        return "asks_for_general_knowledge"
    return "" if item.answer.strip() else "no_answer"


def _question(item: _Item, film: Path) -> Question:
    answer = item.answer.strip()
    binary = answer.lower() in ("yes", "no")
    return Question(
        name=item.qid,
        group=item.img_id or item.img_name,
        text=item.question.strip(),
        answer=answer.lower() if binary else answer,
        options=("yes", "no") if binary else (),
        films=(film,),
        category=item.content_type.strip().lower(),
        closed=item.answer_type.strip().upper() == "CLOSED",
    )
