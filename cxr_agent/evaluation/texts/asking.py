"""Asking a language model about reports: their texts go as data, answers are checked by schema."""

from __future__ import annotations

import json
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from cxr_agent.evaluation.texts.judgement import NotJudged
from cxr_agent.language import LanguageModel, Message, load_prompt

MOST_CHARACTERS: Final = 20_000
"""Of a report that is put to a model; some ten times the longest usual one."""
_Answer = TypeVar("_Answer", bound=BaseModel)


def asked(
    model: LanguageModel, prompt: str, data: dict[str, Any], schema: type[_Answer]
) -> _Answer | NotJudged:
    """Put one question.

    The data is one JSON object: quotes and line ends in a report are escaped, so that it cannot end
    the place where it stands.

    Parameters
    ----------
    prompt
        Name of a file in ``prompts/``.
    schema
        What the answer has to be.

    Returns
    -------
    NotJudged
        The client's reason where the model gave nothing, ``answer_not_understood`` for an answer
        that is not as the schema says.
    """
    messages: list[Message] = [
        {"role": "system", "content": load_prompt(prompt).text},
        {"role": "user", "content": json.dumps(data, ensure_ascii=True)},
    ]
    exchange = model.ask(messages)
    if not exchange.fine:
        return NotJudged(exchange.outcome)
    try:
        return schema.model_validate_json(_object(exchange.text))
    except ValidationError:
        return NotJudged("answer_not_understood")


def _object(text: str) -> str:
    """The JSON object in an answer; models like to put a fence around it, or their thoughts
    before."""
    text = text.rpartition("</think>")[2]
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1]
