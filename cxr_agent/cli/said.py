"""Answers of a chat as lines and as JSON."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from cxr_agent.chat import Answer, Chat
from cxr_agent.chat.origin import origin_of
from cxr_agent.report.model import Sentence
from cxr_agent.trace.render import clean


def print_line(line: str) -> None:
    """Print a line, wrapped between words where a terminal would cut one in two."""
    if sys.stdout.isatty() and line:
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        line = textwrap.fill(
            line,
            shutil.get_terminal_size().columns,
            subsequent_indent=indent,
            break_on_hyphens=False,
            break_long_words=False,
            replace_whitespace=False,
            drop_whitespace=True,
        )
    print(line, flush=True)


def sentence_line(sentence: Sentence, steps: Mapping[str, int]) -> str:
    """A sentence with its evidence and the steps that gave it: ``... [e16 s6]``."""
    tags = ", ".join(f"{i} s{steps[i]}" if i in steps else i for i in sentence.evidence)
    return f"{clean(sentence.text)} [{tags}]"


def answer_lines(answer: Answer, chat: Chat) -> Iterator[str]:
    """The whole answer."""
    for sentence in answer.sentences:
        yield sentence_line(sentence, answer.steps)
    yield from closing_lines(answer, chat)


def closing_lines(answer: Answer, chat: Chat) -> Iterator[str]:
    """What comes after the sentences: origins, pictures, notes."""
    for identity in answer.explained:
        item = chat.evidence(identity)
        if item is not None:
            yield f"{identity}:"
            yield from (f"     {clean(line)}" for line in origin_of(item))
    for path in answer.pictures:
        yield f"picture: {path}"
    for note in answer.notes:
        yield f"({clean(note.text)})"
    if answer.unsupported:
        many = "sentence" if answer.unsupported == 1 else "sentences"
        yield f"({answer.unsupported} {many} of the model had no support and was kept back.)"


def answer_record(answer: Answer, chat: Chat) -> dict[str, Any]:
    """The answer for a program, with the evidence that it cites."""
    cited = {i for sentence in answer.sentences for i in sentence.evidence}
    return {
        "intent": answer.question.intent.value,
        "subjects": list(answer.question.subjects),
        "understood": answer.understood,
        "worded_by": answer.worded_by,
        "sentences": [
            {
                "text": sentence.text,
                "evidence": list(sentence.evidence),
                "steps": [answer.steps[i] for i in sentence.evidence if i in answer.steps],
            }
            for sentence in answer.sentences
        ],
        "notes": [{"code": note.code, "text": note.text} for note in answer.notes],
        "unsupported": answer.unsupported,
        "pictures": [str(path) for path in answer.pictures],
        "evidence": [
            item.model_dump(mode="json") for item in chat.run.evidence if item.id in cited
        ],
        "tokens": answer.tokens,
        "cost_usd": answer.cost,
        "run_id": chat.run.trace.run_id,
        "trace": str(chat.run.trace.directory),
    }
