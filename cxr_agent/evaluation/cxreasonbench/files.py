"""The benchmark's folder: which cases there are, their questions, and their pictures.

Layout as its evaluation code reads it (github.com/ttumyche/CXReasonBench): ``dx_by_dicoms.json``,
``qa/<task>/<path>/<stage>/<kind>/<case>.json`` with ``question``, ``answer`` and ``img_path``,
``segmask_bodypart/`` and ``pnt_on_cxr/``. Films come from MIMIC-CXR-JPG beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from cxr_agent.errors import InputError
from cxr_agent.given_files import MIB, parsed_json, read_given

_REVIEW = "re-path1"
_MOST_BYTES: Final = 256 * MIB


class Question(BaseModel):
    """One file of questions; most hold one, criteria and body parts may hold several in a row."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    question: str | tuple[str, ...]
    answer: str | tuple[str | tuple[str, ...], ...]
    img_path: tuple[str | tuple[str, ...], ...] = ()

    @property
    def parts(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """(question, answer, pictures) one after another."""
        if isinstance(self.question, str):
            pictures = tuple(p for p in self.img_path if isinstance(p, str))
            return [(self.question, _joined(self.answer), pictures)]
        answers = self.answer if isinstance(self.answer, tuple) else (self.answer,)
        pictures_of = [(p,) if isinstance(p, str) else p for p in self.img_path]
        return [
            (text, _joined(answer), pictures_of[index] if index < len(pictures_of) else ())
            for index, (text, answer) in enumerate(zip(self.question, answers, strict=True))
        ]


def _joined(answer: str | tuple[Any, ...]) -> str:
    return answer if isinstance(answer, str) else ", ".join(str(one) for one in answer)


class BenchmarkFolder:
    """The folder ``CXReasonBench`` of the data set.

    Raises
    ------
    InputError
        ``not_a_benchmark`` when its list of cases is not there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        listing = root / "dx_by_dicoms.json"
        try:
            told = parsed_json(read_given(listing, _MOST_BYTES))
            self.cases: dict[str, list[str]] = {
                str(task): [str(case) for case in cases] for task, cases in told.items()
            }
        except (OSError, ValueError, TypeError, AttributeError):
            raise InputError(
                "not_a_benchmark",
                "the folder holds no readable dx_by_dicoms.json",
                hint="Give the folder CXReasonBench of the data set from PhysioNet, unpacked.",
            ) from None

    def question(self, task: str, path: str, stage: str, case: str) -> Question | None:
        """The questions of one stage; None where the task has no such stage or case.

        Raises
        ------
        InputError
            ``bad_question`` for a file of another form.
        """
        folder = self.root / "qa" / task / path / stage
        found = sorted(folder.glob(f"*/{case}.json"))
        if not found:
            return None
        try:
            return Question.model_validate_json(found[0].read_text(encoding="utf-8"))
        except (OSError, ValidationError):
            raise InputError(
                "bad_question",
                f"{task}/{path}/{stage}: the questions of a case are malformed",
                hint="Unpack the data set again.",
            ) from None

    def has_stage(self, task: str, path: str, stage: str) -> bool:
        """Whether a task has this stage at all."""
        return (self.root / "qa" / task / path / stage).is_dir()

    def review_case(self, task: str, case: str) -> str | None:
        """The new case on which a guided one is asked again; None without any.

        Its name stands in the guided questions where they give one, else the case's own review
        file is taken.
        """
        folder = self.root / "qa" / task / _REVIEW / "init"
        names = sorted(path.stem for path in folder.glob("*/*.json"))
        if case in names:
            return case
        others = [name for name in names if name not in self.cases.get(task, [])] or names
        return others[0] if others else None

    def body_part(self, name: str) -> Path:
        """A picture of a structure that a question offers."""
        return self.root / "segmask_bodypart" / name.lstrip("/")
