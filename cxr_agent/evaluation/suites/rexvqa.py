"""ReXVQA (Pal et al., 2025): ``metadata/test_vqa_data.json`` beside the films of ReXGradient-160K.

The file is one object of questions by id. A question is taken where each of its films is a frontal
radiograph by ``ImageViewPosition``; a study's lateral film is left out of its films, since this
program refuses to read one.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

from pydantic import Field

from cxr_agent.evaluation.suites.folder import (
    MOST_OPTIONS,
    Record,
    bad_question,
    found,
    inside,
    json_of,
    not_a_benchmark,
    record,
)
from cxr_agent.evaluation.suites.question import Question, Suite

_HINT: Final = "Give the folder of rajpurkarlab/ReXVQA, with metadata/test_vqa_data.json."
_FILES: Final = ("metadata/test_vqa_data.json", "test_vqa_data.json")
_LETTER: Final = re.compile(r"^\(?([A-J])[).:]\s*")
_FRONTAL: Final = ("PA", "AP", "AP AXIAL", "PA AXIAL", "POSTEROANTERIOR", "ANTEROPOSTERIOR")


class _Item(Record):
    question: str = Field(max_length=20_000)
    options: tuple[str, ...] = Field(max_length=MOST_OPTIONS)
    correct_answer: str = Field(max_length=20_000)
    ImagePath: tuple[str, ...] = ()
    ImageViewPosition: tuple[str | None, ...] = ()
    PatientID: str | None = None
    study_id: str | None = None
    task_name: str | None = ""


def read(root: Path, films: Path | None) -> Suite:
    """The questions about frontal films.

    Parameters
    ----------
    films
        Folder in which ``ImagePath`` starts; ``images`` of the data set without it.

    Raises
    ------
    InputError
        ``not_a_benchmark``, ``bad_question``.
    """
    listing = found(root, *_FILES)
    items = json_of(listing) if listing is not None else None
    if not isinstance(items, dict):
        raise not_a_benchmark("test_vqa_data.json", _HINT)
    base = films or root / "images"
    questions: list[Question] = []
    left: Counter[str] = Counter()
    for name, raw in items.items():
        item = record(_Item, raw, f"question {name[:60]}")
        frontal = _frontal(item)
        if not frontal:
            left["no_frontal_film" if item.ImagePath else "no_film"] += 1
            continue
        questions.append(_question(name, item, tuple(inside(base, one) for one in frontal)))
    return Suite(questions, left)


def _frontal(item: _Item) -> list[str]:
    """Where no view is told for a film it may be frontal; the program finds out by its pixels."""
    views = item.ImageViewPosition
    if len(views) != len(item.ImagePath):
        return list(item.ImagePath)
    return [
        path
        for path, view in zip(item.ImagePath, views, strict=True)
        if not view or view.strip().upper() in _FRONTAL
    ]


def _question(name: str, item: _Item, films: tuple[Path, ...]) -> Question:
    letters = {
        (match.group(1) if (match := _LETTER.match(text)) else "ABCDEFGHIJ"[place]): _LETTER.sub(
            "", text
        ).strip()
        for place, text in enumerate(item.options)
    }
    said = item.correct_answer.strip()
    match = _LETTER.match(f"{said} ") if len(said) <= 2 else _LETTER.match(said)
    key = match.group(1) if match else said.upper() if len(said) == 1 else ""
    answer = letters.get(key, said)
    texts = tuple(letters.values())
    if answer not in texts or len(set(texts)) != len(texts) or len(texts) < 2:
        raise bad_question(f"question {name[:60]}")
    return Question(
        name=name,
        group=item.PatientID or item.study_id or name,
        text=item.question.strip(),
        answer=answer,
        options=texts,
        films=films,
        category=(item.task_name or "").strip().lower(),
    )
