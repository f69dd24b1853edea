"""The benchmark's folder: which cases there are, their questions, and their pictures.

Layout as its evaluation code reads it (github.com/ttumyche/CXReasonBench): ``dx_by_dicoms.json``,
``qa/<task>/<path>/<stage>/<kind>/<case>.json`` with ``question``, ``answer`` and ``img_path``,
``segmask_bodypart/`` and ``pnt_on_cxr/``. Films come from MIMIC-CXR-JPG beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cxr_agent.errors import InputError
from cxr_agent.evaluation.suites.folder import inside, not_a_benchmark
from cxr_agent.given_files import MIB, parsed_json, read_given

_REVIEW = "re-path1"
_MOST_BYTES: Final = 256 * MIB
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$")]
"""Of a task or a case: it becomes the name of a file."""
_CASES = TypeAdapter(dict[_Name, list[_Name]])


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
        try:
            told = parsed_json(read_given(root / "dx_by_dicoms.json", _MOST_BYTES))
            self.cases: dict[str, list[str]] = _CASES.validate_python(told)
        except (OSError, ValueError):
            raise not_a_benchmark(
                "dx_by_dicoms.json",
                "Give the folder CXReasonBench of the data set from PhysioNet, unpacked.",
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
        """A picture of a structure that a question offers; raises InputError ``bad_question``."""
        return inside(self.root / "segmask_bodypart", name)
