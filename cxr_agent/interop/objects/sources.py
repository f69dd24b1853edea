"""The DICOM files that a run read, found again by their pixels, and what objects take from them."""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from cxr_agent.errors import CxrAgentError, InputError, SourceCode
from cxr_agent.imaging import Decoder
from cxr_agent.imaging.dicom_file import read_dicom_file
from cxr_agent.imaging.film_folder import film_folder
from cxr_agent.imaging.header_rules import Flip, view_facts
from cxr_agent.imaging.paths import open_film, read_all
from cxr_agent.imaging.sniff import SNIFF_BYTES, FileKind, sniff
from cxr_agent.imaging.turning import points_turned_back, turn_back
from cxr_agent.interop.objects.library import check_library, silent
from cxr_agent.interop.objects.recorded import RecordedReport

if TYPE_CHECKING:
    from pydicom import Dataset

_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)*")
_UIDS: Final = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_PATIENT_AND_STUDY: Final = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "AccessionNumber",
    "StudyID",
    "StudyDescription",
    "ReferringPhysicianName",
)
_DATES: Final = {"PatientBirthDate": r"\d{8}", "StudyDate": r"\d{8}"}
_TIMES: Final = {
    "StudyTime": r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?",
    "TimezoneOffsetFromUTC": r"[+-](0\d|1[0-4])[0-5]\d",
}
_NUMBERS: Final = {
    "PixelSpacing": (2, 0.0),
    "ImagerPixelSpacing": (2, 0.0),
    "RescaleSlope": (1, None),
    "RescaleIntercept": (1, None),
    "WindowCenter": (0, None),
    "WindowWidth": (0, 0.0),
}
"""How many numbers there have to be, 0 for any, and what all have to lie above."""
_PICTURE: Final = (
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PresentationLUTShape",
    "RescaleType",
    "ModalityLUTSequence",
    "VOILUTFunction",
    "VOILUTSequence",
)


@dataclass(frozen=True, slots=True)
class SourceFilm:
    """A film of the run, and the DICOM image that it is."""

    handle: str
    image: Dataset = field(repr=False)
    """Identity, patient, study and how the pixels are stored; nothing else of the file."""
    flip: Flip
    """How the stored pixels were turned to become the film."""
    shape: tuple[int, int]
    """(rows, columns) of the film as it was read."""

    @property
    def stored_shape(self) -> tuple[int, int]:
        """(rows, columns) of the image as it is stored."""
        rows, columns = self.shape
        return (columns, rows) if self.flip.transposes else (rows, columns)

    def stored_plane(self, plane: NDArray[Any]) -> NDArray[Any]:
        """A plane of the film over the image as it is stored."""
        return turn_back(plane, self.flip)

    def stored_points(
        self, points: Iterable[tuple[float, float]]
    ) -> tuple[tuple[float, float], ...]:
        """Points (x, y) of the film over the image as it is stored, none outside of it."""
        rows, columns = self.shape
        inside = ((min(max(x, 0), columns), min(max(y, 0), rows)) for x, y in points)
        return points_turned_back(inside, self.shape, self.flip)


class Sources:
    """The sources of a run by handle."""

    def __init__(self, films: Iterable[SourceFilm]) -> None:
        self._by_handle = {film.handle: film for film in films}

    def __iter__(self) -> Iterator[SourceFilm]:
        return iter(self._by_handle.values())

    def of(self, handle: str) -> SourceFilm | None:
        """The source of a film; None for a prior that was not given."""
        return self._by_handle.get(handle)

    @property
    def currents(self) -> tuple[SourceFilm, ...]:
        return tuple(film for film in self if not film.handle.startswith("prior-"))

    @property
    def first(self) -> SourceFilm:
        """The source of ``img-1``: its patient and study are those of the objects."""
        return self.currents[0]


