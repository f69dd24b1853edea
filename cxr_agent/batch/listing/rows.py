"""One row of a list to the films that it names."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from cxr_agent.batch.listing.found import Candidate, Fault, Said
from cxr_agent.batch.listing.listed import EntryCode
from cxr_agent.errors import UsageError
from cxr_agent.imaging.load import clean_indication

COLUMNS: Final = (
    "file",
    "files",
    "study",
    "patient",
    "date",
    "prior",
    "priors",
    "indication",
)
_SEPARATOR: Final = ";"
_DATE: Final = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_NO_FILE: Final = Fault(EntryCode.BAD_ROW, "the row names no file")
_BAD_ROW: Final = Fault(EntryCode.BAD_ROW, "the row has more cells than there are columns")
_BAD_DATE: Final = Fault(
    EntryCode.BAD_DATE, "the date is none that is understood: write 2024-03-31 or 20240331"
)
TOO_LONG: Final = "too_long"
"""Stands in a row for a column of its own where there are too many cells."""


class _Moment(NamedTuple):
    day: int | None = None
    second: int | None = None


def candidates_of_row(row: Mapping[str, Any], number: int, folder: Path) -> Iterator[Candidate]:
    """The films of a row; at least one candidate.

    Parameters
    ----------
    row
        Cells by the names in :data:`COLUMNS`.
    number
        Of the row: what it is called when it names nothing.
    folder
        Where relative paths start.
    """
    cells = {name: _text(row.get(name)) for name in COLUMNS}
    cells["patient"] = cells["patient"].encode("utf-8", "replace").decode()
    files = [one for one in (cells["file"], *_several(row.get("files"))) if one]
    name = cells["study"] or next(iter(files), f"row {number}")
    moment = _moment(cells["date"])
    fault = None
    if row.get(TOO_LONG):
        fault = _BAD_ROW
    elif not files:
        fault = _NO_FILE
    elif moment is None:
        fault = _BAD_DATE
    day, second = moment or _Moment()
    study = cells["study"]
    if not study and len(files) > 1:
        study = f"\n{number}"  # no cell reads like this
    priors = [cells["prior"], *_several(row.get("priors"))]
    said = Said(
        study=study,
        patient=cells["patient"],
        day=day,
        second=second,
        priors=tuple(_place(one, folder) for one in priors if one),
        indication=clean_indication(cells["indication"]),
    )
    if fault is not None:
        yield Candidate(name, said=said, fault=fault)
        return
    for file in files:
        yield Candidate(name, _place(file, folder), said)


def check_columns(names: Sequence[str]) -> None:
    """Whether a table has what is needed, and nothing that was probably meant otherwise.

    Raises
    ------
    UsageError
        ``no_file_column``, ``misspelt_column``, ``bad_table`` for a column that is there twice.
    """
    known = [name for name in map(column_name, names) if name in COLUMNS]
    if len(set(known)) < len(known):
        raise UsageError(
            "bad_table", "a column of the table is there twice", hint="Leave one of them out."
        )
    if not {"file", "files"} & set(known):
        raise UsageError(
            "no_file_column",
            "no column of the table is called 'file'",
            hint=f"Its first line names the columns: {', '.join(COLUMNS)}.",
        )
    for pair in ({"file", "files"}, {"prior", "priors"}):
        if pair & set(known):
            known += pair
    for name in names:
        meant = _meant(column_name(name))
        if meant and meant not in known:
            raise UsageError(
                "misspelt_column",
                f"a column of the table looks like {meant!r} but is not called so",
                hint=f"Call it {meant!r}, or leave it out.",
            )


def column_name(text: str) -> str:
    """A column as it is looked for."""
    return text.strip().lower()


_ALIKE: Final = {
    "file": re.compile(r"(dicom|png|jpe?g|image|film)?_?(file_?)?(path|name)|image|film|filename"),
    "study": re.compile(r"stud(y|ies)(_?(id|uid|instance_?uid|no|nr|name))?|accession(_?\w+)?"),
    "patient": re.compile(r"patients?(_?(id|no|nr|key|name))?|subject(_?id)?"),
    "date": re.compile(r"dates?|(study|film|exam|acquisition)_?date(_?time)?|date_?time|day"),
    "priors": re.compile(r"priors?(_?(file|film|path|image)s?)?|previous(_\w+)?|pirors?"),
    "indication": re.compile(r"indications?|indic\w*tion|reason(_for_exam)?|history"),
}


def _meant(name: str) -> str:
    """The column that a name is close to; empty for a column of ours, or of somebody else's."""
    if name in COLUMNS:
        return ""
    joined = re.sub(r"[\s.-]+", "_", name)
    return next((ours for ours, alike in _ALIKE.items() if alike.fullmatch(joined)), "")


def _text(value: Any) -> str:
    """A cell as text: nothing for none, whole numbers without a fraction."""
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bytes | os.PathLike):
        value = os.fsdecode(value)
    return str(value).strip()


def _several(value: Any) -> list[str]:
    """A cell of several texts: separated, or a list."""
    if isinstance(value, list | tuple):
        return [_text(one) for one in value]
    return [part.strip() for part in _text(value).split(_SEPARATOR)]


def _place(text: str, folder: Path) -> str:
    """Not normalised: "link/.." need not be the folder that holds the link."""
    return os.path.join(folder, text)  # noqa: PTH118


def _moment(text: str) -> _Moment | None:
    """Day and second of a cell; None for one that is no date."""
    if not text:
        return _Moment()
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, _, month, day, hours, minutes, seconds = match.groups()
    try:
        date = datetime.date(int(year), int(month), int(day))
        time = datetime.time(int(hours), int(minutes), int(seconds or 0)) if hours else None
    except ValueError:
        return None
    second = None if time is None else 3600 * time.hour + 60 * time.minute + time.second
    return _Moment(date.toordinal(), second)
