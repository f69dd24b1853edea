"""Paths that are no films, and films that are no priors."""

# ruff: noqa: E501 (a case is a line)
from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from tests.imaging.films import dicom, ramp

from .case import Argument, Case, Stage

_OF_MANY: Final = {"PatientID": "ID-1", "StudyInstanceUID": "1.2.3", "SOPInstanceUID": "1.2.3.1"}


def _place(name: str, code: str, made: Callable[[Path], Path], *also: str) -> Case:
    return Case(
        f"place {name}", Stage.DECODING, lambda folder: ["read", made(folder)], code, 3, also
    )


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.dcm")
    return folder / "pipe.dcm"


def _socket(folder: Path) -> Path:
    place = folder / "s"
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(folder)  # the name of a socket must be short
        try:
            one.bind("s")
        finally:
            os.chdir(here)
    return place


def _loop(folder: Path) -> Path:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    return folder / "a"


def _chain(folder: Path) -> Path:
    (folder / "0").write_bytes(dicom())
    for n in range(1, 60):
        (folder / str(n)).symlink_to(str(n - 1))
    return folder / "59"


def _dangling(folder: Path) -> Path:
    (folder / "link.png").symlink_to("nothing")
    return folder / "link.png"


def _below_a_file(folder: Path) -> Path:
    (folder / "film.dcm").write_bytes(dicom())
    return folder / "film.dcm" / "more.dcm"


def _closed(folder: Path) -> Path:
    (folder / "pipe").symlink_to("/dev/zero")
    return folder / "pipe"


PLACES: Final = (
    _place("that is not there", "file_not_found", lambda folder: folder / "none.dcm"),
    _place("below a file", "file_not_found", _below_a_file, "unreadable_path"),
    _place("a folder", "not_a_regular_file", lambda folder: folder),
    _place("a named pipe", "not_a_regular_file", _fifo),
    _place("a socket", "not_a_regular_file", _socket, "unreadable_path"),
    _place("a device", "not_a_regular_file", lambda _: Path("/dev/zero")),
    _place("a link to a device", "not_a_regular_file", _closed),
    _place("the null device", "not_a_regular_file", lambda _: Path("/dev/null")),
    _place("a loop of links", "unreadable_path", _loop),
    _place("a chain of sixty links", "unreadable_path", _chain),
    _place("a dangling link", "unreadable_path", _dangling),
    _place("too long a name", "unreadable_path", lambda folder: folder / ("a" * 300)),
    _place("too long a path", "unreadable_path", lambda folder: folder / ("a/" * 3000)),
    _place("of this process's memory", "unreadable_path", lambda _: Path("/proc/self/mem"),
           "empty_file", "not_an_image"),
)  # fmt: skip


def _prior(name: str, code: str, status: int, prior: dict[str, Any] | bytes, *also: str) -> Case:
    def made(folder: Path) -> Sequence[Argument]:
        (folder / "film.dcm").write_bytes(dicom(StudyDate="20200101", **_OF_MANY))
        earlier = prior if isinstance(prior, bytes) else dicom(
            (ramp() // 3).copy(), **{**_OF_MANY, "StudyDate": "20190101", "SOPInstanceUID": "1.2.3.2",
                            "StudyInstanceUID": "1.2.4", **prior}
        )  # fmt: skip
        (folder / "prior.dcm").write_bytes(earlier)
        return ["read", folder / "film.dcm", "--prior", folder / "prior.dcm"]

    return Case(f"prior {name}", Stage.PRIOR, made, code, status, also)


def _absent_prior(folder: Path) -> Sequence[Argument]:
    (folder / "film.dcm").write_bytes(dicom())
    return ["read", folder / "film.dcm", "--prior", folder / "none.dcm"]


def _prior_folder(folder: Path) -> Sequence[Argument]:
    (folder / "film.dcm").write_bytes(dicom())
    return ["read", folder / "film.dcm", "--priors-from", folder / "none"]


def _two_films(folder: Path) -> Sequence[Argument]:
    (folder / "film.dcm").write_bytes(dicom())
    film = folder / "film.dcm"
    return ["read", film, film, "--prior", film]


PRIORS: Final = (
    _prior("of another patient", "other_patient", 4, {"PatientID": "ID-2"}),
    _prior("taken later", "later_film", 4, {"StudyDate": "20210101"}),
    _prior("of the same study", "same_study", 4, {"StudyInstanceUID": "1.2.3"}),
    _prior("that is the film", "duplicate_film", 4,
           dicom(StudyDate="20200101", **_OF_MANY), "same_study"),
    _prior("lateral", "lateral_view", 4, {"ViewPosition": "LL"}),
    _prior("of a child", "paediatric", 4, {"PatientAge": "004Y"}),
    _prior("that is text", "not_an_image", 3, b"an earlier report\n" * 9),
    _prior("empty", "empty_file", 3, b""),
    _prior("cut", "truncated", 3, dicom()[:-500], "pixel_length_mismatch"),
    _prior("marked as synthetic", "synthetic_prior", 4, {"ImageType": ["DERIVED", "SYNTHETIC"]},
           "other_patient"),
    Case("prior that is not there", Stage.PRIOR, _absent_prior, "file_not_found", 3),
    Case("folder of priors that is not there", Stage.PRIOR, _prior_folder, "no_prior_folder", 2),
    Case("prior of two films", Stage.PRIOR, _two_films, "prior_of_which", 2),
)  # fmt: skip
