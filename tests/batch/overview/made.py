"""Batches whose results are made up: known distributions, thousands of studies in a second."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxr_agent.batch.layout import LEDGER, report_file, traces_of
from cxr_agent.batch.ledger import Ledger

CTR = "cardiothoracic_ratio"


@dataclass
class Made:
    """One study and what came of it."""

    name: str
    rows: Sequence[dict[str, Any]] = ()
    state: str = "read"
    code: str = ""
    seconds: float = 1.0
    device: str = "cpu"
    run: str = ""
    films: tuple[str, ...] = field(default=())


def measured(value: float, code: str = CTR, **more: Any) -> dict[str, Any]:
    return {
        "kind": "measurement",
        "film": "img-1",
        "code": code,
        "value": value,
        "unit": "1",
    } | more


def judged(polarity: str, probability: float | None = None, **more: Any) -> dict[str, Any]:
    row = {
        "kind": "finding",
        "film": "img-1",
        "code": "pleural_effusion",
        "polarity": polarity,
        "tool": "classify_findings",
    }
    if probability is not None:
        row |= {"probability": probability, "threshold": 0.5}
    return row | more


def limited(reasons: str, code: str = CTR) -> dict[str, Any]:
    return {"kind": "limitation", "film": "img-1", "code": code, "reasons": reasons}


def fill(folder: Path, studies: Iterable[Made], sessions: Sequence[dict[str, Any]] = ()) -> Path:
    """A ledger that a batch of these studies would have left; settled one second apart.

    The rows are written at once: a transaction for each, as in a batch, takes milliseconds.
    """
    with Ledger(folder, create=True) as ledger:
        ledger.end_listing(ledger.begin_listing())
        ledger.keep_about("sessions", list(sessions))
    db = sqlite3.connect(folder / LEDGER, isolation_level=None)
    db.execute("PRAGMA synchronous=OFF")
    db.execute("BEGIN")
    db.executemany(
        "INSERT INTO study (number, name, films, priors, indication, listing, state, run, code,"
        " seconds, ended, device, rows) VALUES (?, ?, ?, '[]', '', 1, ?, ?, ?, ?, ?, ?, ?)",
        (_row(number, study) for number, study in enumerate(studies, start=1)),
    )
    db.execute("COMMIT")
    db.close()
    return folder


def _row(number: int, study: Made) -> tuple[Any, ...]:
    minutes, second = divmod(number, 60)
    days, minute = divmod(minutes, 24 * 60)
    ended = f"2026-01-{1 + days % 28:02d}T{minute // 60:02d}:{minute % 60:02d}:{second:02d}.000Z"
    rows = zlib.compress(json.dumps(list(study.rows)).encode(), 1)
    films = json.dumps(study.films or (f"/films/{study.name}",))
    facts = (study.state, study.run, study.code, study.seconds, ended, study.device, rows)
    return (number, study.name, films, *facts)


def files_of(folder: Path, number: int, run: str, *, view: str = "PA") -> None:
    """The report and the trace of a study, as far as an overview looks at them."""
    report = report_file(folder, number, ".json")
    report.parent.mkdir(parents=True, exist_ok=True)
    film = {"view": view, "spacing_kind": "detector", "rows": 512, "columns": 512}
    report.write_text(json.dumps({"films": [film]}))
    report.with_suffix(".html").write_text("<!DOCTYPE html><title>report</title>")
    (traces_of(folder, number) / run).mkdir(parents=True)
