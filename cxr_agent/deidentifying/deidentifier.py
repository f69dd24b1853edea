"""From files to copies under names that say nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from cxr_agent.deidentifying.files import dicom_copy, picture_copy
from cxr_agent.deidentifying.options import Options
from cxr_agent.deidentifying.pseudonyms import Pseudonyms
from cxr_agent.errors import UnsuitableFilm
from cxr_agent.imaging import Decoder
from cxr_agent.imaging.decode import stored_film
from cxr_agent.imaging.sniff import FileKind
from cxr_agent.output import write_whole

_PICTURES: Final = frozenset({FileKind.PNG, FileKind.JPEG})


@dataclass(frozen=True, slots=True)
class Copied:
    """One copy."""

    path: Path
    text_regions: int
    """Places that were painted over."""
    masked_share: float
    """Of the film."""


class Deidentifier:
    """Copies films without what says who, when or where.

    A strange file is opened in the limited decode worker first; only what passes there is taken
    apart in this process.

    Parameters
    ----------
    out
        Folder of the copies.
    pseudonyms
        One set for all films that belong together.
    options
        What is kept.
    """

    def __init__(self, out: Path, pseudonyms: Pseudonyms, options: Options | None = None) -> None:
        self._out = out
        self._pseudonyms = pseudonyms
        self._options = options or Options()
        self._decoder = Decoder()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._decoder.close()

    def copy(self, film: Path) -> Copied:
        """Make one copy.

        Raises
        ------
        InputError
            For what is no grey picture of one frame; ``unsupported_modality`` for another DICOM
            object than a radiograph. A film that the program would not read is copied all the
            same: a lateral one, a child's.
        OutputError
            ``output_not_writable``.
        UsageError
            ``pydicom_missing``.
        """
        with suppress(UnsuitableFilm):  # what it is of is no matter here
            self._decoder.decode(film)
        stored = stored_film(str(film))
        name = self._pseudonyms.file_name(stored.data)
        if stored.kind in _PICTURES:
            data, masked = picture_copy(stored, self._options)
            path = self._out / f"{name}.png"
        else:
            data, masked = dicom_copy(stored, self._pseudonyms, self._options)
            path = self._out / f"{name}.dcm"
        write_whole(path, data)
        if masked is None:
            return Copied(path, 0, 0.0)
        return Copied(path, _count(masked.mask), float(masked.mask.mean()))


def films_of(paths: list[Path]) -> Iterator[Path]:
    """The files that are named, and those below the folders that are named, hidden ones not.

    No symbolic link is followed: it may lead out of the folder.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            found = (Path(folder, name) for name in sorted(names) if not name.startswith("."))
            yield from (one for one in found if one.is_file() and not one.is_symlink())


def _count(mask: np.ndarray) -> int:
    from scipy import ndimage

    return int(ndimage.label(mask)[1])
