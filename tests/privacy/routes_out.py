"""Every way out of the program. A new one is added to :data:`ROUTES`, in one line.

What may be named all the same stands in :data:`ALLOWED`, with why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from tests.privacy.session import Session

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
    "objects": below("objects"),
    "copies": below("copies"),
    "page": below("page"),
    "watch": below("watch"),
    "batch": below("batch"),
    "more batches": below("more batches"),
    "store of films": below("store"),
    "state": below("state"),
    "standard output": _output,
    "standard error": _complaints,
    "prompts": _prompts,
    "temporary files": _temporary,
}


@dataclass(frozen=True, slots=True)
class Exempt:
    """What may be named in a piece."""

    what: tuple[str, ...]
    """How the places begin where it was planted."""
    why: str

    def lets(self, hit: str) -> bool:
        return (
            any(f" of {place}" in hit for place in self.what)
            # Parquet cuts words up, so that no whole one is left to be named.
            or ("cut" in self.what and "b'" in hit)
            or ("UIDs" in self.what and hit.startswith("UID: "))
            or ("hashes" in self.what and hit.endswith("(hashed)"))
        )


_FILES: Final = ("folder", "name of a")
_LIST: Final = (*_FILES, "study column")
NAMED_BY_USER: Final = "the user named this film, and has to find its result again"
FOR_THE_ARCHIVE: Final = (
    "goes back to the archive that the film came from, as a part of its study: the attributes of "
    "patient and study are those of the film, and no other"
)
_OF_THE_STUDY: Final = (
    *("PatientName", "PatientID", "IssuerOfPatientID"),
    *("StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName", "UIDs"),
)
TYPED_BY_USER: Final = "the user typed this for the report, which quotes it as the history"

ALLOWED: Final[dict[str, Exempt]] = {
    "stdout of read": Exempt((*_FILES, "indication"), f"{NAMED_BY_USER}; {TYPED_BY_USER}"),
    "stderr of read": Exempt(_FILES, NAMED_BY_USER),
    "stdout of deidentify": Exempt(_FILES, NAMED_BY_USER),
    "stdout of kb search": Exempt(_FILES, NAMED_BY_USER),
    "stdout of batch*": Exempt(_LIST, NAMED_BY_USER),
    "html: names": Exempt(_FILES, NAMED_BY_USER),
    "html/*.html": Exempt(("indication",), TYPED_BY_USER),
    "graphs: names": Exempt(_FILES, NAMED_BY_USER),
    "batch.sqlite*": Exempt(
        (*_LIST, "indication column"), "the user's record of what to read: a batch goes on by it"
    ),
    "studies.csv": Exempt(_LIST, NAMED_BY_USER),
    "studies.parquet": Exempt((*_LIST, "cut"), NAMED_BY_USER),
    "manifest.json": Exempt(("folder",), NAMED_BY_USER),
    "reports/*/*": Exempt(("indication column",), TYPED_BY_USER),
    "objects/*": Exempt(_OF_THE_STUDY, FOR_THE_ARCHIVE),
    "watch/objects/*/*": Exempt(_OF_THE_STUDY, FOR_THE_ARCHIVE),
    "watch/watch.sqlite*": Exempt(
        (*_FILES, "name of what", "hashes"),
        "the watch's record of what was read, so that nothing is read twice",
    ),
    "state/sessions.json": Exempt(
        _FILES, "where the films of a chat lie, for the same user to go on with it"
    ),
    "store/store.sqlite*": Exempt(
        (*_FILES, "report of the store"), "the user's library: paths of films, texts of reports"
    ),
}
"""Pieces that may name somebody, as patterns of their places."""


def exempted(place: str, hit: str) -> str | None:
    """The entry of :data:`ALLOWED` that lets a piece name somebody."""
    fitting = (one for one in ALLOWED if PurePosixPath(place).match(one))
    return next((one for one in fitting if ALLOWED[one].lets(hit)), None)
