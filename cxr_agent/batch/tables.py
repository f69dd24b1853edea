"""The tables of a batch, made anew from its ledger: CSV, Parquet, data frames."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Protocol

from cxr_agent.batch.layout import study_id
from cxr_agent.batch.ledger import COMPLAINTS, Ledger, Settled
from cxr_agent.batch.rows import EVIDENCE_COLUMNS, KIND_OF, Table
from cxr_agent.errors import UsageError
from cxr_agent.tabular import has_pyarrow, pandas, pyarrow_parquet, safe_cell

STUDY_COLUMNS: Final = {
    "study": str, "name": str, "films": str, "priors": str, "outcome": str, "code": str,
    "message": str, "notes": str, "seconds": float, "ended": str, "device": str, "run": str,
}  # fmt: skip
"""``films`` and ``priors`` are places with semicolons between them. This table alone says which
file a study is."""
COLUMNS: Final[Mapping[Table, Mapping[str, type]]] = {
    Table.STUDIES: STUDY_COLUMNS,
    **dict.fromkeys(KIND_OF, {"study": str} | EVIDENCE_COLUMNS),
}
_AT_ONCE: Final = 5000
"""Rows that are held until they are written."""

_Row = dict[str, Any]


class _Writer(Protocol):
    """Writes rows of one table."""

    def write(self, rows: Sequence[_Row]) -> None: ...

    def close(self) -> None: ...


_Kind = Callable[[Path, Mapping[str, type]], _Writer]


def write_tables(ledger: Ledger) -> tuple[Path, ...]:
    """Write every table beside the ledger, as CSV and, where pyarrow is installed, as Parquet.

    Returns
    -------
    tuple of Path
        The files, each whole or as it was before.

    Raises
    ------
    OutputError
        ``disk_full``, ``batch_not_writable``.
    """
    try:
        with ExitStack() as stack:
            kinds: dict[str, _Kind] = {".csv": _Csv}
            if has_pyarrow():
                kinds[".parquet"] = _Parquet
            writers = [
                (table, stack.enter_context(_File(ledger.folder / f"{table}{suffix}", kind, table)))
                for table in Table
                for suffix, kind in kinds.items()
            ]
            held: dict[Table, list[_Row]] = {table: [] for table in Table}
            for settled in ledger.settled():
                for table, rows in _rows(settled).items():
                    held[table] += rows
                if max(map(len, held.values())) >= _AT_ONCE:
                    _emptied(held, writers)
            _emptied(held, writers)
        return tuple(file.path for _, file in writers)
    except OSError as error:
        raise COMPLAINTS.unwritable(error) from None


def frame_of(ledger: Ledger, table: str) -> Any:
    """See :meth:`cxr_agent.batch.batch.Batch.to_frame`."""
    if table not in list(Table):
        raise UsageError(
            "unknown_table", f"there is no table {table[:40]!r}", hint=f"One of {', '.join(Table)}."
        )
    name = Table(table)
    rows = [row for settled in ledger.settled() for row in _rows(settled)[name]]
    return pandas().DataFrame(rows, columns=list(COLUMNS[name]))


def _rows(settled: Settled) -> dict[Table, list[_Row]]:
    identity = study_id(settled.number)
    found: dict[Table, list[_Row]] = {
        table: [{"study": identity} | row for row in settled.rows if row["kind"] == kind]
        for table, kind in KIND_OF.items()
    }
    study = settled.study
    found[Table.STUDIES] = [
        {
            "study": identity,
            "name": study.name,
            "films": ";".join(study.films),
            "priors": ";".join(study.priors),
            "outcome": settled.state.value,
            "code": settled.code,
            "message": settled.message,
            "notes": settled.notes,
            "seconds": round(settled.seconds, 3),
            "ended": settled.ended,
            "device": settled.device,
            "run": settled.run,
        }
    ]
    return found


def _emptied(held: dict[Table, list[_Row]], writers: Sequence[tuple[Table, _File]]) -> None:
    for table, file in writers:
        file.write(held[table])
    for rows in held.values():
        rows.clear()


class _File:
    """A file that is written beside its place, and put there when it is whole."""

    def __init__(self, path: Path, kind: _Kind, table: Table) -> None:
        self.path = path
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".cxr-agent-")
        os.close(handle)
        self._temporary = Path(name)
        try:
            self._writer = kind(self._temporary, COLUMNS[table])
        except BaseException:  # a header is written at once
            self._temporary.unlink(missing_ok=True)
            raise

    def write(self, rows: Sequence[_Row]) -> None:
        self._writer.write(rows)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._writer.close()
            if kind is None:
                self._temporary.replace(self.path)
        finally:
            self._temporary.unlink(missing_ok=True)


class _Csv:
    def __init__(self, path: Path, columns: Mapping[str, type]) -> None:
        self._columns = tuple(columns)
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        self._csv = csv.writer(self._file, lineterminator="\n")
        self._csv.writerow(self._columns)

    def write(self, rows: Sequence[_Row]) -> None:
        self._csv.writerows([safe_cell(row.get(name)) for name in self._columns] for row in rows)

    def close(self) -> None:
        self._file.close()


class _Parquet:
    def __init__(self, path: Path, columns: Mapping[str, type]) -> None:
        self._arrow, parquet = pyarrow_parquet()
        pa = self._arrow
        kinds = {str: pa.string(), float: pa.float64(), int: pa.int64()}
        self._schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
        self._file = parquet.ParquetWriter(path, self._schema)

    def write(self, rows: Sequence[_Row]) -> None:
        if rows:
            self._file.write_table(
                self._arrow.Table.from_pylist(list(map(_text, rows)), schema=self._schema)
            )

    def close(self) -> None:
        self._file.close()


def _text(row: _Row) -> _Row:
    """A path need not be valid text, which Parquet asks for."""
    for name, value in row.items():
        if isinstance(value, str) and not value.isascii():
            row[name] = value.encode("utf-8", "backslashreplace").decode()
    return row
