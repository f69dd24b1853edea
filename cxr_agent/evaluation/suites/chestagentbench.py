"""ChestAgentBench (Fallahpour et al., MedRAX, ICML 2025): ``metadata.jsonl`` and ``figures/``.

Cases are of Eurorad, and many have CT or other pictures beside the film. A question is taken only
where every figure that it shows is a chest radiograph by the words of its caption, and where
nothing in the question speaks of another examination. Captions stand in ``eurorad_metadata.json``,
which MedRAX's code takes beside; where it is not there the question's own words decide.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
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
    lines_of,
    not_a_benchmark,
    record,
)
from cxr_agent.evaluation.suites.question import Question, Suite, cut

_HINT: Final = "Give the folder of wanglab/chest-agent-bench with metadata.jsonl and figures/."
CASES: Final = "eurorad_metadata.json"
_FIGURE: Final = re.compile(r"figure[ _-]*(\d{1,3}[a-z]?)")
_OPTION: Final = re.compile(r"(?:^|\s)\(?([A-J])[).:]\s+")
_OTHER: Final = re.compile(
    r"\b(?:CT|HRCT|CTA|CTPA|MRI?|MRA|PET|scintigra\w+|ultraso\w+|sonogra\w+|echocardiogra\w+|"
    r"angiogra\w+|tomogra\w+|fluorosc\w+|bronchosc\w+|histolog\w+|biops\w+|mammogra\w+|specimen)\b"
)
_FILM: Final = re.compile(
    r"\b(?:chest (?:x-?ray|film|radiogra\w+)|CXR|x-?ray|radiogra(?:ph|m)\w*)\b", re.I
)
_SIDE_VIEW: Final = re.compile(r"\blateral\b", re.I)


class _Item(Record):
    full_question_id: str = Field(default="", max_length=200)
    question_id: str = Field(default="", max_length=200)
    case_id: str = Field(default="", max_length=200)
    question: str = Field(max_length=20_000)
    answer: str = Field(max_length=20_000)
    images: tuple[str | tuple[str, ...], ...] | str = ()
    categories: tuple[str, ...] | str = ()


class _Subfigure(Record):
    number: str = Field(default="", max_length=200)
    caption: str = Field(default="", max_length=20_000)


class _Figure(Record):
    subfigures: tuple[_Subfigure, ...] = ()


class _Eurorad(Record):
    figures: tuple[_Figure, ...] = ()


def read(root: Path, films: Path | None) -> Suite:
    """The questions about chest radiographs alone.

    Parameters
    ----------
    films
        Folder in which the paths of ``images`` start; the data set's own without it.

    Raises
    ------
    InputError
        ``not_a_benchmark``, ``bad_question``.
    """
    listing = found(root, "metadata.jsonl", "chestagentbench/metadata.jsonl")
    if listing is None:
        raise not_a_benchmark("metadata.jsonl", _HINT)
    base = films or listing.parent
    captions = _captions(listing.parent / CASES)
    questions: list[Question] = []
    left: Counter[str] = Counter()
    seen: set[str] = set()
    for number, raw in enumerate(lines_of(listing), 1):
        item = record(_Item, raw, f"question {number}")
        name = item.full_question_id or item.question_id or f"line {number}"
        why = _unfit(item, captions)
        if why or name in seen:
            left[why or "same_id"] += 1
            continue
        seen.add(name)
        question = _question(name, item, base)
        if question is None:
            left["no_options"] += 1
        else:
            questions.append(question)
    return Suite(questions, left)


def options_in(text: str) -> tuple[str, dict[str, str]]:
    """The stem of a question, and its options by letter, which must come in order."""
    marks: list[re.Match[str]] = []
    for mark in _OPTION.finditer(text):
        if mark.group(1) == "ABCDEFGHIJ"[len(marks) : len(marks) + 1]:
            marks.append(mark)
    ends = [*(mark.start() for mark in marks[1:]), len(text)][: len(marks)]
    options = {
        mark.group(1): " ".join(text[mark.end() : end].split())
        for mark, end in zip(marks, ends, strict=True)
    }
    stem = text[: marks[0].start()] if marks else text
    return " ".join(stem.split()), options


def _captions(path: Path) -> dict[tuple[str, str], str]:
    """By case and figure (``1a``); empty without the file."""
    cases = json_of(path) if path.is_file() else {}
    if not isinstance(cases, dict):
        raise bad_question(CASES)
    return {
        (str(case), _number(one.number)): one.caption
        for case, raw in cases.items()
        for figure in record(_Eurorad, raw, f"case {case[:60]}").figures
        for one in figure.subfigures
    }


def _number(name: str) -> str:
    """``1a`` of ``Figure 1a`` and of ``figures/7001/figure_1a.png``."""
    found = _FIGURE.search(name.rpartition("/")[2].lower())
    return found.group(1) if found else ""


def _unfit(item: _Item, known: Mapping[tuple[str, str], str]) -> str:
    """Why a question is left out; empty where it is taken."""
    names = _flat(item.images)
    if not names:
        return "no_film"
    keys = [(_case(item), _number(name)) for name in names]
    captions = [known[key] for key in keys if key in known]
    stem, _ = options_in(item.question)
    if any(_OTHER.search(one) for one in captions) or _OTHER.search(stem):
        return "not_chest_radiographs_alone"
    if captions and not all(_FILM.search(one) for one in captions):
        return "not_chest_radiographs_alone"
    if any(_SIDE_VIEW.search(one) for one in captions):
        return "lateral_view"
    return ""


def _question(name: str, item: _Item, base: Path) -> Question | None:
    stem, options = options_in(cut(item.question))
    letter = item.answer.strip()[:1].upper()
    if not 2 <= len(options) <= MOST_OPTIONS or letter not in options:
        return None
    texts = tuple(options.values())
    if len(set(texts)) != len(texts):
        raise bad_question(f"question {name[:60]}")
    categories = _flat(item.categories)
    return Question(
        name=name,
        group=_case(item) or name,
        text=stem,
        answer=options[letter],
        options=texts,
        films=tuple(inside(base, one) for one in dict.fromkeys(_flat(item.images))),
        category=categories[0].split(",")[0].strip().lower() if categories else "",
    )


def _case(item: _Item) -> str:
    return item.case_id or (item.full_question_id or item.question_id).partition("_")[0]


def _flat(values: tuple[str | tuple[str, ...], ...] | tuple[str, ...] | str) -> list[str]:
    if isinstance(values, str):
        return [values] if values else []
    return [one for value in values for one in ((value,) if isinstance(value, str) else value)]
