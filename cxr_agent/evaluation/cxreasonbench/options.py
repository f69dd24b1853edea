"""Multiple-choice questions as text: their options, and answers in the form that is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_OPTION = re.compile(
    r"\(([a-z])\)\s*(.*?)(?=\s*,?\s*\([a-z]\)\s|\s*\n|$)", re.IGNORECASE | re.DOTALL
)
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_UNKNOWN = ("i don't know", "i do not know", "don't know")
_NONE = ("none of the above",)


@dataclass(frozen=True, slots=True)
class Option:
    """One choice."""

    letter: str
    text: str

    def __str__(self) -> str:
        return f"({self.letter}) {self.text}"

    @property
    def numbers(self) -> tuple[float, ...]:
        """Numbers in it; a hyphen between two of them is a dash."""
        spaced = re.sub(r"(?<=\d)\s*[-–]\s*(?=\d)", " ", self.text)
        return tuple(float(found) for found in _NUMBER.findall(spaced))

    def says(self, words: Iterable[str]) -> bool:
        """Whether one of the words stands in it as a word."""
        text = self.text.lower()
        return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in words)


def options_of(question: str) -> tuple[Option, ...]:
    """The options at the end of a question."""
    return tuple(
        Option(letter.lower(), " ".join(text.split()).rstrip(",;. "))
        for letter, text in _OPTION.findall(question)
    )


def numbers_in(text: str) -> tuple[float, ...]:
    """Numbers of the question itself, without its options."""
    stem = text.split("(a)")[0].split("(A)")[0]
    return Option("", stem).numbers


def unknown(options: Sequence[Option]) -> Option | None:
    """The option that says that one does not know."""
    return next((one for one in options if one.says(_UNKNOWN)), None)


def none_of_these(options: Sequence[Option]) -> Option | None:
    """The option that rejects the others."""
    return next((one for one in options if one.says(_NONE)), None)


def final_answer(chosen: Sequence[Option], *, value: str = "", why: str = "") -> str:
    """An answer in the form that the benchmark asks for."""
    said = ", ".join(str(one) for one in chosen) or "I don't know"
    parts = [f"FINAL ANSWER: {said}"]
    if value:
        parts.append(f"VALUE: {value}")
    if why:
        parts.append(why)
    return "\n".join(parts)


def same_choice(response: str, answer: str, *, any_of: bool = False) -> bool:
    """Whether a response chooses what the answer does.

    Parameters
    ----------
    any_of
        One of several right options suffices, as for final answers within the tolerance.
    """
    chosen = {one.letter for one in options_of(response.split("\n")[0].partition(":")[2])}
    right = {one.letter for one in options_of(answer)}
    if not chosen or not right:
        return False
    return len(chosen) == 1 and chosen <= right if any_of else chosen == right
