"""One bad input: how it is made, how it is given to the program, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from cxr_agent.errors import InputCode, UnsuitableCode, UnsuitableFilm

Argument = str | Path
Made = Callable[[Path], Sequence[Argument]]
"""Writes what it needs into an empty folder, and returns the arguments after ``cxr-agent``."""

TAKEN: Final = ""
"""In place of a code: nothing is wrong."""
_NOT_READ: Final = 3


class Stage(StrEnum):
    """Where the program meets the input."""

    DECODING = "decoding"
    SUITABILITY = "suitability"
    PRIOR = "prior"
    CONFIGURATION = "configuration"
    PLUG_IN = "plug-in"
    TRACE = "trace"
    STORE = "store"
    BATCH = "batch"
    VOLUME = "volume"
    TEXT = "text"
    OBJECT = "object"
    MODEL = "model"
    EVALUATION = "evaluation"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the table."""

    name: str
    stage: Stage
    made: Made
    code: str
    """The documented code; ``TAKEN`` where the input is right."""
    status: int
    also: tuple[str, ...] = ()
    """Codes that say the same of it."""

    @property
    def codes(self) -> frozenset[str]:
        return frozenset((self.code, *self.also))


@dataclass(frozen=True, slots=True)
class FilmCase:
    """A film that is refused; ``content`` is called when it is written."""

    name: str
    content: Callable[[], bytes]
    code: str
    also: tuple[str, ...] = ()
    ending: str = ".dcm"

    @property
    def status(self) -> int:
        codes = set(map(str, InputCode))
        return _NOT_READ if self.code in codes else UnsuitableFilm.exit_status

    @property
    def stage(self) -> Stage:
        suitable = self.code in set(map(str, UnsuitableCode))
        return Stage.SUITABILITY if suitable else Stage.DECODING

    def case(self) -> Case:
        """The film, read alone."""

        def made(folder: Path) -> Sequence[Argument]:
            return ["read", self.write(folder)]

        return Case(self.name, self.stage, made, self.code, self.status, self.also)

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.name.replace(' ', '_')}{self.ending}"
        path.write_bytes(self.content())
        return path