def find_sources(
    recorded: RecordedReport, paths: Sequence[Path], decoder: Decoder | None = None
) -> Sources:
    """The DICOM images of a run, known by the hash of what their pixels show.

    Parameters
    ----------
    paths
        Files and folders. All current films have to be among them; priors may be. Other files in
        a folder are passed over.
    decoder
        Give one to keep its worker warm over many runs. Otherwise one is made and ended.

    Raises
    ------
    ConfigError
        ``dicom_missing``.
    InputError
        With a :class:`~cxr_agent.errors.SourceCode`, or as a reading, for a file that was named.
    UsageError
        ``no_prior_folder`` for a folder that cannot be opened.
    """
    check_library()
    if decoder is None:
        with Decoder() as own:
            return find_sources(recorded, paths, own)
    wanted = {film.sha256: film.handle for film in recorded.report.films}
    found: dict[str, SourceFilm] = {}
    for path, named in _files(paths):
        try:
            film = _source(path, wanted, decoder)
        except CxrAgentError:
            if named:
                raise
            continue
        found.setdefault(film.handle, film)
    missing = [film.handle for film in recorded.currents if film.handle not in found]
    if missing:
        raise InputError(
            SourceCode.MISSING,
            f"the DICOM source of {', '.join(missing)} is not among the files given",
            hint="Name it with --source FILE, or the folder that it lies in.",
        )
    order = [film.handle for film in recorded.report.films]
    return Sources(found[handle] for handle in order if handle in found)


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Every file, and whether the user named it."""
    for path in paths:
        if path.is_dir():
            yield from ((file, False) for file in film_folder(path).files)
        else:
            yield path, True


def _source(path: Path, wanted: dict[str, str], decoder: Decoder) -> SourceFilm:
    film = decoder.decode(path)
    handle = wanted.get(film.sha256)
    if handle is None:
        raise InputError(
            SourceCode.NOT_OF_RUN,
            "a file given as source is not a film of this run: its pixels are others",
            hint="Name the very file that was read.",
        )
    data = _content(path)
    if sniff(data[:SNIFF_BYTES]) in (FileKind.PNG, FileKind.JPEG):
        raise InputError(
            SourceCode.NOT_DICOM,
            f"{handle} is no DICOM image, so no DICOM object can refer to it",
            hint="PNG and JPEG have no UIDs; --fhir works without a source.",
        )
    return SourceFilm(
        handle=handle,
        image=_header(data, handle),
        flip=view_facts(read_dicom_file(data).header).flip,
        shape=film.pixels.shape,
    )


def _content(path: Path) -> bytes:
    descriptor, size = open_film(os.fspath(path))
    try:
        return read_all(descriptor, size)
    finally:
        os.close(descriptor)


def _header(data: bytes, handle: str) -> Dataset:
    """What objects take over, checked: the rest of the file is of no use and of any form."""
    import pydicom

    with silent():
        try:
            file = pydicom.dcmread(io.BytesIO(data), force=True, stop_before_pixels=True)
            return _taken_over(file)
        except _NoUids:
            raise InputError(
                SourceCode.NO_UIDS,
                f"the DICOM file of {handle} lacks UIDs that a reference needs",
                hint="Use the file as the archive has it.",
            ) from None
        except Exception:
            # The library's words may quote the file.
            raise InputError(
                SourceCode.UNUSABLE,
                f"the header of {handle} cannot be used for references",
                hint="Use the file as the archive has it.",
            ) from None


class _NoUids(Exception):  # noqa: N818 - never leaves this module
    pass


def _taken_over(file: Dataset) -> Dataset:
    from pydicom import Dataset

    image = Dataset()
    for name in _UIDS:
        uid = str(file.get(name, ""))
        if len(uid) > 64 or not _UID.fullmatch(uid):
            raise _NoUids
        setattr(image, name, uid)
    for name in _PATIENT_AND_STUDY:
        setattr(image, name, _first(file.get(name)))
    for name, form in (_DATES | _TIMES).items():
        value = str(file.get(name) or "")
        setattr(image, name, value if re.fullmatch(form, value) else "")
    sex = str(file.get("PatientSex") or "")
    image.PatientSex = sex if sex in ("M", "F", "O") else ""
    for name in _PICTURE:
        if file.get(name) not in (None, ""):
            image[name] = file[name]
    for name, (count, above) in _NUMBERS.items():
        numbers = _numbers(file.get(name), count, above)
        if numbers:
            setattr(image, name, numbers)
    _complete(image)
    image.Modality = str(file.get("Modality") or "")
    image.SpecificCharacterSet = "ISO_IR 192"
    image.PatientOrientation = file.get("PatientOrientation") or []
    return image


def _first(value: object) -> object:
    """The value, or the first of several, which none of these elements may have."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if value else ""
    return value or ""


def _numbers(value: object, count: int, above: float | None) -> list[float]:
    """The numbers of an element; none where they cannot be used."""
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    try:
        numbers = [float(str(one)) for one in several]
    except ValueError:
        return []
    usable = all(math.isfinite(one) and (above is None or one > above) for one in numbers)
    return numbers if usable and (not count or len(numbers) == count) else []


def _complete(image: Dataset) -> None:
    """Leave out half a window, half a rescaling, and a rescaling beside a table."""
    window = (image.get("WindowCenter"), image.get("WindowWidth"))
    for names, whole in (
        (("WindowCenter", "WindowWidth"), _count(window[0]) == _count(window[1]) > 0),
        (
            ("RescaleSlope", "RescaleIntercept"),
            "RescaleSlope" in image
            and "RescaleIntercept" in image
            and "ModalityLUTSequence" not in image,
        ),
    ):
        for name in names:
            if name in image and not whole:
                delattr(image, name)
    if "RescaleSlope" in image and "RescaleType" not in image:
        image.RescaleType = "US"


def _count(value: object) -> int:
    if value is None:
        return 0
    return len(value) if isinstance(value, Sequence) else 1
