"""Every command of the program: what it writes below a folder, or that it writes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_agent.evaluation.runs.folder import OUTCOMES
from cxr_agent.reading.places import STATE_VARIABLE
from cxr_agent.trace import read_trace

Words = tuple[str | Path, ...]

EVALUATING: Final = ("rouge_score.rouge_scorer", "cxr_agent.evaluation.tasks.texts")
"""What an evaluation of texts imports, which takes longer than all else."""


@dataclass(frozen=True)
class Given:
    """What commands are given."""

    film: Path
    inbox: Path
    """A folder of this film alone."""
    pictures: Path
    report: Path
    pairs: Path
    """Reports and their references."""
    cases: Path
    """A data set of one film."""
    ct: Path
    weights: Path
    """Files that a model of the catalogue is installed from."""
    encoder: Path
    traces: Path
    run: str
    cut: Path
    """A folder of traces with a run that a kill cut off."""

    def of_run(self, *command: str) -> Words:
        return (*command, self.run, "--traces", self.traces)


@dataclass(frozen=True)
class Writing:
    """A command that writes below a folder, and which sizes of a disk were too small for it.

    What it writes may change a little: in full three quarters of that many have to be.
    """

    arguments: Callable[[Given, Path], Words]
    pages: int
    """0 where what it writes fits into one page, or where it only deletes."""
    files: int
    before: Callable[[Given, Path], Words] | None = None
    """Run first, with room; the disk is as full afterwards as it can be."""
    copied: Callable[[Given], Path] | None = None
    """A folder that is there first, as ``out``."""
    acknowledged: Callable[[Path], set[str]] | None = None
    """What it said is done, below the folder; the same command goes on from there."""
    env: Callable[[Path], Mapping[str, str]] = lambda _: {}
    typed: Callable[[Path], str] = lambda _: ""
    heavy: tuple[str, ...] = ()
    """Large libraries that it imports."""
    full_run_only: bool = False
    """Not in CI: what it writes is written as another command does."""


def outcomes(out: Path) -> set[str]:
    """Whole lines of an evaluation."""
    path = out / OUTCOMES
    return set(path.read_text().split("\n")[:-1]) if path.exists() else set()


def rows(path: Path, table: str, columns: str, where: str = "TRUE") -> set[str]:
    """What a ledger in SQLite holds; nothing where it has no such table yet."""
    if not path.is_file():
        return set()
    with closing(sqlite3.connect(path)) as base:
        if not list(base.execute(f"PRAGMA table_info({table})")):
            return set()
        found = base.execute(f"SELECT {columns} FROM {table} WHERE {where}")
        return {repr(row) for row in found}


def watched(out: Path) -> set[str]:
    """Studies that a watch has read; the report of each is there."""
    found = rows(out / "watch.sqlite", "study", "run", "state IN ('read', 'stored')")
    assert len(list(out.glob("reports/*"))) >= len(found)
    return found


def settled(out: Path) -> set[str]:
    """Studies that a batch has settled; the report of each is there."""
    found = rows(out / "batch.sqlite", "study", "number, run", "state = 'read'")
    assert len(list(out.glob("reports/*/*.json"))) >= len(found)
    return found


def stored(out: Path) -> set[str]:
    """Films of a store with their vectors."""
    return rows(out / "store" / "store.sqlite", "item", "sha256, vector_sha256")


def encoded(out: Path) -> set[str]:
    """Films of a store with their vectors, and what was encoded of them."""
    return stored(out) | rows(out / "store" / "store.sqlite", "encoded", "*")


def keys(out: Path) -> set[str]:
    """The key by which identifiers were replaced: another one would give other names."""
    path = out / "state" / "deidentify.key"
    return {path.read_bytes().hex()} if path.exists() else set()


def lines(out: Path) -> set[str]:
    """Lines of the runs of a folder."""
    return {
        f"{run.name} {digest}"
        for run in out.glob("*/trace.jsonl")
        for digest in read_trace(run.parent).digests
    }


def lines_of_traces(out: Path) -> set[str]:
    """The same, of runs beside other things."""
    return lines(out / "traces")


def _build(given: Given, out: Path) -> Words:
    return ("kb", "build", given.pictures, "--store", out / "store")


def _batch(given: Given, out: Path) -> Words:
    return ("batch", "run", given.inbox, "--out", out, "--workers", "0")


COMMANDS: Final = {
    "read": Writing(
        lambda given, out: (
            *("read", given.film, "--traces", out / "traces"),
            *("--html", out / "report.html", "--scene-graph", out / "graph.json"),
        ),
        pages=161,
        files=18,
    ),
    "ask": Writing(
        lambda given, out: (
            *("ask", given.film, "Is the heart enlarged?", "--traces", out / "traces"),
        ),
        pages=77,
        files=16,
        full_run_only=True,
    ),
    "chat": Writing(
        lambda given, out: ("chat", given.film, "--traces", out / "traces"),
        pages=156,
        files=20,
        env=lambda out: {STATE_VARIABLE: str(out / "state")},
        typed=lambda out: f"Is the heart enlarged?\n/save {out / 'page.html'}\n/quit\n",
        acknowledged=lines_of_traces,
        full_run_only=True,
    ),
    "demo": Writing(
        lambda given, out: (
            *("demo", given.film, "--traces", out / "traces", "--html", out / "demo.html"),
        ),
        pages=156,
        files=18,
        full_run_only=True,
    ),
    "resume": Writing(
        lambda given, out: ("resume", given.run, given.film, "--traces", out),
        pages=15,
        files=0,
        copied=lambda given: given.cut,
        acknowledged=lines,
    ),
    "segment": Writing(lambda given, out: ("segment", given.film, "--out", out), pages=4, files=6),
    "measure": Writing(
        lambda given, out: (
            *("measure", given.film, "--csv", out / "table.csv"),
            *("--overlay", out / "drawn.png"),
        ),
        pages=140,
        files=2,
    ),
    "export": Writing(
        lambda given, out: (
            *given.of_run("export"),
            *("--source", given.film, "--sr", out / "sr.dcm", "--seg", out / "seg.dcm"),
            *("--pr", out / "pr.dcm", "--sc", out / "sc.dcm", "--fhir", out / "fhir.json"),
        ),
        pages=306,
        files=5,
    ),
    "structure": Writing(
        lambda given, out: ("structure", given.report, "--lunguage", out / "table.csv"),
        pages=0,
        files=2,
    ),
    "drr": Writing(
        lambda given, out: ("drr", given.ct, "--size", "64", "--out", out / "drr"),
        pages=7,
        files=8,
    ),
    "watch": Writing(
        lambda given, out: ("watch", given.inbox, "--out", out, "--once", "--settled", "0"),
        pages=202,
        files=28,
        acknowledged=watched,
    ),
    "eval over texts": Writing(
        lambda given, out: (
            *("eval", "texts", "--data", given.pairs, "--out", out, "--resamples", "10"),
        ),
        pages=27,
        files=8,
        acknowledged=outcomes,
        heavy=EVALUATING,
        full_run_only=True,
    ),
    "eval over films": Writing(
        lambda given, out: (
            *("eval", "ctr", "--data", given.cases, "--out", out, "--resamples", "10"),
        ),
        pages=91,
        files=23,
        acknowledged=outcomes,
    ),
    "preferences": Writing(
        lambda given, out: (
            *("preferences", "--traces", given.traces, "--out", out / "pairs.jsonl"),
        ),
        pages=0,
        files=2,
    ),
    "batch run": Writing(_batch, pages=163, files=58, acknowledged=settled),
    "batch report": Writing(
        lambda given, out: ("batch", "report", out, "--out", out / "made" / "page.html"),
        pages=18,
        files=4,
        before=_batch,
        full_run_only=True,
    ),
    "trace export as a table": Writing(
        lambda given, out: (
            *given.of_run("trace", "export"),
            *("--to", "evidence", "--out", out / "evidence.csv"),
        ),
        pages=1,
        files=1,
    ),
    "trace export as an archive": Writing(
        lambda given, out: (
            *given.of_run("trace", "export"),
            "--to",
            "zip",
            "--out",
            out / "r.zip",
        ),
        pages=39,
        files=1,
        full_run_only=True,
    ),
    "trace view": Writing(
        lambda given, out: (*given.of_run("trace", "view"), "--out", out / "view.html"),
        pages=90,
        files=1,
    ),
    "trace diff": Writing(
        lambda given, out: (
            *("trace", "diff", given.run, given.run, "--traces", given.traces),
            *("--html", out / "diff.html"),
        ),
        pages=2,
        files=2,
    ),
    "trace gc": Writing(
        lambda given, out: ("trace", "gc", "--keep", "0", "--yes", "--traces", out),
        pages=0,
        files=0,
        copied=lambda given: given.traces,
    ),
    "deidentify": Writing(
        lambda given, out: ("deidentify", given.film, "--out", out / "copies"),
        pages=129,
        files=5,
        env=lambda out: {STATE_VARIABLE: str(out / "state")},
        acknowledged=keys,
    ),
    "kb build": Writing(_build, pages=42, files=4, acknowledged=stored),
    "kb add": Writing(
        lambda given, out: ("kb", "add", given.inbox, "--store", out / "store"),
        pages=20,
        files=2,
        before=_build,
        acknowledged=stored,
    ),
    "kb encode": Writing(
        lambda given, out: (
            *("kb", "encode", "--store", out / "store", "--encoder", given.encoder),
        ),
        pages=11,
        files=2,
        before=_build,
        acknowledged=encoded,
        heavy=("torch", "transformers"),
        full_run_only=True,
    ),
    "kb rebuild": Writing(
        lambda given, out: ("kb", "rebuild", "--store", out / "store"),
        pages=91,
        files=12,
        before=_build,
        acknowledged=stored,
    ),
    "tools new": Writing(
        lambda given, out: ("tools", "new", "heart_share", "--tools", out / "tools"),
        pages=3,
        files=1,
    ),
    "models pull": Writing(
        lambda given, out: ("models", "pull", "ct-bert-jpn", "--yes", "--from", given.weights),
        pages=9,
        files=1,
        env=lambda out: {"CXR_AGENT_MODELS": str(out / "models")},
        acknowledged=lambda out: set(),
    ),
}


WRITES_NOTHING: Final = frozenset(
    {
        *("ground", "check-report", "dictate", "register", "schema", "doctor", "send"),
        *("trace list", "trace show", "trace replay", "trace verify", "trace schema"),
        *("trace serve", "kb search", "kb quality", "kb label", "kb stats", "kb verify"),
        *("tools list", "tools show", "tools run", "tools check"),
        *("models list", "models show", "models verify"),
    }
)
"""On standard output alone, or below the system's folder of temporary files."""
ELSEWHERE: Final = {
    "receive": "tests/enduring/test_receiving_disks.py",
    "serve": "tests/reading_room/test_room_guard.py: what is sent; its traces are those of read",
    "serve mcp": "traces alone, which are those of read",
    "synthesise": "tests/synthesis/test_generated.py: a pulled model; its two files are written "
    "as those of drr",
}
"""Where a command that writes is tested instead."""
