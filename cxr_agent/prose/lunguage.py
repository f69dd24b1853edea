"""Structured reports in the columns of Lunguage, read and written.

One row is one finding of one sentence with its relations (Moon et al., "Lunguage: A Benchmark for
Structured and Sequential Chest X-ray Interpretation", arXiv 2505.21190; columns as in Lunguage.csv
of PhysioNet and in the output of its structuring). ``associate`` and ``evidence`` are there the
other way round than in :class:`FindingRow`: an opacity that suggests pneumonia is the pneumonia's
``evidence``, and the pneumonia is the opacity's ``associate``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxr_agent.errors import InputError
from cxr_agent.evidence import Side
from cxr_agent.prose.attributes import FindingRow
from cxr_agent.prose.claims import Status
from cxr_agent.prose.structure import StructuredReport
from cxr_agent.tabular import safe_cell

RELATIONS: Final = (
    "location",
    "placement",
    "associate",
    "evidence",
    "morphology",
    "distribution",
    "measurement",
    "severity",
    "comparison",
    "onset",
    "no change",
    "improved",
    "worsened",
    "past hx",
    "other source",
    "assessment limitations",
)
COLUMNS: Final = (
    *("idx", "subject_id", "study_id", "sequence", "section", "sent", "ent", "cat"),
    *("dx_status", "dx_certainty"),
    *RELATIONS,
    *("entity_group", "episode"),
)
_NEEDED: Final = ("study_id", "dx_status")
_ENTITY: Final = ("ent", "entity")
"""The published table has the one, the output of its structuring the other."""
_SECTIONS: Final = {"findings": "find", "impression": "impr", "history": "hist"}
_OWN_SECTIONS: Final = {short: long for long, short in _SECTIONS.items()}
_TURNED: Final = {"associate": "evidence", "evidence": "associate"}
_MOST_BYTES: Final = 256 << 20
_MOST_CHARACTERS: Final = 20_000
"""Of one cell."""
_NOTHING: Final = ("", "nan", "none")

Category = Literal["rf", "oth", "cof", "ncd", "patient info."]
"""Radiological finding; device or treatment; objective finding from elsewhere; diagnosis from
elsewhere; what the patient tells."""


class LunguageRow(BaseModel):
    """One finding of one sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    idx: int = 0
    subject_id: str = ""
    study_id: str = Field(min_length=1)
    sequence: int | None = None
    """Place of the study among the patient's, the earliest first."""
    section: str = ""
    """``findings``, ``impression``, ``history``, or as the file has it."""
    sent: str = ""
    ent: str = Field(min_length=1)
    cat: Category | None = None
    dx_status: Status
    dx_certainty: Literal["definitive", "tentative"] = "definitive"
    relations: dict[str, str] = Field(default_factory=dict)
    """By name of :data:`RELATIONS`, as the file words it; those that are empty are left out."""
    entity_group: str = ""
    """Findings of several studies that are one, where they were put together."""
    episode: str = ""

    @property
    def locations(self) -> tuple[str, ...]:
        """The places without ``loc:`` and without what ``det:`` adds."""
        return tuple(
            part.removeprefix("loc:").strip()
            for part in map(str.strip, self.relations.get("location", "").split(","))
            if part and not part.startswith("det:")
        )


def rows_of_report(
    report: StructuredReport, study_id: str, subject_id: str = "", sequence: int | None = None
) -> tuple[LunguageRow, ...]:
    """The rows of a report that was structured by rule.

    A finding at several places has a row for each, as the benchmark asks for.
    """
    found: list[LunguageRow] = []
    for sentence in report.sentences:
        for row in sentence.rows:
            for relations in _by_place(row):
                found.append(
                    LunguageRow(
                        idx=len(found),
                        subject_id=subject_id,
                        study_id=study_id,
                        sequence=sequence,
                        section=sentence.section,
                        sent=" ".join(sentence.text.split()),
                        ent=row.ent,
                        cat="oth" if row.cat == "device" else "rf",
                        dx_status=row.dx_status,
                        dx_certainty=row.dx_certainty,
                        relations=relations,
                    )
                )
    return tuple(found)


