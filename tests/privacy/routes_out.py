"""Every way out of the program. A new one is added to :data:`ROUTES`, in one line.

What may be named all the same stands in :data:`ALLOWED`, with why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tests.privacy.session import Session, told

Piece = tuple[str, bytes]
Route = Callable[[Session], Iterator[Piece]]


def below(name: str) -> Route:
    """Names and contents of the files of a folder of the session."""

    def pieces(session: Session) -> Iterator[Piece]:
        root = session.folder / name
        assert root.is_dir(), name
        for path in sorted(root.rglob("*")):
            place = f"{name}/{path.relative_to(root)}"
            yield f"{name}: names", str(path.relative_to(root)).encode()
            if path.is_file():
                yield place, path.read_bytes()

    return pieces


def _output(session: Session) -> Iterator[Piece]:
    for name, ran in session.ran.items():
        yield f"stdout of {name}", ran.out.encode()


def _complaints(session: Session) -> Iterator[Piece]:
    for name, ran in session.ran.items():
        yield f"stderr of {name}", ran.err.encode()


def _prompts(session: Session) -> Iterator[Piece]:
    for number, prompt in enumerate(session.prompts):
        yield f"prompt {number}", prompt


def _temporary(session: Session) -> Iterator[Piece]:
    for name, data in session.temporary.items():
        yield f"temporary file {name}", name.partition("/")[2].encode() + b"\n" + data


ROUTES: Final[dict[str, Route]] = {
    "traces": below("traces"),
    "pages": below("html"),
    "scene graphs": below("graphs"),
    "exports": below("exports"),
    "copies": below("copies"),
    "batch": below("batch"),
    "store of films": below("store"),
    "state": below("state"),
    "standard output": _output,
    "standard error": _complaints,
    "prompts": _prompts,
    "temporary files": _temporary,
}

NAMED_BY_USER: Final = "the user named this film, and has to find its result again"
TYPED_BY_USER: Final = "the user typed this for the report, which quotes it as the history"
TO_GO_ON: Final = "the user's own record of what to read, by which a batch goes on"

ALLOWED: Final[dict[str, str]] = {
    "stdout of read": NAMED_BY_USER + "; " + TYPED_BY_USER,
    "stderr of read": NAMED_BY_USER,
    "stdout of deidentify": NAMED_BY_USER,
    "stdout of kb search": NAMED_BY_USER,
    "stdout of batch": "the user's name for the study, of the list",
    "html: names": NAMED_BY_USER,
    "html/*.html": TYPED_BY_USER,
    "graphs: names": NAMED_BY_USER,
    "batch/batch.sqlite": TO_GO_ON,
    "batch/batch.sqlite-wal": TO_GO_ON,
    "batch/studies.csv": NAMED_BY_USER,
    "batch/studies.parquet": NAMED_BY_USER,
    "batch/reports/*/*": TYPED_BY_USER,
    "store/store.sqlite": "the user's own library: paths of its films, texts of its reports",
}
"""Pieces that may name somebody, as patterns of their places."""


def may_name(place: str) -> str | None:
    """The entry of :data:`ALLOWED` that lets a piece name somebody."""
    return next((one for one in ALLOWED if Path(place).match(one)), None)


def told_of(session: Session, name: str) -> object:
    """The JSON of a command."""
    return told(session.ran[name])
