"""Pairs of a reference report and a candidate, and the files that hold them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import InputError
from cxr_agent.evaluation.texts.phrases import Phrase, phrases_from
from cxr_agent.prose.structure import MOST_TEXT

_MOST_BYTES: Final = 256 << 20
_MOST_PAIRS: Final = 1_000_000
_HINT: Final = (
    "Give lines of JSON, or a CSV table, with id, reference and candidate; patient and day where "
    "reports of several dates belong together."
)


@dataclass(frozen=True, slots=True)
class ReportPair:
    """A report and what is compared with it."""

    id: str
    reference: str
    candidate: str
    patient: str | None = None
    """Reports of one patient are also compared across dates, where days are given."""
    day: int | None = None
    """Days since any one date, the same for all reports of a patient."""
    reference_phrases: tuple[Phrase, ...] | None = None
    """Of a grounded report: its phrases with their boxes. None: the text's own, without boxes."""
    candidate_phrases: tuple[Phrase, ...] | None = None


def read_pairs(path: Path) -> list[ReportPair]:
    """Pairs from a file.

    Parameters
    ----------
    path
        ``.csv`` with a header, else lines of JSON, in UTF-8: ``id``, ``reference``, ``candidate``;
        ``patient``, ``day``; in JSON also ``reference_phrases`` and ``candidate_phrases``, lists of
        ``{"text": ..., "boxes": [[left, top, right, bottom], ...] or null}`` with coordinates as
        shares of the film's width and height.

    Raises
    ------
    InputError
        ``unreadable_report`` when the file cannot be read or a line is none of these,
        ``report_too_long`` for a report beyond 200,000 characters.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise _unreadable(f"the reports cannot be read: {type(error).__name__}") from None
    if len(raw) > _MOST_BYTES:
        raise _unreadable("the file has more than 256 MiB")
    rows = _of_csv(text) if path.suffix.lower() == ".csv" else _of_json(text)
    pairs: list[ReportPair] = []
    for number, row in enumerate(rows, start=1):
        if number > _MOST_PAIRS:
            raise _unreadable("the file has more than 1,000,000 reports")
        pairs.append(_pair(number, row))
    return pairs


def _of_csv(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        yield from csv.DictReader(io.StringIO(text), strict=True)
    except csv.Error:
        raise _unreadable("the table is damaged") from None


def _of_json(text: str) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise _unreadable(f"line {number} is no object in JSON")
        yield row


def _pair(number: int, row: Mapping[str, Any]) -> ReportPair:
    reference, candidate = row.get("reference"), row.get("candidate")
    if not isinstance(reference, str) or not isinstance(candidate, str):
        raise _unreadable(f"report {number} has no text as reference or as candidate")
    if max(len(reference), len(candidate)) > MOST_TEXT:
        raise InputError(
            "report_too_long",
            f"report {number} has more than {MOST_TEXT:,} characters",
            hint="Give one report per line.",
        )
    patient = row.get("patient")
    return ReportPair(
        id=str(row.get("id") or number),
        reference=reference,
        candidate=candidate,
        patient=None if patient in (None, "") else str(patient),
        day=_day(number, row.get("day")),
        reference_phrases=_phrases(number, row.get("reference_phrases")),
        candidate_phrases=_phrases(number, row.get("candidate_phrases")),
    )


def _day(number: int, value: object) -> int | None:
    if value is None or value == "":
        return None
    try:
        return int(str(value))
    except ValueError:
        raise _unreadable(f"the day of report {number} is no whole number") from None


def _phrases(number: int, value: object) -> tuple[Phrase, ...] | None:
    if value is None:
        return None
    if not isinstance(value, Iterable):
        raise _unreadable(f"the phrases of report {number} are no list")
    try:
        return phrases_from(value)
    except ValueError as error:
        raise _unreadable(f"of report {number}, {error}") from None


def _unreadable(message: str) -> InputError:
    return InputError("unreadable_report", message, hint=_HINT)
