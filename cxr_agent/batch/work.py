"""What passes between who keeps the ledger and who reads: tasks, results, losses.

Everything here can be sent to another process or machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeAlias


class Outcome(StrEnum):
    """What became of a study."""

    READ = "read"
    REFUSED = "refused"
    """A file is unreadable, or no film for this program: reading it again changes nothing."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Task:
    """One study to be read."""

    number: int
    run: str
    """Name of the run, which is new with every attempt."""
    films: tuple[str, ...]
    priors: tuple[str, ...] = ()
    indication: str = ""
    alone: bool = False
    """Whether nothing else may be read beside it: an earlier attempt took its worker along."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file as it was read. Of a place that is no file, size and time are -1."""

    place: str
    size: int
    modified_ns: int
    sha256: str
    """Empty where it could not be read."""


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a worker made of one study."""

    outcome: Outcome
    code: str = ""
    """Why it was refused or failed; ``partial_reading`` of a report that lacks something."""
    message: str = ""
    seconds: float = 0.0
    inputs: str = ""
    """Digest of all that was read: see :func:`cxr_agent.batch.inputs.digest_of`."""
    files: tuple[FileFacts, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()
    """One per evidence: see :mod:`cxr_agent.batch.rows`."""
    suffixes: tuple[str, ...] = ()
    """Of the report files that lie among the unaccepted, under the run's name."""
    device: str = ""
    notes: tuple[str, ...] = ()
    """Codes of what was passed over: a prior that is of another patient, say."""
    stops: bool = False
    """Whether no other study would fare better: the disk is full, say."""
    again: bool = False
    """Whether another attempt may end otherwise."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A study came back."""

    task: Task
    result: StudyResult


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker was lost while it read this study."""

    task: Task
    code: str
    message: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Returned:
    """A study that nobody began, or that was in the way of another's fault."""

    task: Task


Update: TypeAlias = Finished | Lost | Returned
Take: TypeAlias = Callable[[], Task | None]
"""Gives the next task; None while there is none. After a :class:`Lost` there may be one again."""


Ending: TypeAlias = Callable[[], StudyResult]
"""Puts on the disk what a study gave, then tells of it; called once."""


def ended(read: StudyResult | Ending) -> StudyResult:
    """What came of a study in the end."""
    return read if isinstance(read, StudyResult) else read()


class Loader(AbstractContextManager[Any], Protocol):
    """Decodes studies within a worker."""

    def load(self, task: Task) -> Any:
        """Decode the films, while another study is read; a :class:`StudyResult` if that fails."""


class Reader(Loader, Protocol):
    """Reads studies within a worker; its models stay loaded."""

    def read(self, task: Task, loaded: Any) -> StudyResult | Ending:
        """Read what :meth:`load` gave. Safe to use from several threads.

        What waits for the disk rather than for the processor may be left to the end, which
        another thread comes to while this one reads the next study.
        """


ReaderSource: TypeAlias = Callable[[], Reader]
"""Makes the reader in its worker; it is pickled on the way there."""


class StagedSource(Protocol):
    """A :data:`ReaderSource` whose two halves may run on different machines."""

    @property
    def folder(self) -> Path:
        """Of the batch, which every machine must see."""

    @property
    def device(self) -> str:
        """What the user wants the models to run on: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``."""

    def __call__(self) -> Reader:
        """Make the reader; what it reads may have been decoded by :meth:`loader`'s."""

    def loader(self) -> Loader:
        """Make what decodes and does nothing else: no model, no GPU."""


class Runner(Protocol):
    """Who has the studies read: processes of this machine, or many machines."""

    def run(self, take: Take) -> Iterator[Update]:
        """Have tasks read until there are none left; each comes back exactly once.

        Raises
        ------
        CxrAgentError
            What a reader raises when it is made; ``workers_do_not_start``.
        """

    def record(self) -> dict[str, Any]:
        """What it is, for the manifest."""
