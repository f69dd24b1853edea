"""Evidence as a table: CSV, Parquet, a data frame; one row per evidence."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any, Final

from cxr_agent.errors import ConfigError
from cxr_agent.trace.known import Known

_TEXTS: Final = (
    "run_id", "id", "film", "kind", "code", "location", "side", "polarity", "unit", "category",
    "against", "tool", "tool_version", "model", "weights_sha256", "image_sha256", "withdrawn",
)  # fmt: skip
_NUMBERS: Final = ("value", "interval_low", "interval_high", "interval_level", "probability")
COLUMNS: Final = (
    "run_id", "id", "film", "kind", "code", "location", "side", "polarity", "value", "unit",
    "interval_low", "interval_high", "interval_level", "probability", "category", "against",
    "step", "tool", "tool_version", "model", "weights_sha256", "image_sha256", "sentences",
    "withdrawn",
)  # fmt: skip
"""``sentences`` are the numbers of those that cite it; ``withdrawn`` says why, or is empty."""


def row(known: Known) -> dict[str, Any]:
    """One row; a missing value is None."""
    low, high = known.interval or (None, None)
    more = {"interval_low": low, "interval_high": high, "sentences": list(known.sentences)}
    return {name: more[name] if name in more else getattr(known, name) for name in COLUMNS}


def to_csv(evidence: Iterable[Known]) -> bytes:
    """UTF-8 with a header; numbers of sentences are separated by blanks."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for known in evidence:
        writer.writerow(_cell(value) for value in row(known).values())
    return out.getvalue().encode()


def to_parquet(evidence: Iterable[Known]) -> bytes:
    """Parquet, with the same columns typed; the same bytes for the same rows.

    Raises
    ------
    ConfigError
        ``pyarrow_missing``.
    """
    if find_spec("pyarrow") is None:
        raise ConfigError(
            "pyarrow_missing",
            "pyarrow is not installed",
            hint="pip install 'cxr-agent[parquet]', or export a .csv",
        )
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {
        **dict.fromkeys(_TEXTS, pa.string()),
        **dict.fromkeys(_NUMBERS, pa.float64()),
        "step": pa.int64(),
        "sentences": pa.list_(pa.int64()),
    }
    schema = pa.schema([(name, kinds[name]) for name in COLUMNS])
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row(one) for one in evidence], schema=schema), out)
    return out.getvalue()


def to_frame(evidence: Iterable[Known]) -> Any:
    """See :meth:`cxr_agent.trace.KnownEvidence.to_frame`."""
    if find_spec("pandas") is None:
        raise ConfigError(
            "pandas_missing", "pandas is not installed", hint="pip install 'cxr-agent[frames]'"
        )
    import pandas as pd

    return pd.DataFrame([row(one) for one in evidence], columns=list(COLUMNS))


def _cell(value: object) -> object:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"  # a spreadsheet would run it as a formula
    return value
