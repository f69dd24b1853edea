"""Evidence as a table: CSV, Parquet, a data frame; one row per evidence."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

from cxr_agent.tabular import pandas, pyarrow_parquet, safe_cell
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
        writer.writerow(safe_cell(value) for value in row(known).values())
    return out.getvalue().encode()


def to_parquet(evidence: Iterable[Known]) -> bytes:
    """Parquet, with the same columns typed; the same bytes for the same rows.

    Raises
    ------
    ConfigError
        ``pyarrow_missing``.
    """
    pa, pq = pyarrow_parquet()
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
    columns = list(COLUMNS)
    return pandas().DataFrame([row(one) for one in evidence], columns=columns)
