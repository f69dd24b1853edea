"""The folder of a run: what it is of, and every outcome, on the disk before the next is begun."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from cxr_agent.errors import ConfigError, UsageError
from cxr_agent.evaluation.runs.model import Outcome
from cxr_agent.evaluation.runs.task import Case
from cxr_agent.given_files import MIB, parsed_json, read_given
from cxr_agent.ledgers import Complaints
from cxr_agent.trace.durable import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    TEMPORARY,
    sync_folder,
    write_all,
    write_file,
)

RUN: Final = "run.json"
CASES: Final = "cases.jsonl"
OUTCOMES: Final = "outcomes.jsonl"
TRACES: Final = "traces"
_LOCK: Final = "lock"
_SCHEMA: Final = 1
_MOST_HEAD_BYTES: Final = 16 * MIB
_COMPLAINTS: Final = Complaints(
    noun="evaluation",
    in_use="another process evaluates into this folder",
    in_use_hint="Wait for it, or choose another --out.",
    damaged_hint="Choose another --out; the traces in this one can be read.",
)


def run_key(task: str, settings: Mapping[str, Any], cases: Sequence[Case]) -> str:
    """Hash of all that outcomes depend on."""
    what = [task, dict(settings), [[one.name, one.group, one.content] for one in cases]]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


@dataclass(slots=True, eq=False)
class RunFolder:
    """Opened by :func:`opened`; one process at a time."""

    path: Path
    key: str
    outcomes: list[Outcome] = field(default_factory=list)
    _file: int = -1

    @property
    def traces(self) -> Path:
        return self.path / TRACES

    def done(self) -> frozenset[tuple[str, str]]:
        """(system, case) of each outcome."""
        return frozenset((one.system, one.case) for one in self.outcomes)

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome; once this returned no kill loses it."""
        with _COMPLAINTS.told():
            write_all(self._file, outcome.model_dump_json().encode() + b"\n")
            os.fsync(self._file)
        self.outcomes.append(outcome)

    def retry(self, wanted: frozenset[tuple[str, str]]) -> None:
        """Forget outcomes, so that those cases are answered again."""
        kept = [one for one in self.outcomes if (one.system, one.case) not in wanted]
        data = b"".join(one.model_dump_json().encode() + b"\n" for one in kept)
        with _COMPLAINTS.told():
            write_file(self.path / OUTCOMES, data)
            sync_folder(self.path)
            before, self._file = self._file, _appending(self.path / OUTCOMES)
            os.close(before)
        self.outcomes = kept


@contextmanager
def opened(
    path: Path, task: str, settings: Mapping[str, Any], cases: Sequence[Case]
) -> Iterator[RunFolder]:
    """The folder of a run, made or gone on with.

    Raises
    ------
    UsageError
        ``evaluation_differs``: the folder is of another task, data or settings;
        ``not_an_evaluation``: it holds something else.
    OutputError
        ``evaluation_in_use``, ``evaluation_not_writable``, ``disk_full``.
    ConfigError
        ``bad_evaluation``: damaged in its middle.
    """
    key = run_key(task, settings, cases)
    with _COMPLAINTS.told():
        _prepare(path)
        lock = _COMPLAINTS.locked(path / _LOCK)
    try:
        with _COMPLAINTS.told():
            if (path / RUN).exists():
                _check(path, task, settings, key)
            else:
                _begin(path, task, settings, key, cases)
            (path / TRACES).mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            folder = RunFolder(path, key, list(_read(path / OUTCOMES)))
            folder._file = _appending(path / OUTCOMES)
        try:
            yield folder
        finally:
            os.close(folder._file)
    finally:
        os.close(lock)


def _prepare(path: Path) -> None:
    path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    # What an earlier call left that was ended before the run had begun is no other thing.
    strange = {one.name for one in path.iterdir() if not one.name.startswith(TEMPORARY)}
    if RUN not in strange and strange - {_LOCK, CASES}:
        raise UsageError(
            "not_an_evaluation",
            "the folder holds something else than an evaluation",
            hint="Choose an empty or new folder with --out.",
        )


def _begin(
    path: Path, task: str, settings: Mapping[str, Any], key: str, cases: Sequence[Case]
) -> None:
    lines = (
        {"case": f"c{place:04d}", "name": one.name, "group": one.group}
        for place, one in enumerate(cases, 1)
    )
    write_file(path / CASES, "".join(json.dumps(line) + "\n" for line in lines).encode())
    head = {"schema_version": _SCHEMA, "task": task, "run_key": key, "settings": dict(settings)}
    write_file(path / RUN, json.dumps(head, indent=2, sort_keys=True).encode())
    sync_folder(path)


def _check(path: Path, task: str, settings: Mapping[str, Any], key: str) -> None:
    try:
        head = parsed_json(read_given(path / RUN, _MOST_HEAD_BYTES))
        known, was = head["run_key"], dict(head["settings"])
    except (ValueError, KeyError, TypeError):
        raise _damaged("its run.json cannot be read") from None
    if known == key:
        return
    now = dict(settings)
    changed = sorted(name for name in {*was, *now} if was.get(name) != now.get(name))
    what = "task" if head.get("task") != task else ", ".join(changed)[:120] or "data"
    raise UsageError(
        "evaluation_differs",
        f"the folder is of an evaluation with other {what}",
        hint="Run it as before to go on, or choose another --out.",
    )


def _read(path: Path) -> Iterator[Outcome]:
    """The outcomes; what a kill cut off at the end is no outcome, and is taken away."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    whole, _, torn = data.rpartition(b"\n")
    if torn:
        os.truncate(path, len(data) - len(torn))
    for line in whole.splitlines():
        try:
            yield Outcome.model_validate_json(line)
        except ValidationError:
            raise _damaged("a line of outcomes.jsonl cannot be read") from None


def _appending(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, PRIVATE_FILE)


def _damaged(what: str) -> ConfigError:
    return ConfigError(
        "bad_evaluation", f"the evaluation is damaged: {what}", hint=_COMPLAINTS.damaged_hint
    )
