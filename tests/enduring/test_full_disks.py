"""A disk that is full at every write, or read-only, for each command that writes.

The disk is a real one of so many pages, or of so many files and folders: by ``make long`` of one,
two, three and so on, until the command succeeds; in CI of one size that is too small of each kind.
What it must say is one line with a code and the status of its kind, and what it leaves is whole.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from cxr_agent.testing.phantom import draw as phantom
from cxr_agent.trace import read_trace
from tests.cli.program import CODE, Ran, levels, run_program
from tests.enduring.disks import PAGE_KIB, disk, must_mount, remount, whole
from tests.imaging.films import dicom
from tests.long_runs import LONG
from tests.retrieval.made import films as pictures

SEED: Final = 23
LEVELS: Final = ("Study", "Series", "SOP")
CODES: Final = {"disk_full", "output_not_writable", "trace_not_writable", "store_not_writable"}
"""Of errors that end with status 7."""


@dataclass(frozen=True)
class Writing:
    """A command that writes below a folder, and which sizes of a disk were too small for it.

    What it writes may change a little: in full three quarters of that many have to be.
    """

    arguments: Callable[[Given, Path], tuple[str | Path, ...]]
    pages: int
    files: int


@dataclass(frozen=True)
class Given:
    """What commands are given: films, and a run of one of them."""

    film: Path
    pictures: Path
    traces: Path
    run: str

    def of_run(self, *command: str) -> tuple[str | Path, ...]:
        return (*command, self.run, "--traces", self.traces)


COMMANDS: Final = {
    "read": Writing(
        lambda given, out: (
            *("read", given.film, "--traces", out / "traces"),
            *("--html", out / "report.html", "--scene-graph", out / "graph.json"),
        ),
        pages=161,
        files=18,
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
    ),
    "trace view": Writing(
        lambda given, out: (*given.of_run("trace", "view"), "--out", out / "view.html"),
        pages=90,
        files=1,
    ),
    "deidentify": Writing(
        lambda given, out: ("deidentify", given.film, "--out", out / "copies"), pages=128, files=2
    ),
    "kb build": Writing(
        lambda given, out: ("kb", "build", given.pictures, "--store", out / "store"),
        pages=42,
        files=4,
    ),
}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    must_mount()
    folder = tmp_path_factory.mktemp("given")
    film, traces = folder / "chest.dcm", folder / "traces"
    uids = {f"{level}InstanceUID": f"1.2.{place}" for place, level in enumerate(LEVELS, 3)}
    spacing = {"ImagerPixelSpacing": [0.7, 0.7]}
    film.write_bytes(dicom(levels(phantom().pixels, 12), PatientID="P7", **spacing, **uids))
    ran = run_program("read", film, traces=traces)
    assert ran.status == 0, ran.err
    (run,) = (path.name for path in traces.iterdir())
    return Given(film, pictures(folder / "pictures", 6), traces, run)


def told_clearly(ran: Ran) -> None:
    """One line says that it could not be written; no traceback, and the status of its kind."""
    assert "Traceback" not in ran.err
    lines = [line for line in ran.err.splitlines() if line.startswith("cxr-agent: ")]
    codes = [match["code"] for line in lines if (match := CODE.match(line))]
    assert len(lines) == len(codes) == 1, ran.err
    assert codes[0] in CODES, ran.err
    assert ran.status == 7, ran.err


def tried(writing: Writing, given: Given, folder: Path, *options: str) -> Ran:
    """What comes of the command on a disk with these options; what it leaves there is whole."""
    with disk(folder, *options) as small:
        out = small / "out"
        ran = run_program(
            *writing.arguments(given, out), traces=small / "traces", cwd=folder.parent
        )
        if "ro" not in options:
            remount(small, "size=64m", "nr_inodes=0")  # what looks at a database needs some
        whole(small)
        if ran.status:
            told_clearly(ran)
    return ran


def sizes(least: int, draw: random.Random) -> Iterator[int]:
    """From 1 on, or in CI one that is too small."""
    if LONG:
        yield from range(1, 10 * least + 100)
    else:
        yield draw.randint(1, max(1, 3 * least // 4))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["pages", "files"])
@pytest.mark.parametrize("name", COMMANDS)
def test_full_at_any_write(
    name: str,
    kind: str,
    given: Given,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    writing = COMMANDS[name]
    least = writing.pages if kind == "pages" else writing.files
    failed = 0
    for size in sizes(least, random.Random(f"{SEED} {name} {kind}")):
        # The root of a tmpfs is one of its files.
        room = f"size={PAGE_KIB * size}k" if kind == "pages" else f"nr_inodes={size + 1},size=64m"
        if tried(writing, given, tmp_path / "disk", room).status == 0:
            break
        failed += 1
    assert failed >= (3 * least // 4 if LONG else 1)
    record_property("seed", SEED)
    record_property(f"full_disks_by_{kind}", failed)


@pytest.mark.parametrize("name", COMMANDS)
def test_read_only(name: str, given: Given, tmp_path: Path) -> None:
    assert tried(COMMANDS[name], given, tmp_path / "disk", "ro").status == 7


def test_what_was_there_before_stays(given: Given, tmp_path: Path) -> None:
    """A folder that becomes read-only, and a disk that becomes full, keep the runs they have."""
    with disk(tmp_path / "disk", "size=8m") as small:
        traces = small / "traces"
        assert run_program("read", given.film, traces=traces).status == 0
        (run,) = traces.iterdir()
        before = read_trace(run).lines
        remount(small, "ro")
        told_clearly(run_program("read", given.film, traces=traces))
        assert read_trace(run).lines == before
        remount(small, "rw")
        with (small / "ballast").open("wb", buffering=0) as file:
            while file.write(bytes(1 << 12)):
                if os.statvfs(small).f_bavail == 0:
                    break
        told_clearly(run_program("read", given.film, traces=traces))
        assert read_trace(run).lines == before
        checked = run_program("trace", "verify", run.name, traces=traces)
        assert checked.status == 0, checked.err
