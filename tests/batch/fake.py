"""A reader without models: a study is a text file, its report the text. Cheap to start and kill."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cxr_agent.batch.batch import Batch, Limits
from cxr_agent.batch.inline import Inline
from cxr_agent.batch.inputs import digest_of, facts_of
from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.layout import UNACCEPTED, traces_of
from cxr_agent.batch.ledger import Ledger
from cxr_agent.batch.pool import LocalPool
from cxr_agent.batch.work import Ending, Outcome, StudyResult, Task
from cxr_agent.errors import ModelError

NEXT = "next-was-read"


@dataclass(frozen=True)
class FakeSource:
    """Makes a :class:`FakeReader` in its worker."""

    folder: Path
    seconds: float = 0.0
    broken: bool = False

    def __call__(self) -> FakeReader:
        if self.broken:
            raise ModelError("weights_missing", "there are no weights", hint="Pull them.")
        return FakeReader(self)


class FakeReader(AbstractContextManager["FakeReader"]):
    """Reads text. A text that begins with an exclamation mark says what comes of it."""

    def __init__(self, source: FakeSource) -> None:
        self._source = source

    def load(self, task: Task) -> Any:
        return Path(task.films[0]).read_text(), tuple(map(facts_of, task.films))

    def read(self, task: Task, loaded: Any) -> StudyResult | Ending:
        text, files = loaded
        time.sleep(self._source.seconds)
        inputs = digest_of([one.sha256 for one in files], [], task.indication)
        told = {"inputs": inputs, "files": files}
        if text.startswith("!full"):
            return StudyResult(Outcome.FAILED, "disk_full", "no space", stops=True)
        if text.startswith("!refused"):
            return StudyResult(Outcome.REFUSED, "not_an_image", "no film", **told)
        if text.startswith("!ends when the next is read"):
            return partial(self._ended, task, told)
        if text.startswith("!next"):
            (self._source.folder / NEXT).touch()
        if text.startswith("!again"):
            return StudyResult(Outcome.FAILED, "internal_error", "KeyError", again=True, **told)
        if text.startswith("!failed"):
            return StudyResult(Outcome.FAILED, "weights_missing", "no weights", **told)
        trace = traces_of(self._source.folder, task.number) / task.run
        trace.mkdir(parents=True)
        (trace / "trace.jsonl").write_text(text)
        report = self._source.folder / UNACCEPTED / f"{task.run}.json"
        report.parent.mkdir(exist_ok=True)
        report.write_text(text)
        row = {"kind": "measurement", "evidence": "e1", "code": "length", "value": float(len(text))}
        return StudyResult(Outcome.READ, rows=(row,), suffixes=(".json",), **told)

    def _ended(self, task: Task, told: dict[str, Any]) -> StudyResult:
        """As a reading whose disk is slow: over as soon as another study is read."""
        latest = time.monotonic() + 20
        while not (self._source.folder / NEXT).exists():
            if time.monotonic() > latest:
                return StudyResult(Outcome.FAILED, "internal_error", "nothing was read", **told)
            time.sleep(0.01)
        return StudyResult(Outcome.REFUSED, "not_an_image", "no film", **told)

    def __exit__(self, *_: object) -> None:
        return None


def write_texts(folder: Path, count: int) -> list[BatchStudy]:
    """Studies of one file each."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"{number:04d}").write_text(f"study {number}")
    return studies_in(folder)


def studies_in(folder: Path) -> list[BatchStudy]:
    return [BatchStudy(path.name, (str(path),)) for path in sorted(folder.iterdir())]


def fake_batch(
    out: Path,
    studies: list[BatchStudy],
    *,
    setup: str = "one",
    seconds: float = 0.0,
    workers: int = 0,
    limits: Limits | None = None,
    retry_failed: bool = False,
    broken: bool = False,
) -> Batch:
    """A batch over those studies, as :func:`cxr_agent.reading.batches.begin_batch` makes one."""
    ledger = Ledger(out, create=True)
    listing = ledger.begin_listing()
    ledger.list_studies(listing, studies)
    ledger.end_listing(listing)
    ledger.freshen(setup)
    if retry_failed:
        ledger.retry_failed()
    source = FakeSource(out, seconds, broken)
    runner = LocalPool(source, workers) if workers else Inline(source)
    return Batch(ledger, runner, setup, limits)
