"""The report as plain text for a radiology information system."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator
from typing import Final

from cxr_agent.report.model import Report
from cxr_agent.report.render._text import clean, lines
from cxr_agent.report.render._wording import Words

_WIDTH: Final = 72
_MARKS: Final = str.maketrans(
    {"–": "-", "—": "-", "×": "x", "°": " deg", "’": "'", "“": '"', "”": '"', "…": "...", "²": "2"}
)
_SPELLED: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"}
)


def to_ris(report: Report) -> str:
    """The report alone, as a radiology information system takes it: text, and nothing to lay out.

    ASCII (HL7 v2 without a character set), at most 72 characters a line, sections under titles in
    capitals, no table of evidence; every sentence keeps the ids of its evidence, which the trace of
    the run at its end holds. Lines end with a line feed; an interface that wants carriage returns
    sets them. Characters that delimit HL7 v2 fields (``| ^ ~ \\ &``) are not in it.
    """
    return "\n".join(_plain(line) for line in _lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    say = Words(report.language)
    yield from _wrapped(report.notice)
    if report.status == "partial":
        yield from _wrapped(say.text("partial"))
    yield ""
    yield f"{_plain(say.title('exam')).upper()}: {clean(report.exam)}"
    history = [line for line in lines(report.history) if line]
    if history:
        yield ""
        yield f"{_plain(say.title('history')).upper()}:"
        for line in history:
            yield from _wrapped(line)
    for section in say.sections(report):
        if section.key == "context":
            continue  # of other patients
        yield ""
        yield f"{_plain(section.title).upper()}:"
        for group in section.groups:
            if group.heading is not None:
                yield f"{say.heading(group.heading)}:"
            for place, sentence in enumerate(group.sentences, start=1):
                mark = f"{place}. " if section.key == "impression" else "- "
                flag = f"{say.critical(sentence)}: " if sentence.tier is not None else ""
                cited = say.citation(sentence.evidence)
                yield from _wrapped(f"{flag}{sentence.text} {cited}", mark)
    yield ""
    facts = f"{say.label('run')} {report.run_id}, {report.planner}"
    yield from _wrapped(f"{facts}, cxr-agent {report.program_version}")
    yield from _wrapped(report.notice)


def _wrapped(text: str, mark: str = "") -> list[str]:
    plain = _plain(clean(text))
    return textwrap.wrap(
        plain,
        _WIDTH,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_on_hyphens=False,
    ) or [""]


def _plain(text: str) -> str:
    """ASCII; a letter with an accent loses it, an umlaut is spelled out."""
    spelled = text.translate(_MARKS).translate(_SPELLED)
    bare = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    return "".join("/" if character in "|^~\\&" else character for character in bare)
