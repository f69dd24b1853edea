"""A language model as judge of errors, asked with ``prompts/report_errors.md``.

Its counts serve GREEN-type and CheXprompt-type scores alike: both use the six categories. Reports
are put to the model whole, so a model on another machine gets them: for reports of patients
configure one on this machine.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from cxr_agent.evaluation.texts.asking import MOST_CHARACTERS, asked
from cxr_agent.evaluation.texts.judgement import (
    OF_LETTER,
    Judgement,
    NotJudged,
    ReportError,
    judgement_of,
)
from cxr_agent.language import LanguageModel

_MOST: Final = 100
_Words = Annotated[str, Field(max_length=500)]


class _Error(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    category: Literal["a", "b", "c", "d", "e", "f"]
    significant: bool
    what: _Words


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    matched: list[_Words] = Field(max_length=_MOST)
    errors: list[_Error] = Field(max_length=_MOST)


class ModelJudge:
    """Asks a language model.

    Parameters
    ----------
    model
        Any that LiteLLM reaches; a server of one's own too.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.name = model.name

    def judge(self, reference: str, candidate: str) -> Judgement | NotJudged:
        """Judge a candidate; two requests are never made of one bad answer.

        Returns
        -------
        NotJudged
            ``report_too_long`` beyond 20,000 characters, and see
            :func:`~cxr_agent.evaluation.texts.asking.asked`.
        """
        if max(len(reference), len(candidate)) > MOST_CHARACTERS:
            return NotJudged("report_too_long")
        data = {"reference": reference, "candidate": candidate}
        answer = asked(self._model, "report_errors", data, _Answer)
        if isinstance(answer, NotJudged):
            return answer
        return judgement_of(
            tuple(answer.matched),
            tuple(
                ReportError(OF_LETTER[one.category], one.significant, one.what)
                for one in answer.errors
            ),
        )
