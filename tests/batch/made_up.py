"""Readers for tests on Ray that do as the name of the film says; importable in workers."""

from __future__ import annotations

import os
import signal
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from cxr_agent.batch.work import Outcome, StudyResult, Task
from cxr_agent.errors import ModelError

PIXELS = 512 * 512
"""Enough for a decoded film to lie in the object store, and not in the answer."""


@dataclass(frozen=True)
class MadeUp:
    """Makes a reader that needs no film and no model."""

    folder: Path
    journal: Path
    """Each reading leaves a line: film, process, begin and end in seconds, machines that decoded
    and read it."""
    takes_s: float = 0.05
    fails: bool = False
    device: str = "cpu"

    def __call__(self) -> MadeUpReader:
        if self.fails:
            raise ModelError("no_weights", "made up", hint="none")
        return MadeUpReader(self)

    def loader(self) -> MadeUpReader:
        return MadeUpReader(self)


@dataclass(frozen=True)
class Elsewhere(MadeUp):
    """One whose folder is another one on the machine of the worker."""

    def __reduce__(self) -> Any:
        return MadeUp, (self.folder / "other", self.journal)


class MadeUpReader(AbstractContextManager["MadeUpReader"]):
    def __init__(self, source: MadeUp) -> None:
        self._source = source

    def load(self, task: Task) -> Any:
        (film,) = task.films
        if film.startswith("no film"):
            return StudyResult(Outcome.REFUSED, "not_an_image")
        return _machine(), np.full(PIXELS, task.number, dtype=np.float32)

    def read(self, task: Task, loaded: Any) -> StudyResult:
        began = time.monotonic()
        (film,) = task.films
        decoded_on, pixels = loaded
        if film.startswith("kills") or (film.startswith("once") and not self._known(film)):
            self._note(film, began, decoded_on)
            os.kill(os.getpid(), signal.SIGKILL)
        if film.startswith("raises"):
            raise RuntimeError
        time.sleep(60.0 if film.startswith("hangs") else self._source.takes_s)
        assert (pixels == task.number).all()
        self._note(film, began, decoded_on)
        return StudyResult(Outcome.READ, seconds=self._source.takes_s)

    def _note(self, film: str, began: float, decoded_on: str) -> None:
        ended = time.monotonic()
        with self._source.journal.open("a") as file:
            file.write(f"{film},{os.getpid()},{began},{ended},{decoded_on},{_machine()}\n")

    def _known(self, film: str) -> bool:
        journal = self._source.journal
        return journal.exists() and f"{film}," in journal.read_text()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


def _machine() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())
