"""Runs the benchmark: asks each case's questions in its order, writes and scores the answers.

Any yes or no to the first question goes on, right or wrong; later stages open only when the one
before was right. Who does not know at first, or declines the refined criterion, is guided (path 2)
and then asked again about a new case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from cxr_agent.errors import InputError, OutputError
from cxr_agent.evaluation.cxreasonbench.files import BenchmarkFolder, Question
from cxr_agent.evaluation.cxreasonbench.options import options_of, same_choice, unknown
from cxr_agent.evaluation.cxreasonbench.scores import CaseScore


class Respondent(Protocol):
    """Who answers the stages of one case, each in the form that is asked for."""

    def finding(self, question: str) -> str: ...

    def criterion(self, question: str) -> str: ...

    def refined_criterion(self, question: str) -> str: ...

    def body_part(self, question: str, pictures: Sequence[NDArray[np.uint8]]) -> str: ...

    def value(self, question: str) -> str: ...

    def final(self, question: str) -> str: ...


Respond = Callable[[str, str, Question | None], Respondent]
"""Gives who answers: of a task, a case, and its first question, which names the film."""


@dataclass(frozen=True, slots=True)
class CaseScores:
    """What came of one case."""

    reasoning: CaseScore
    guidance: CaseScore | None = None
    """Of path 2, where the case was guided."""


@dataclass(slots=True)
class _Asked:
    """The questions that were asked of one case, with what was answered and what is right."""

    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    right: dict[str, bool] = field(default_factory=dict)

    def add(self, stage: str, question: str, response: str, answer: str, right: bool) -> bool:
        self.stages[f"stage-{stage}"] = {"query": question, "response": response, "answer": answer}
        self.right[stage] = right
        return right

    def passed(self, stage: str) -> bool | None:
        """All parts of a stage; None when it was not reached."""
        parts = [hit for name, hit in self.right.items() if name.rstrip("_0123456789") == stage]
        return all(parts) if parts else None


class Runner:
    """Answers cases of a benchmark folder.

    Parameters
    ----------
    folder
        The data set.
    respond
        Who answers.
    name
        Of who answers, as the benchmark calls a model: the folder of its answers.
    """

    def __init__(self, folder: BenchmarkFolder, respond: Respond, name: str) -> None:
        self._folder = folder
        self._respond = respond
        self._name = name

    def answer(self, task: str, case: str, out: Path) -> CaseScores:
        """Answer one case, from its first question on.

        Responses are written under ``out`` in the places where the benchmark's own code puts them:
        ``inference/<path>/<name>/<task>/<case>.json``.

        Raises
        ------
        InputError
            Malformed questions.
        OutputError
            ``output_not_writable``.
        """
        asked = self._reason(task, "path1", case)
        reasoning = _scored(asked)
        self._write(out, "reasoning", task, case, asked)
        if not reasoning.unknown and asked.right.get("custom_criteria") is not False:
            return CaseScores(reasoning)
        guided = self._guided(task, case)
        self._write(out, "guidance", task, case, guided)
        return CaseScores(reasoning, _scored(guided, "review-"))

    def _write(self, out: Path, path: str, task: str, case: str, asked: _Asked) -> None:
        _write(out / "inference" / path / self._name / task / f"{case}.json", case, asked)

    def _reason(self, task: str, path: str, case: str, prefix: str = "") -> _Asked:
        """The stages of one case, until one is wrong."""
        asked = _Asked()
        first = self._folder.question(task, path, "init", case)
        if first is None:
            return asked
        who = self._respond(task, case, first)
        ((text, answer, _),) = first.parts
        response = who.finding(text)
        asked.add(f"{prefix}init", text, response, answer, same_choice(response, answer))
        if _is_unknown(text, response):
            return asked
        for stage, part, question, pictures, right in self._stages(task, path, case):
            if stage == "criteria":
                response = who.criterion(question)
            elif stage == "custom_criteria":
                response = who.refined_criterion(question)
            elif stage == "bodypart":
                response = who.body_part(question, pictures)
            elif stage == "measurement":
                response = who.value(question)
            else:
                response = who.final(question)
            hit = same_choice(response, right, any_of=stage == "final")
            if not asked.add(f"{prefix}{stage}{part}", question, response, right, hit):
                break
        return asked

    def _stages(
        self, task: str, path: str, case: str
    ) -> Iterator[tuple[str, str, str, list[NDArray[np.uint8]], str]]:
        for stage, folder in (
            ("criteria", "stage1"),
            ("custom_criteria", "stage1.5"),
            ("bodypart", "stage2"),
            ("measurement", "stage3"),
            ("final", "stage4"),
        ):
            question = self._folder.question(task, path, folder, case)
            if question is None:
                continue
            numbered = stage in ("criteria", "bodypart")
            for index, (text, answer, names) in enumerate(question.parts):
                pictures = [_picture(self._folder.body_part(name)) for name in names]
                yield stage, f"_{index}" if numbered else "", text, pictures, answer

    def _guided(self, task: str, case: str) -> _Asked:
        """Path 2: structures, value and final under guidance, then a new case on path 1."""
        asked = _Asked()
        first = self._folder.question(task, "path1", "init", case)
        who = self._respond(task, case, first)
        for stage, folder in (
            ("bodypart", "stage1"),
            ("measurement", "stage2"),
            ("final", "stage3"),
        ):
            question = self._folder.question(task, "path2", folder, case)
            if question is None:
                continue
            for index, (text, answer, names) in enumerate(question.parts):
                if stage == "bodypart":
                    pictures = [_picture(self._folder.body_part(name)) for name in names]
                    response = who.body_part(text, pictures)
                else:
                    response = who.value(text) if stage == "measurement" else who.final(text)
                part = f"_{index}" if stage == "bodypart" else ""
                hit = same_choice(response, answer, any_of=stage == "final")
                if not asked.add(f"guidance-{stage}{part}", text, response, answer, hit):
                    return asked
        other = self._folder.review_case(task, case)
        if other is not None:
            review = self._reason(task, "re-path1", other, "review-")
            asked.stages |= review.stages
            asked.right |= review.right
        return asked


def _is_unknown(question: str, response: str) -> bool:
    chosen = unknown(options_of(question))
    return chosen is None or same_choice(response, str(chosen))


def _scored(asked: _Asked, prefix: str = "") -> CaseScore:
    stages = ("init", "criteria", "custom_criteria", "bodypart", "measurement", "final")
    passed = {
        stage: hit for stage in stages if (hit := asked.passed(f"{prefix}{stage}")) is not None
    }
    first = asked.stages.get(f"stage-{prefix}init", {})
    final = asked.stages.get(f"stage-{prefix}final")
    chosen = asked.stages.get(f"stage-{prefix}measurement")
    return CaseScore(
        passed,
        unknown=not first or _is_unknown(first["query"], first["response"]),
        consistent=_consistent(chosen["response"], final["response"]) if chosen and final else None,
        aligned=same_choice(final["response"], first["response"]) if final else None,
    )


def _consistent(chosen: str, final: str) -> bool | None:
    """Whether the stated number lies in the chosen range; None without a range or number."""
    stated = final.partition("VALUE:")[2]
    ranges = [
        one.numbers[:2]
        for one in options_of(chosen.partition("\n")[0].partition(":")[2])
        if len(one.numbers) >= 2
    ]
    values = [float(part) for part in _numbers(stated)]
    if not ranges or not values:
        return None
    return all(
        min(limits) <= value <= max(limits) for limits, value in zip(ranges, values, strict=False)
    )


def _numbers(text: str) -> list[str]:

    return re.findall(r"\d+(?:\.\d+)?", text)


def _picture(path: Path) -> NDArray[np.uint8]:
    try:
        with PillowImage.open(path, formats=("PNG", "JPEG")) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, PillowImage.DecompressionBombError):
        raise InputError(
            "bad_question",
            "a picture that a question offers cannot be read",
            hint="Unpack the data set again.",
        ) from None


def _write(path: Path, case: str, asked: _Asked) -> None:
    record = {"dicom": case, "system_message": "answered from evidence by rule", **asked.stages}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=4) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            "output_not_writable",
            f"the answers cannot be written: {error.strerror}",
            hint="Check that the folder exists, is writable and has room.",
        ) from None