def _by_place(row: FindingRow) -> Iterator[dict[str, str]]:
    told = {
        _TURNED.get(name, name): ", ".join(value.replace("_", " ") for value in values)
        for name, values in row.attributes.items()
        if name not in ("location", "comparison")  # theirs is of sides, ours of dates
    }
    places = row.attributes.get("location", ())
    if places and places[0] in tuple(Side):
        places = (" ".join(places),)  # a side and the places that it is of
    for place in places or ("",):
        yield {**({"location": f"loc: {place}"} if place else {}), **told}


def written(rows: Iterable[LunguageRow]) -> str:
    """The rows as CSV, with a line of :data:`COLUMNS`."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        told: dict[str, Any] = {**row.model_dump(exclude={"relations"}), **row.relations}
        told["section"] = _SECTIONS.get(row.section, row.section)
        writer.writerow([_cell(told.get(name)) for name in COLUMNS])
    return file.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if _is_formula(value) else value
    return "" if value is None else value


def _is_formula(text: str) -> bool:
    """Whether a spreadsheet would run it, or it is one that was quoted before."""
    bare = text.lstrip("'")
    return safe_cell(bare) != bare


def read_rows(path: Path) -> tuple[LunguageRow, ...]:
    """Read such a table; columns that are not known are passed over.

    Raises
    ------
    InputError
        ``unreadable_table`` for a file that cannot be read, ``not_lunguage`` for one with other
        columns or with a row that says nothing that the schema allows: the row is named.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError("unreadable_table", "the table has more than 256 MiB")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "unreadable_table",
            f"the table cannot be read: {type(error).__name__}",
            hint="Give a CSV file in UTF-8.",
        ) from None
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        names = tuple(reader.fieldnames or ())
        entity = next((name for name in _ENTITY if name in names), None)
        if entity is None or not set(_NEEDED) <= set(names):
            raise _not_lunguage("its columns are others")
        return tuple(
            _row(number, raw, entity)
            for number, raw in enumerate(reader, 1)
            if _said(raw.get(entity))
        )
    except csv.Error:
        raise _not_lunguage(f"line {reader.line_num} is no CSV") from None


def _row(number: int, raw: Mapping[Any, Any], entity: str) -> LunguageRow:
    cells = {name: _said(raw.get(name)) for name in COLUMNS}
    if any(len(cell) > _MOST_CHARACTERS for cell in cells.values()):
        raise _not_lunguage(f"row {number} has a cell of more than {_MOST_CHARACTERS:,} characters")
    given = {
        name: cells[name].lower() if name in ("cat", "dx_status", "dx_certainty") else cells[name]
        for name in COLUMNS
        if name not in RELATIONS and cells[name]
    }
    if "sequence" in given:
        given["sequence"] = given["sequence"].removesuffix(".0")
    section = given.get("section", "")
    try:
        return LunguageRow.model_validate(
            {
                **given,
                "idx": given.get("idx", number - 1),
                "ent": _said(raw.get(entity)),
                "section": _OWN_SECTIONS.get(section, section),
                "relations": {name: cells[name] for name in RELATIONS if cells[name]},
            }
        )
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise _not_lunguage(f"row {number} has a wrong {field}") from None


def _said(cell: object) -> str:
    """A cell's text; empty for what pandas writes where nothing is."""
    text = cell.strip() if isinstance(cell, str) else ""
    if text.startswith("'") and _is_formula(text):
        text = text[1:]
    return "" if text.lower() in _NOTHING else text


def _not_lunguage(why: str) -> InputError:
    return InputError(
        "not_lunguage",
        f"this is no table of Lunguage: {why}",
        hint="Needed are study_id, ent or entity, and dx_status (positive or negative).",
    )
