"""A report before the gates: sentences by section."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from cxr_agent.report.model import Sentence


class Section(StrEnum):
    """The sections that hold sentences, in the order of a report."""

    ANSWER = "answer"
    """To the clinical question."""
    TECHNIQUE = "technique"
    COMPARISON = "comparison"
    FINDINGS = "findings"
    IMPRESSION = "impression"
    CONTEXT = "context"
    """What is known of similar films: nothing rests on it."""
    LIMITATIONS = "limitations"


@dataclass(frozen=True, slots=True)
class Draft:
    """Sentences by section."""

    answer: tuple[Sentence, ...] = ()
    technique: tuple[Sentence, ...] = ()
    comparison: tuple[Sentence, ...] = ()
    findings: tuple[Sentence, ...] = ()
    impression: tuple[Sentence, ...] = ()
    context: tuple[Sentence, ...] = ()
    limitations: tuple[Sentence, ...] = ()

    @classmethod
    def made_of(cls, said: Iterable[tuple[Section, Sentence]]) -> Draft:
        """Each sentence in its section, in their order."""
        held: dict[str, list[Sentence]] = {}
        for section, sentence in said:
            held.setdefault(section.value, []).append(sentence)
        return cls(**{section: tuple(sentences) for section, sentences in held.items()})

    def of(self, section: Section) -> tuple[Sentence, ...]:
        sentences: tuple[Sentence, ...] = getattr(self, section.value)
        return sentences

    def __iter__(self) -> Iterator[tuple[Section, Sentence]]:
        for section in Section:
            for sentence in self.of(section):
                yield section, sentence

    def with_section(self, section: Section, sentences: tuple[Sentence, ...]) -> Draft:
        """A copy with one section replaced."""
        return replace(self, **{section.value: sentences})

    def adding(self, section: Section, sentence: Sentence, *, first: bool = False) -> Draft:
        """A copy with one more sentence."""
        kept = self.of(section)
        return self.with_section(section, (sentence, *kept) if first else (*kept, sentence))

    def mapped(self, change: Callable[[Section, Sentence], Sentence | None]) -> Draft:
        """A copy with every sentence changed; None leaves one out."""
        changed = ((section, change(section, sentence)) for section, sentence in self)
        return Draft.made_of((section, kept) for section, kept in changed if kept is not None)
