"""MS-CXR (Boecking et al., ECCV 2022): phrases of reports with the boxes that they are about.

``MS_CXR_Local_Alignment_v*.csv``, or the same as COCO JSON; films are those of MIMIC-CXR-JPG, whose
``path`` starts in the folder of the films. Boxes are (x, y, width, height) in pixels of the film as
it is in MIMIC-CXR.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from cxr_agent.evaluation.suites.folder import (
    Record,
    bad_question,
    inside,
    json_of,
    not_a_benchmark,
    record,
    rows_of,
)
from cxr_agent.evidence import Box

_HINT: Final = "Give the folder of MS-CXR from PhysioNet, with MS_CXR_Local_Alignment_v1.1.0.csv."
_NAME: Final = "MS_CXR_Local_Alignment_v*"
_PATIENT: Final = re.compile(r"(?:^|/)(p\d{4,10})/")
_LARGEST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase and where it points to."""

    name: str
    group: str
    text: str
    category: str
    film: Path
    boxes: tuple[Box, ...]
    """In pixels of a film of ``shape``."""
    shape: tuple[int, int]
    """(rows, columns)."""


class _Row(Record):
    dicom_id: str = Field(max_length=200)
    category_name: str = Field(default="", max_length=200)
    label_text: str = Field(max_length=2_000)
    path: str = Field(max_length=1_000)
    x: float
    y: float
    w: float = Field(gt=0)
    h: float = Field(gt=0)
    image_width: int = Field(ge=1, le=_LARGEST)
    image_height: int = Field(ge=1, le=_LARGEST)


def read(root: Path, films: Path | None) -> list[Phrase]:
    """All phrases, in the order of the file.

    Raises
    ------
    InputError
        ``not_a_benchmark``, ``bad_question``.
    """
    base = films or root
    found: dict[tuple[str, str, str], list[_Row]] = {}
    for row in _rows(root):
        found.setdefault((row.dicom_id, row.category_name, row.label_text), []).append(row)
    return [_phrase(rows, inside(base, rows[0].path)) for rows in found.values()]


def _rows(root: Path) -> Iterator[_Row]:
    tables = sorted(root.glob(f"{_NAME}.csv"))
    if tables:
        for number, row in enumerate(rows_of(tables[-1]), 1):
            yield record(_Row, row, f"row {number}")
        return
    lists = sorted(root.glob(f"{_NAME}.json"))
    if not lists:
        raise not_a_benchmark("MS_CXR_Local_Alignment", _HINT)
    yield from _coco(json_of(lists[-1]))


def _coco(raw: Any) -> Iterator[_Row]:
    """The rows of the COCO form, as the data set's own converter makes them."""
    try:
        images = {one["id"]: one for one in raw["images"]}
        categories = {one["id"]: one["name"] for one in raw["categories"]}
        annotations = list(raw["annotations"])
        rows = []
        for one in annotations:
            image = images[one["image_id"]]
            x, y, w, h = one["bbox"]
            rows.append(
                {
                    "dicom_id": Path(str(image["file_name"])).stem,
                    "category_name": categories[one["category_id"]],
                    "label_text": one["label_text"],
                    "path": image.get("path", image["file_name"]),
                    "x": x,
                    "y": y,
                    "w": w,
                    "h": h,
                    "image_width": image["width"],
                    "image_height": image["height"],
                }
            )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise bad_question("the list of boxes") from None
    for number, row in enumerate(rows, 1):
        yield record(_Row, row, f"box {number}")


def _phrase(rows: list[_Row], film: Path) -> Phrase:
    first = rows[0]
    patient = _PATIENT.search(first.path)
    text = " ".join(first.label_text.split())
    digest = hashlib.sha256(f"{first.category_name}\0{text}".encode("utf-8", "replace"))
    return Phrase(
        name=f"{first.dicom_id} {digest.hexdigest()[:12]}",
        group=patient.group(1) if patient else first.dicom_id,
        text=text,
        category=first.category_name.strip().lower(),
        film=film,
        boxes=tuple((round(r.x), round(r.y), round(r.x + r.w), round(r.y + r.h)) for r in rows),
        shape=(first.image_height, first.image_width),
    )
