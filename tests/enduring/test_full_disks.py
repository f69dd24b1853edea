"""A disk that is full at every write, or read-only, for each command that writes.

The disk is a real one of so many pages, or of so many files and folders: by ``make long`` of one,
two, three and so on, until the command succeeds; in CI of one size that is too small, of pages or
of files. What it must say is one line with a code and the status of its kind, and what it leaves is
whole. What it said is done stays, and once there is room the same command goes on to its end.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from cxr_agent.cli.main import app
from cxr_agent.testing.phantom import draw as phantom
from cxr_agent.testing.phantom.thorax import thorax
from cxr_agent.trace import read_trace
from cxr_agent.trace.layout import HEAD, LINES
from tests.cli.program import CODE, Ran, levels, run_program
from tests.enduring.commands import COMMANDS, ELSEWHERE, WRITES_NOTHING, Given, Writing
from tests.enduring.disks import Room, disk, must_mount, remount, used, whole
from tests.imaging.films import dicom
from tests.long_runs import LONG
from tests.retrieval.made import checkpoint
from tests.retrieval.made import films as pictures
from tests.synthesis.made import nifti

SEED: Final = 23
LEVELS: Final = ("Study", "Series", "SOP")
NOUNS: Final = ("output", "trace", "store", "watch", "batch", "evaluation", "state")
CODES: Final = {"disk_full", *(f"{noun}_not_writable" for noun in NOUNS)}
"""Of errors that end with status 7."""
WEIGHTS: Final = ("config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt")
CUT_AFTER: Final = 20
"""Lines that are left of a run."""
ROOMY: Final = Room(pages=16384, files=4000)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    must_mount()
    folder = tmp_path_factory.mktemp("given")
    inbox, traces = folder / "inbox", folder / "traces"
    for one in (inbox, folder / "weights"):
        one.mkdir()
    film = inbox / "chest.dcm"
    uids = {f"{level}InstanceUID": f"1.2.{place}" for place, level in enumerate(LEVELS, 3)}
    spacing = {"ImagerPixelSpacing": [0.7, 0.7]}
    film.write_bytes(dicom(levels(phantom().pixels, 12), PatientID="P7", **spacing, **uids))
    ran = run_program("read", film, traces=traces)
    assert ran.status == 0, ran.err
    (run,) = (path.name for path in traces.iterdir())
    for name in WEIGHTS:
        (folder / "weights" / name).write_bytes(json.dumps({"padding": "x" * 5000}).encode())
    (folder / "report.txt").write_text("Small right pleural effusion. The heart is enlarged.\n")
    (folder / "pairs.csv").write_text(
        "id,reference,candidate\n1,Small right effusion.,No effusion.\n2,Large heart.,No heart.\n"
    )
    (folder / "cases.csv").write_text("file,patient,ctr\ninbox/chest.dcm,a,0.46\n")
    body = thorax(size=48).volume
    return Given(
        film=film,
        inbox=inbox,
        pictures=pictures(folder / "pictures", 6),
        report=folder / "report.txt",
        pairs=folder / "pairs.csv",
        cases=folder,
        ct=nifti(folder / "ct.nii.gz", body.hu, body.affine),
        weights=folder / "weights",
        encoder=checkpoint(folder / "clip", "clip") if LONG else folder,
        traces=traces,
        run=run,
        cut=cut(traces / run, folder / "cut"),
    )


def cut(run: Path, folder: Path) -> Path:
    """A folder of traces with what a kill left of a run."""
    shutil.copytree(run, folder / run.name)
    (folder / run.name / HEAD).unlink()  # it is written last
    path = folder / run.name / LINES
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:CUT_AFTER]))
    return folder


@dataclass(frozen=True)
class Tried:
    """A command on a small disk."""

    writing: Writing
    given: Given
    small: Path
    """The disk, mounted, with room."""

    @property
    def out(self) -> Path:
        return self.small / "out"

    def prepared(self) -> None:
        """Put there what has to be there before the disk is small."""
        if self.writing.copied is not None:
            shutil.copytree(self.writing.copied(self.given), self.out)
        if self.writing.before is not None:
            ran = self._run(self.writing.before(self.given, self.out))
            assert ran.status == 0, ran.err

    def run(self) -> Ran:
        return self._run(self.writing.arguments(self.given, self.out))

    def looked_at(self) -> set[str]:
        """Whether what is there is whole, and what of it was acknowledged."""
        whole(self.small)
        return self.writing.acknowledged(self.out) if self.writing.acknowledged else set()

    def _run(self, words: tuple[str | Path, ...]) -> Ran:
        return run_program(
            *words,
            traces=self.small / "traces",
            cwd=self.small.parent,
            env=self.writing.env(self.out),
            typed=self.writing.typed(self.out),
            heavy=self.writing.heavy,
        )


def told_clearly(ran: Ran) -> None:
    """One line says that it could not be written; no traceback, and the status of its kind."""
    assert "Traceback" not in ran.err
    lines = [line for line in ran.err.splitlines() if line.startswith("cxr-agent: ")]
    codes = [match["code"] for line in lines if (match := CODE.match(line))]
    assert len(lines) == len(codes) == 1, ran.err
    assert codes[0] in CODES, ran.err
    assert ran.status == 7, ran.err


def on_a_small_disk(writing: Writing, given: Given, folder: Path, room: Room) -> int:
    """Status of a command where there is so much room; with more it goes on to its end."""
    with disk(folder, ROOMY.options) as small:
        tried = Tried(writing, given, small)
        tried.prepared()
        remount(small, (used(small) + room).options)
        ran = tried.run()
        remount(small, ROOMY.options)  # what looks at a database needs some
        before = tried.looked_at()
        if ran.status:
            told_clearly(ran)
            if writing.acknowledged:
                again = tried.run()
                assert again.status == 0, again.err
                assert before <= tried.looked_at(), "what was acknowledged is gone"
    return ran.status


READ_ONLY: Final = "read-only"


def kinds(name: str) -> set[str]:
    """What is tried of a command: all; in CI one of it, and of those that go on two."""
    writing = COMMANDS[name]
    by_size = [kind for kind in ("pages", "files") if getattr(writing, kind)]
    if LONG:
        return {*by_size, READ_ONLY}
    if writing.full_run_only:
        return set()
    draw = random.Random(f"{SEED} {name}")
    if writing.acknowledged:
        return {draw.choice(by_size), READ_ONLY}
    return {draw.choice([*by_size, READ_ONLY])}


def sizes(least: int, draw: random.Random) -> Iterator[int]:
    """From none on, or in CI one that is too small."""
    if LONG:
        yield from range(10 * least + 100)
    else:
        yield draw.randrange(max(1, 3 * least // 4))


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in COMMANDS for kind in sorted(kinds(name) - {READ_ONLY})],
)
def test_full_at_any_write(
    name: str,
    kind: str,
    given: Given,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    writing = COMMANDS[name]
    least = getattr(writing, kind)
    failed = 0
    for size in sizes(least, random.Random(f"{SEED} {name} {kind}")):
        room = replace(ROOMY, **{kind: size})
        if on_a_small_disk(writing, given, tmp_path / "disk", room) == 0:
            break
        failed += 1
    record_property("seed", SEED)
    record_property(f"full_disks_by_{kind}", failed)
    assert failed >= (3 * least // 4 if LONG else 1)


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in COMMANDS if READ_ONLY in kinds(name)])
def test_read_only(name: str, given: Given, tmp_path: Path) -> None:
    """And writable again: then it goes on, which is tried in full."""
    with disk(tmp_path / "disk", ROOMY.options) as small:
        tried = Tried(COMMANDS[name], given, small)
        tried.prepared()
        remount(small, "ro")
        told_clearly(tried.run())
        remount(small, "rw")
        before = tried.looked_at()
        if LONG:
            again = tried.run()
            assert again.status == 0, again.err
            assert before <= tried.looked_at()


def commands(group: Any, *before: str) -> Iterator[str]:
    """Names of all commands."""
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from commands(one, *before, name)
        if not hasattr(one, "commands") or one.invoke_without_command:
            yield " ".join((*before, name))


def test_no_command_is_left_out() -> None:
    every = set(commands(typer.main.get_command(app)))
    here = {
        max((one for one in every if name == one or name.startswith(f"{one} ")), key=len)
        for name in COMMANDS
    }
    told = [*here, *WRITES_NOTHING, *ELSEWHERE]
    assert sorted(told) == sorted(every)


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
