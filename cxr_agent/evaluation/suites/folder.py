"""Files of a benchmark's folder: bounded, inside it, and data whatever they say."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from cxr_agent.errors import InputError

MOST_BYTES: Final = 512 * 2**20
"""Of one file: ReXVQA's largest has about 300 MB."""
MOST_TEXT: Final = 20_000
"""Characters of one text of a data set; what comes after is not read."""
MOST_OPTIONS: Final = 10
_MOST_CELL: Final = 10_000_000

_Item = TypeVar("_Item", bound=BaseModel)


class Record(BaseModel):
    """One record of a data set; what is not asked for is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


def not_a_benchmark(what: str, hint: str) -> InputError:
    """The error for a folder that is no such data set."""
    return InputError("not_a_benchmark", f"the folder holds no readable {what}", hint=hint)


def bad_question(what: str) -> InputError:
    """The error for a record of another form."""
    return InputError("bad_question", f"{what} is malformed", hint="Unpack the data set again.")


def found(root: Path, *names: str) -> Path | None:
    """The first of the files that is there."""
    return next((root / name for name in names if (root / name).is_file()), None)


def inside(root: Path, name: str) -> Path:
    """The file that a data set names, below a folder.

    Leading ``./`` and ``../``, as ReXVQA writes them, are dropped.

    Raises
    ------
    InputError
        ``bad_question`` for a path that leads out of the folder, by its parts or by a link.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    while parts and parts[0] == "..":
        parts.pop(0)
    path = root.joinpath(*parts)
    try:
        stays = bool(parts) and path.resolve().is_relative_to(root.resolve())
    except (OSError, ValueError):  # a link that turns in a circle, a null byte
        stays = False
    if not stays:
        raise bad_question("a path that a record names")
    return path


def text_of(path: Path) -> str:
    """A text file, gzipped or not, in UTF-8.

    Raises
    ------
    InputError
        ``not_a_benchmark`` where it cannot be read or is too large.
    """
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError
        return bytes(data).decode("utf-8-sig")
    except (OSError, EOFError, ValueError):
        raise not_a_benchmark(path.name[:60], "Unpack the data set again.") from None


def json_of(path: Path) -> Any:
    """A JSON file; raises as :func:`text_of`."""
    try:
        return json.loads(text_of(path))
    except (ValueError, RecursionError):
        raise not_a_benchmark(path.name[:60], "Unpack the data set again.") from None


def lines_of(path: Path) -> Iterator[Any]:
    """Lines of JSON; raises as :func:`text_of`, and ``bad_question``."""
    for number, line in enumerate(text_of(path).splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                raise bad_question(f"line {number} of {path.name[:60]}") from None


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a table with a header, by commas or (``.tsv``, ``.txt``) tabs.

    Raises
    ------
    InputError
        As :func:`text_of`, and ``bad_question``.
    """
    delimiter = "\t" if path.suffix in (".tsv", ".txt") else ","
    before = csv.field_size_limit(_MOST_CELL)
    try:
        for row in csv.DictReader(io.StringIO(text_of(path)), delimiter=delimiter):
            yield {str(name): value for name, value in row.items() if isinstance(value, str)}
    except csv.Error:
        raise bad_question(f"a row of {path.name[:60]}") from None
    finally:
        csv.field_size_limit(before)


def record(model: type[_Item], raw: Any, where: str) -> _Item:
    """A record, checked.

    Raises
    ------
    InputError
        ``bad_question``.
    """
    try:
        return model.model_validate(raw)
    except (ValidationError, RecursionError):
        raise bad_question(where) from None
