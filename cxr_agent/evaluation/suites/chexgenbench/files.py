"""A folder of films as points of the embedding, with what the classifier says of each.

Films that say of themselves that a program made them are read here on purpose: nothing that is said
of them is said of a patient.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cxr_agent.errors import InputError
from cxr_agent.imaging import Decoder
from cxr_agent.knowledge import vocabulary
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import FloatImage

SUFFIXES: Final = (".dcm", ".png", ".jpg", ".jpeg")
LABELS: Final = "labels.csv"
_MOST_BYTES: Final = 64 * 2**20
_VALUES: Final = {"1": True, "1.0": True, "0": False, "0.0": False}


@dataclass(frozen=True, slots=True)
class FilmSeen:
    """One film, as the measures see it."""

    point: tuple[float, ...]
    """(D,) of unit length."""
    strangeness: float
    """Distance from what the embedding learnt from, see :mod:`cxr_agent.models.embedding`."""
    probabilities: dict[str, float]
    """Calibrated, by finding, of those that the classifier offers."""


class FilmSight:
    """Decodes films and runs embedding and classifier on them.

    Parameters
    ----------
    shelf
        Where the models come from.
    """

    def __init__(self, shelf: Shelf, decoder: Decoder) -> None:
        self._embedding = shelf.embedding()
        self._findings = shelf.findings()
        self._decoder = decoder

    def see(self, film: Path) -> FilmSeen:
        """One film; raises :class:`InputError` where it cannot be decoded."""
        return self.see_pixels(self._decoder.decode(film).pixels)

    def see_pixels(self, pixels: FloatImage) -> FilmSeen:
        """(rows, columns) in [0, 1], bone white."""
        embedded = self._embedding.embed([pixels])
        found = self._findings.classify(pixels).probabilities
        offered = (label.code for label in self._findings.card.labels if label.offered)
        return FilmSeen(
            point=tuple(float(x) for x in embedded.vectors[0]),
            strangeness=embedded.strangeness[0],
            probabilities={code: found[code] for code in offered},
        )


def films_in(folder: Path) -> list[Path]:
    """The films of a folder and of those below it, in the order of their names.

    Raises
    ------
    InputError
        ``no_films``: there is none.
    """
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not found:
        raise InputError(
            "no_films",
            "a folder of the benchmark holds no film",
            hint="It takes DICOM, PNG and JPEG files, by their suffix.",
        )
    return found


def labels_of(folder: Path) -> dict[str, dict[str, bool]]:
    """What the films of a folder show, or are meant to show, by ``labels.csv``.

    A column ``file`` (or CheXpert's ``Path``) with paths below the folder, and a column for each
    finding, by its code or its CheXpert name; 1 and 0, and all else is not known.

    Returns
    -------
    dict
        By file, then by code. Empty where there is no such file.

    Raises
    ------
    InputError
        ``bad_labels``.
    """
    path = folder / LABELS
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _bad_labels("is larger than 64 MiB")
        with path.open(encoding="utf-8-sig", newline="") as file:
            return dict(_rows(csv.DictReader(file)))
    except (OSError, UnicodeDecodeError, csv.Error):
        raise _bad_labels("cannot be read as CSV in UTF-8") from None


def _rows(reader: csv.DictReader[str]) -> Iterator[tuple[str, dict[str, bool]]]:
    columns = reader.fieldnames or []
    named = next((name for name in columns if name.strip().lower() in ("file", "path")), None)
    if named is None:
        raise _bad_labels("has no column file")
    codes = {name: code for name in columns if (code := _code(name)) is not None}
    for row in reader:
        yield (
            row[named] or "",
            {
                code: _VALUES[value]
                for name, code in codes.items()
                if (value := (row[name] or "").strip()) in _VALUES
            },
        )


def _code(column: str) -> str | None:
    name = column.strip()
    for code, term in vocabulary().items():
        if term.kind == "finding" and name in (code, term.chexpert):
            return code
    return None


def _bad_labels(what: str) -> InputError:
    return InputError(
        "bad_labels",
        f"labels.csv {what}",
        hint="It has a column file, and a column of 1 and 0 for each finding.",
    )


def points_of(films: Sequence[FilmSeen]) -> FloatImage:
    """(N, D) of several films."""
    return np.array([film.point for film in films], dtype=np.float32)


Labelled = Mapping[str, Mapping[str, bool]]
"""By film, then by finding."""
