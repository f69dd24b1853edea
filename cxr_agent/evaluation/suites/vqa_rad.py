"""VQA-RAD (Lau et al., Scientific Data 2018): ``VQA_RAD Dataset Public.json`` and its image folder.

Taken are the test questions (``phrase_type`` that begins with ``test``) about the chest. Half of
its chest pictures are CT; nothing in the data set says which, so that a file ``chest_films.txt``,
one name per line, may; without it the program refuses what is no film, and does not answer.
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
    text_of,
)
from cxr_agent.evaluation.suites.question import Question, Suite

_FILES: Final = ("VQA_RAD Dataset Public.json", "VQA_RAD_Dataset_Public.json")
_FOLDERS: Final = ("VQA_RAD Image Folder", "VQA_RAD_Image_Folder", "images")
LISTED: Final = "chest_films.txt"
_HINT: Final = f"Give the folder that holds {_FILES[0]} and {_FOLDERS[0]}."


class _Item(Record):
    qid: str = Field(max_length=100)
    image_name: str = Field(max_length=300)
    image_organ: str = ""
    question: str = Field(max_length=20_000)
    answer: str = Field(max_length=20_000)
    answer_type: str = ""
    question_type: str = ""
    phrase_type: str = ""


def read(root: Path, films: Path | None) -> Suite:
    """The test questions about chest films; raises InputError ``not_a_benchmark``,
    ``bad_question``."""
    listing = found(root, *_FILES)
    items = json_of(listing) if listing is not None else None
    if not isinstance(items, list):
        raise not_a_benchmark(_FILES[0], _HINT)
    base = films or next((root / one for one in _FOLDERS if (root / one).is_dir()), root)
    listed = set(text_of(root / LISTED).split()) if (root / LISTED).is_file() else None
    questions: list[Question] = []
    left: Counter[str] = Counter()
    for number, raw in enumerate(items, 1):
        item = record(_Item, raw, f"question {number}")
        why = _unfit(item, listed)
        if why:
            left[why] += 1
        else:
            # The same number stands on a question and its paraphrase.
            questions.append(_question(f"{number} {item.qid}", item, inside(base, item.image_name)))
    return Suite(questions, left)


def _unfit(item: _Item, listed: set[str] | None) -> str:
    if not item.phrase_type.strip().lower().startswith("test"):
        return "not_of_the_test_set"
    if item.image_organ.strip().upper() != "CHEST":
        return "not_of_the_chest"
    if listed is not None and item.image_name not in listed:
        return "not_a_chest_radiograph"
    return "" if item.answer.strip() else "no_answer"


def _question(name: str, item: _Item, film: Path) -> Question:
    answer = item.answer.strip()
    return Question(
        name=name,
        group=item.image_name,
        text=item.question.strip(),
        answer=answer.lower() if answer.lower() in ("yes", "no") else answer,
        options=("yes", "no") if answer.lower() in ("yes", "no") else (),
        films=(film,),
        category=item.question_type.split(",")[0].strip().lower(),
        closed=item.answer_type.strip().upper() == "CLOSED",
    )
