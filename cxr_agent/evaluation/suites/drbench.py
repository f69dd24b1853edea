"""DR.BENCH (Gao et al., Journal of Biomedical Informatics 2023): clinical text, no films.

Its data sets come from where they are published, each into a folder of its own:

=============== ================================ ==============================================
folder          file                             columns or fields
=============== ================================ ==============================================
``mednli/``     ``mli_test_v1.jsonl``            ``sentence1``, ``sentence2``, ``gold_label``
``ap/``         a table (n2c2 2022, track 3)     Assessment, Plan Subsection, Relation
``emrqa/``      JSON in the form of SQuAD        ``context``, ``question``, ``answers``
``medqa/``      ``test.jsonl`` (MedQA, US)       ``question``, ``options``, ``answer_idx``
``summ/``       a table (ProbSum, BioNLP 2023)   Assessment, Subjective, Objective, Summary
``soap/``       a table, a line of a note a row  Text, Label; File ID or HADM ID
=============== ================================ ==============================================

Where a folder holds several files, those with ``test`` in their name are taken. Metrics are those
of the paper: accuracy, macro F1 for the relations of assessment and plan, ROUGE-L for the problem
lists. The lines of SOAP notes (Gao et al., LREC 2022) are on PhysioNet for those with credentials:
their table was not seen here, so names of columns and of sections are taken liberally.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from cxr_agent.evaluation.suites.by_text import RELATIONS
from cxr_agent.evaluation.suites.folder import (
    MOST_OPTIONS,
    Record,
    bad_question,
    json_of,
    lines_of,
    not_a_benchmark,
    record,
    rows_of,
)
from cxr_agent.evaluation.suites.question import Question, Suite, cut

PLAN_RELATIONS: Final = ("direct", "indirect", "neither", "not relevant")
_RELATED: Final = (
    "How is this part of the plan related to the assessment: does it address the main diagnosis "
    "(direct), another problem or a complication of it (indirect), neither of these, or is it not "
    "relevant?"
)
_PROBLEMS: Final = "Which diagnoses and problems does this progress note list? Separate them by ;"
SECTIONS: Final = ("subjective", "objective", "assessment", "plan", "others")
_SECTION: Final = "In which section of a progress note (SOAP) does the last line stand?"
_LINES_BEFORE: Final = 5
"""Of the same note, shown with a line: a line alone often fits several sections."""
_LINE: Final = ("text", "line", "sentence")
_LABEL: Final = ("label", "tag", "section", "soap")
_NOTE: Final = ("fileid", "noteid", "hadmid", "rowid")
_MOST_CONTEXT: Final = 200_000


class _Pair(Record):
    sentence1: str = Field(max_length=20_000)
    sentence2: str = Field(max_length=20_000)
    gold_label: str
    pair_id: str = Field(default="", alias="pairID")


class _Choice(Record):
    question: str = Field(max_length=20_000)
    options: dict[str, str] = Field(max_length=MOST_OPTIONS)
    answer_idx: str = ""
    answer: str = ""


class _Said(Record):
    text: str | tuple[str, ...] = ""


class _Asked(Record):
    id: str | tuple[str, ...] = ""
    question: str | tuple[str, ...]
    answers: tuple[_Said, ...] = ()


class _Paragraph(Record):
    context: str | tuple[str, ...] = ""
    note_id: str = ""
    qas: tuple[_Asked, ...] = ()


class _Title(Record):
    title: str = ""
    paragraphs: tuple[_Paragraph, ...] = ()


class _Squad(Record):
    data: tuple[_Title, ...]


def read(root: Path, films: Path | None) -> Suite:
    """The questions of the tasks whose folders are there.

    Raises
    ------
    InputError
        ``not_a_benchmark`` where none is, ``bad_question``.
    """
    del films  # it has none
    readers = {
        "mednli": (_mednli, (".jsonl",)),
        "ap": (_plans, (".csv", ".tsv")),
        "emrqa": (_emrqa, (".json",)),
        "medqa": (_medqa, (".jsonl",)),
        "summ": (_problems, (".csv", ".tsv")),
        "soap": (_lines_of_notes, (".csv", ".tsv")),
    }
    questions = [
        question
        for name, (reader, endings) in readers.items()
        for path in _files(root / name, endings)
        for question in reader(path)
    ]
    if not questions:
        raise not_a_benchmark(
            "task of DR.BENCH", "Give a folder with mednli/, ap/, emrqa/, medqa/, summ/ or soap/."
        )
    return Suite(questions)


def _files(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    if not folder.is_dir():
        return []
    files = sorted(one for one in folder.iterdir() if one.suffix in endings and one.is_file())
    return [one for one in files if "test" in one.name.lower()] or files


def _mednli(path: Path) -> Iterator[Question]:
    for number, raw in enumerate(lines_of(path), 1):
        item = record(_Pair, raw, f"pair {number} of mednli")
        if item.gold_label not in RELATIONS:
            raise bad_question(f"the label of pair {number} of mednli")
        yield Question(
            name=f"mednli {path.stem} {number}",
            group=f"mednli {item.pair_id or number}",
            text=item.sentence2.strip(),
            answer=item.gold_label,
            options=RELATIONS,
            context=item.sentence1.strip(),
            category="mednli",
            ordered=True,
        )


def _plans(path: Path) -> Iterator[Question]:
    for number, row in enumerate(_named_rows(path), 1):
        relation = " ".join(re.findall(r"[a-z]+", row.get("relation", "").lower()))
        if relation not in PLAN_RELATIONS or not row.get("assessment"):
            raise bad_question(f"row {number} of ap")
        plan = cut(row.get("plansubsection", ""))
        yield Question(
            name=f"ap {path.stem} {number}",
            group=f"ap {row.get('hadmid') or number}",
            text=_RELATED,
            answer=relation,
            options=PLAN_RELATIONS,
            context=f"Assessment: {cut(row['assessment'])}\nPlan: {plan}",
            category="ap",
            ordered=True,
        )


def _emrqa(path: Path) -> Iterator[Question]:
    number = 0
    for title in record(_Squad, json_of(path), "emrqa").data:
        for paragraph in title.paragraphs:
            context = _joined(paragraph.context)[:_MOST_CONTEXT]
            for item in paragraph.qas:
                number += 1
                answers = [_joined(one.text).strip() for one in item.answers]
                if not any(answers):
                    continue
                yield Question(
                    name=f"emrqa {path.stem} {number}",
                    group=f"emrqa {paragraph.note_id or title.title or number}",
                    text=_first(item.question).strip(),
                    answer=next(one for one in answers if one),
                    context=context,
                    category="emrqa",
                )


def _medqa(path: Path) -> Iterator[Question]:
    for number, raw in enumerate(lines_of(path), 1):
        item = record(_Choice, raw, f"question {number} of medqa")
        answer = item.options.get(item.answer_idx.strip().upper(), item.answer)
        texts = tuple(item.options.values())
        if answer not in texts or len(set(texts)) != len(texts):
            raise bad_question(f"question {number} of medqa")
        yield Question(
            name=f"medqa {path.stem} {number}",
            group=f"medqa {number}",
            text=item.question.strip(),
            answer=answer,
            options=texts,
            category="medqa",
        )


def _problems(path: Path) -> Iterator[Question]:
    for number, row in enumerate(_named_rows(path), 1):
        if not row.get("summary") or not row.get("assessment"):
            raise bad_question(f"row {number} of summ")
        parts = {
            "Assessment": row["assessment"],
            "Subjective": row.get("subjectivesections") or row.get("subjective", ""),
            "Objective": row.get("objectivesections") or row.get("objective", ""),
        }
        yield Question(
            name=f"summ {path.stem} {number}",
            group=f"summ {row.get('fileid') or number}",
            text=_PROBLEMS,
            answer=row["summary"].strip(),
            context="\n".join(f"{name}: {cut(text)}" for name, text in parts.items() if text),
            category="summ",
            listing=True,
        )


def _lines_of_notes(path: Path) -> Iterator[Question]:
    before: list[str] = []
    last = None
    for number, row in enumerate(_named_rows(path), 1):
        text, note = _one_of(row, _LINE), _one_of(row, _NOTE)
        if not text:
            continue
        section = _section(_one_of(row, _LABEL))
        if section is None:
            raise bad_question(f"row {number} of soap")
        if note != last:
            before, last = [], note
        before = [*before[-_LINES_BEFORE:], cut(text)]
        yield Question(
            name=f"soap {path.stem} {number}",
            group=f"soap {note or number}",
            text=_SECTION,
            answer=section,
            options=SECTIONS,
            context="\n".join(before),
            category="soap",
            ordered=True,
        )


def _section(label: str) -> str | None:
    """The section of a label as ``B-SUBJECTIVE``, ``Plan`` or ``o``; None for any other."""
    word = re.sub(r"^[bi][-_ ]", "", label.strip().lower())
    return next((one for one in SECTIONS if word and one.startswith(word.rstrip("s"))), None)


def _one_of(row: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((str(row[name]).strip() for name in names if row.get(name)), "")


def _named_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows by names in lower case without anything but letters: releases write them differently."""
    for row in rows_of(path):
        yield {"".join(re.findall(r"[a-z]+", name.lower())): value for name, value in row.items()}


def _joined(text: str | tuple[str, ...]) -> str:
    return text if isinstance(text, str) else "\n".join(text)


def _first(text: str | tuple[str, ...]) -> str:
    """Of several wordings of one question, the first."""
    return text if isinstance(text, str) else (text[0] if text else "")
