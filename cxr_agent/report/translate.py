"""A report in another language: said anew from its evidence by the same rules, never translated.

What a language model worded is said in the rules' words, one sentence for each piece of evidence
that it cited: there is no other way to say it that the gates have checked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from cxr_agent.errors import ConfigError
from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.knowledge import ENGLISH, Language, checked_language, language
from cxr_agent.report import phrasing
from cxr_agent.report.draft import Section
from cxr_agent.report.model import Report, Sentence, notice_of
from cxr_agent.toolbox.reading import reading_of

_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)?")
_HANDLE: Final = re.compile(r"\b(?:img|prior)-\d+\b")


def in_language(report: Report, code: str) -> Report:
    """The report in another language of ``kb/wording/``; itself where it is in that one.

    A sentence that has no words there, or that would not say the same numbers, sides, denials and
    doubts, stays in English.

    Raises
    ------
    UsageError
        ``unknown_language``; also for a report that is not in English, which alone is checked.
    """
    checked_language(code)
    if report.language == code:
        return report
    return _Translation(report, code).report()


class _Translation:
    def __init__(self, report: Report, code: str) -> None:
        self._source = report
        self._code = code
        self._words = language(code)
        self._known: dict[str, Evidence] = {}
        for item in report.evidence:
            self._known[item.id] = self._retold(item)
        self._several = len({i.image for i in report.evidence if not i.of_prior}) > 1

    def report(self) -> Report:
        source = self._source
        sections = {
            place.value: tuple(dict.fromkeys(self._section(getattr(source, place))))
            for place in Section
        }
        text = self._words.text
        count = sum(not film.handle.startswith("prior-") for film in source.films)
        return source.model_copy(
            update={
                **sections,
                "language": self._code,
                "notice": notice_of(source.films, self._code),
                "exam": text["one_film"]
                if count == 1
                else text["several_films"].format(count=count),
                "evidence": tuple(self._known.values()),
            }
        )

    def _retold(self, item: Evidence) -> Evidence:
        basis = [self._known[one] for one in item.basis if one in self._known]
        try:
            reading = reading_of(item, basis, self._code)
        except ConfigError:
            return item
        return item.model_copy(update={"reading": reading})

    def _section(self, sentences: tuple[Sentence, ...]) -> Iterator[Sentence]:
        for sentence in sentences:
            cited = [self._known[one] for one in sentence.evidence if one in self._known]
            yield from self._sentence(sentence, cited)

    def _sentence(self, sentence: Sentence, cited: list[Evidence]) -> Iterator[Sentence]:
        whole = self._joined(sentence, cited)
        if whole is not None:
            yield self._faithful(sentence, sentence.text, whole)
            return
        for item in cited:
            if item.kind is EvidenceKind.REGION and len(cited) > 1:
                continue  # named by the others, or by Technique
            plain = phrasing.told(self._source.cited(item.id), several=self._several)
            own = phrasing.told(item, several=self._several, code=self._code)
            yield self._faithful(sentence.model_copy(update={"evidence": (item.id,)}), plain, own)

    def _joined(self, sentence: Sentence, cited: list[Evidence]) -> str | None:
        """The words of a rule that speaks of several pieces of evidence at once."""
        if sentence.text == phrasing.scope():
            return phrasing.scope(self._code)
        if cited and all(phrasing.is_grey_unchanged(item) for item in cited):
            plain = [self._source.cited(item.id) for item in cited]
            if sentence.text == phrasing.greys_unchanged(plain, several=self._several):
                return phrasing.greys_unchanged(cited, several=self._several, code=self._code)
        if not cited or any(item.kind is not EvidenceKind.REGION for item in cited):
            return None
        return phrasing.outlines(cited, several=self._several, code=self._code)

    def _faithful(self, sentence: Sentence, english: str, told: str) -> Sentence:
        kept = same_claims(english, told, self._words)
        return sentence.model_copy(update={"text": told if kept else english})


def same_claims(english: str, told: str, words: Language) -> bool:
    """Whether two sentences have the same films, numbers, sides, denials, doubts and certainty.

    Sides are compared as a set: English may name one twice. A language may deny with one word
    where English needs two, but not where it needs none.
    """
    source = _claims(english, language(ENGLISH))
    return source == _claims(told, words)


def _claims(text: str, words: Language) -> Mapping[str, object]:
    plain = _HANDLE.sub(" ", text).lower()
    levels = set()
    for level, phrase in sorted(words.certainty.items(), key=lambda one: -len(one[1])):
        plain, count = re.subn(rf"(?<!\w){re.escape(phrase.lower())}(?!\w)", " ", plain)
        levels |= {level} if count else set()  # "less likely than not" denies nothing
    numbers = Counter(float(n.replace(",", ".")) for n in _NUMBER.findall(plain))
    found = {
        kind: {word for word in re.findall(r"[\w-]+", plain) if word in cues}
        for kind, cues in words.cue.items()
    }
    return {
        "films": frozenset(_HANDLE.findall(text)),
        "numbers": numbers,
        "certainty": levels,
        **{kind: bool(hits) for kind, hits in found.items()},
    }
