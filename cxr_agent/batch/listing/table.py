"""Tables of films: CSV in the forms that programs write, and Parquet; read row by row."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from cxr_agent.batch.listing.rows import COLUMNS, TOO_LONG, check_columns, column_name
from cxr_agent.errors import ConfigError, UsageError

_PARQUET: Final = b"PAR1"
_DELIMITERS: Final = (",", ";", "\t", "|")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHUNK: Final = 1 << 20
_BATCH_ROWS: Final = 1024
_LONGEST_HEADER: Final = 1 << 16

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose columns were checked."""

    rows: Callable[[], Iterator[Row]]
    """Its rows, by the names of :data:`~cxr_agent.batch.listing.rows.COLUMNS`.

    Raises
    ------
    UsageError
        ``bad_table``, when it cannot be read to its end.
    """


def open_table(path: Path) -> Table:
    """Look at the columns of a table.

    Raises
    ------
    UsageError
        ``bad_table``, ``no_file_column``, ``misspelt_column``.
    ConfigError
        ``pyarrow_missing``.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_LONGEST_HEADER)
    except OSError:
        raise _bad_table() from None
    return _parquet(path) if start.startswith(_PARQUET) else _csv(path, start)


def _bad_table() -> UsageError:
    return UsageError(
        "bad_table",
        "the input is neither films nor a table that can be read",
        hint="Give a CSV file whose first line names the columns, or a Parquet file.",
    )


def _csv(path: Path, start: bytes) -> Table:
    encoding = _encoding(path, start)
    header, delimiter = _header(path, encoding)
    check_columns(header)
    names = [column_name(name) for name in header]
    return Table(lambda: _csv_rows(path, encoding, delimiter, names))


def _encoding(path: Path, start: bytes) -> str:
    """By its mark; else UTF-8 where all of it is that, else what Windows writes in the west."""
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    if b"\0" in start:
        raise _bad_table()
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    except OSError:
        raise _bad_table() from None
    return "utf-8"


def _header(path: Path, encoding: str) -> tuple[list[str], str]:
    """The names of the columns, and what separates them."""
    first: list[str] = []
    for delimiter in _DELIMITERS:
        header = next(_lines(path, encoding, delimiter), [])
        if {"file", "files"} & set(map(column_name, header)):
            return header, delimiter
        first = max(first, header, key=len)
    return first, _DELIMITERS[0]


def _csv_rows(path: Path, encoding: str, delimiter: str, names: Sequence[str]) -> Iterator[Row]:
    lines = _lines(path, encoding, delimiter)
    next(lines)
    for cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        row = dict(zip(names, cells, strict=False))
        if any(cell.strip() for cell in cells[len(names) :]):
            row[TOO_LONG] = "yes"
        yield row


def _lines(path: Path, encoding: str, delimiter: str) -> Iterator[list[str]]:
    try:
        with path.open(encoding=encoding, newline="") as file:
            yield from csv.reader(file, delimiter=delimiter)
    except (OSError, UnicodeError, csv.Error):
        raise _bad_table() from None


def _parquet(path: Path) -> Table:
    if find_spec("pyarrow") is None:
        raise ConfigError(
            "pyarrow_missing",
            "pyarrow is not installed",
            hint="pip install 'cxr-agent[parquet]', or give a CSV file.",
        )
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        header = pq.read_schema(path).names
    except (OSError, ValueError, pa.ArrowException):
        raise _bad_table() from None
    check_columns(header)
    wanted = {name: column_name(name) for name in header if column_name(name) in COLUMNS}
    return Table(lambda: _parquet_rows(path, wanted))


def _parquet_rows(path: Path, wanted: Mapping[str, str]) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=list(wanted)):
                for row in batch.to_pylist():
                    yield {wanted[name]: value for name, value in row.items() if name in wanted}
    except (OSError, ValueError, pa.ArrowException):
        raise _bad_table() from None
