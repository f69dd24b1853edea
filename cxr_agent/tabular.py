"""What tables of every kind share: cells that a spreadsheet does not run, libraries at need."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from cxr_agent.errors import ConfigError

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: object) -> object:
    """A value for a CSV file: what a spreadsheet would run as a formula is quoted."""
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def has_pyarrow() -> bool:
    """Whether Parquet can be written here."""
    return find_spec("pyarrow") is not None


def pyarrow_parquet() -> tuple[Any, Any]:
    """``pyarrow`` and ``pyarrow.parquet``.

    Raises
    ------
    ConfigError
        ``pyarrow_missing``.
    """
    if not has_pyarrow():
        raise ConfigError(
            "pyarrow_missing",
            "pyarrow is not installed",
            hint="pip install 'cxr-agent[parquet]', or take a .csv",
        )
    return import_module("pyarrow"), import_module("pyarrow.parquet")


def pandas() -> Any:
    """The library.

    Raises
    ------
    ConfigError
        ``pandas_missing``.
    """
    if find_spec("pandas") is None:
        raise ConfigError(
            "pandas_missing", "pandas is not installed", hint="pip install 'cxr-agent[frames]'"
        )
    return import_module("pandas")
