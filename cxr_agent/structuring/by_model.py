"""A language model puts a report of any language into the closed form; the form is checked.

The model gets numbered sentences and answers with numbers and codes: no word of its own can get
into the result, no sentence is lost, and what is out of form is asked for once more, then refused.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from pydantic import ValidationError

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.knowledge import report_lexicon
from cxr_agent.language import LanguageModel, Message, load_prompt
from cxr_agent.prose.structure import HEADINGS, MOST_TEXT, SECTIONS
from cxr_agent.structuring.told import Answer, ToldReport, ToldSentence

_MOST_SENTENCES: Final = 200
_END: Final = re.compile(r"[.!?]+[\"')\]]*(?=\s)|[。！？]+|\n+")
"""Where a sentence ends: Latin and CJK marks, and every line's end."""
_WORD: Final = re.compile(r"\w")


def structure_by_model(text: str, model: LanguageModel) -> ToldReport:
    """Structure a report; it is sent to the model as it stands.

    Raises
    ------
    UsageError
        ``report_too_long``; ``nothing_said`` for a text without a word.
    ModelError
        ``bad_structure`` when the answer was out of form twice; the reason code of an exchange that
        failed, such as ``model_unreachable``.
    """
    spans = sentences_of(text)
    prompt = load_prompt("structure")
    numbered = "\n".join(
        f"{n}. {' '.join(text[start:end].split())}" for n, (start, end) in enumerate(spans, 1)
    )
    messages: list[Message] = [
        {"role": "system", "content": _filled(prompt.text)},
        {"role": "user", "content": numbered},
    ]
    answered = _asked(model, messages)
    answer = _read(answered, len(spans))
    repaired = isinstance(answer, str)
    if isinstance(answer, str):
        messages += [
            {"role": "assistant", "content": answered},
            {"role": "user", "content": f"This is out of form: {answer}. Answer again, whole."},
        ]
        answer = _read(_asked(model, messages), len(spans))
    if isinstance(answer, str):
        raise ModelError(
            "bad_structure",
            f"{model.name} answered out of form twice: {answer}",
            hint="Take a larger model; what it answered was dropped.",
        )
    return ToldReport(
        sentences=tuple(
            ToldSentence(
                id=f"s{one.n}",
                text=text[slice(*span)],
                start=span[0],
                end=span[1],
                section=one.section,
                heading=one.heading if one.section == "findings" else None,
                findings=one.findings,
            )
            for one, span in zip(answer.sentences, spans, strict=True)
        ),
        model=model.name,
        prompt=prompt.id,
        repaired=repaired,
    )


def sentences_of(text: str) -> tuple[tuple[int, int], ...]:
    """(start, end) of each sentence of any language; together they hold every word.

    Raises
    ------
    UsageError
        ``report_too_long``, ``nothing_said``.
    """
    if len(text) > MOST_TEXT:
        raise UsageError(
            "report_too_long",
            f"the report has {len(text):,} characters, and {MOST_TEXT:,} are read",
            hint="Give one report per file.",
        )
    ends = [found.end() for found in _END.finditer(text)]
    found: list[tuple[int, int]] = []
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        piece = text[start:end]
        if not _WORD.search(piece):
            continue
        begin = start + len(piece) - len(piece.lstrip())
        found.append((begin, begin + len(piece.strip())))
    if not found:
        raise UsageError("nothing_said", "the report holds no words", hint="Give a report.")
    if len(found) > _MOST_SENTENCES:
        raise UsageError(
            "report_too_long",
            f"the report has {len(found)} sentences, and a model is asked about {_MOST_SENTENCES}",
            hint="Give one report per file.",
        )
    return tuple(found)


def _filled(prompt: str) -> str:
    for name, values in (
        ("sections", SECTIONS),
        ("headings", HEADINGS),
        ("codes", tuple(report_lexicon().finding)),
    ):
        prompt = prompt.replace(f"{{{name}}}", "; ".join(f'"{value}"' for value in values))
    return prompt


def _asked(model: LanguageModel, messages: list[Message]) -> str:
    exchange = model.ask(messages)
    if not exchange.fine:
        raise ModelError(
            exchange.outcome,
            f"{model.name} gave no answer",
            hint="Check its name and address; English reports are structured without a model.",
        )
    return exchange.text


def _read(answered: str, count: int) -> Answer | str:
    """The answer, or what is out of form in a few words that quote nothing of it."""
    try:
        raw: Any = json.loads(answered[answered.index("{") : answered.rindex("}") + 1])
    except (ValueError, RecursionError):
        return "it is no JSON object"
    try:
        answer = Answer.model_validate(raw)
    except ValidationError as error:
        where = [str(part) for part in error.errors()[0]["loc"] if str(part).isalnum()]
        return f"{'.'.join(where[:5]) or 'something'} is not as asked"
    if [one.n for one in answer.sentences] != list(range(1, count + 1)):
        return f"the sentences are not 1 to {count} in order"
    return answer
