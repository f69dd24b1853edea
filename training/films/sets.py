"""The sets of films, each with its labels in the terms of kb/vocabulary.toml.

``--extra DIR`` holds what is not in ../shared: one folder per set with images and an index; how
each was obtained is told in training/README.md. A set that is not there is left out, and what a
run saw is written into its log.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from training.films.film import Film

LABELS: Final = (
    "lung_opacity",
    "pneumonia",
    "consolidation",
    "atelectasis",
    "pulmonary_edema",
    "pleural_effusion",
    "pneumothorax",
    "cardiomegaly",
    "lung_lesion",
    "emphysema",
    "pulmonary_fibrosis",
    "pleural_thickening",
    "hernia",
    "support_devices",
    "fracture",
)
_NIH: Final = {
    "Atelectasis": "atelectasis",
    "Cardiomegaly": "cardiomegaly",
    "Consolidation": "consolidation",
    "Edema": "pulmonary_edema",
    "Effusion": "pleural_effusion",
    "Emphysema": "emphysema",
    "Fibrosis": "pulmonary_fibrosis",
    "Hernia": "hernia",
    "Mass": "lung_lesion",
    "Nodule": "lung_lesion",
    "Pleural_Thickening": "pleural_thickening",
    "Pneumonia": "pneumonia",
    "Pneumothorax": "pneumothorax",
    "Infiltration": "lung_opacity",
}
_CHEXPERT: Final = {
    "Lung Opacity": "lung_opacity",
    "Pneumonia": "pneumonia",
    "Consolidation": "consolidation",
    "Atelectasis": "atelectasis",
    "Edema": "pulmonary_edema",
    "Pleural Effusion": "pleural_effusion",
    "Pneumothorax": "pneumothorax",
    "Cardiomegaly": "cardiomegaly",
    "Lung Lesion": "lung_lesion",
    "Support Devices": "support_devices",
    "Fracture": "fracture",
}
_VINDR: Final = {
    "Atelectasis": "atelectasis",
    "Cardiomegaly": "cardiomegaly",
    "Consolidation": "consolidation",
    "Infiltration": "lung_opacity",
    "Lung Opacity": "lung_opacity",
    "Nodule/Mass": "lung_lesion",
    "Pleural effusion": "pleural_effusion",
    "Pleural thickening": "pleural_thickening",
    "Pneumothorax": "pneumothorax",
    "Pulmonary fibrosis": "pulmonary_fibrosis",
}
_GROWN: Final = 18
_OPACITIES: Final = frozenset(
    {"lung_opacity", "pneumonia", "consolidation", "atelectasis", "pulmonary_edema", "lung_lesion"}
)
"""What CheXpert's hierarchy has under Lung Opacity (Irvin et al., AAAI 2019)."""


TESTS_ONLY: Final = ("chexpert", "vindr")
"""Strange hospitals: findings and embedding never see them, be it with or without labels; the
view model sees side views of three fifths of CheXpert's patients."""
OTHERS: Final = (
    "boneage_hand",
    "brain_mri",
    "chest_ct",
    "dental",
    "knee",
    "photos",
    "breast_us",
    "limb_fangcao",
    "medmnist64",
)


def chest_films(shared: Path, extra: Path) -> list[Film]:
    """All chest films of all sets that are there, in a fixed order."""
    return [film for reader in _READERS.values() for film in reader(shared, extra)]


def films_of(source: str, shared: Path, extra: Path) -> list[Film]:
    """The films of one set; none where it is not there. Raises KeyError for an unknown set."""
    return list(_READERS[source](shared, extra))


def other_pictures(extra: Path) -> list[Film]:
    """What is no chest film: other parts of the body, other kinds of picture."""
    return [
        Film(name, row["patient"].replace("?", row["file"]), folder / row["file"], view="other")
        for name in OTHERS
        for folder in [extra / name]
        for row in _rows(folder)
        if row["view"] == "other"
    ]


def laterals(extra: Path) -> list[Film]:
    """Side views of CheXpert's validation patients."""
    return [film for film in _chexpert(extra, extra) if film.view == "lateral"]


def count_by_source(films: Iterable[Film]) -> dict[str, int]:
    return dict(Counter(film.source for film in films))


def people(films: Iterable[Film]) -> int:
    """Number of patients."""
    return len({film.person for film in films})


def _rows(folder: Path) -> list[dict[str, str]]:
    index = folder / "index.csv"
    if not index.exists():
        return []
    with index.open(newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: row.get("file") or row["id"])


def normal() -> dict[str, bool]:
    """The labels of a film that its readers called normal."""
    return dict.fromkeys(LABELS, False)


def _image(folder: Path, name: str) -> Path:
    path = folder / name
    return path if path.exists() else folder / "images" / name


def _nih(shared: Path, extra: Path) -> Iterator[Film]:
    """ChestX-ray14: labels mined from reports, which do not speak of devices and fractures."""
    seen: set[str] = set()
    ages = _ages(extra / "nih_entries.csv.gz")
    for name in ("nih_small", "nih_128"):
        folder = extra / name
        for row in _rows(folder):
            if row["file"] in seen:
                continue
            seen.add(row["file"])
            yield Film(
                "nih",
                row["patient"],
                _image(folder, row["file"]),
                row["view"],
                _of_nih(row["source_label"]),
                ages[row["file"]] < _GROWN if row["file"] in ages else None,
                grain=min(224, int(row["width"])),
            )


def _ages(table: Path) -> dict[str, int]:
    """Years by file name, from the set's own table."""
    if not table.exists():
        return {}
    with gzip.open(table, "rt", newline="") as file:
        return {row["Image Index"]: int(row["Patient Age"]) for row in csv.DictReader(file)}


def _of_nih(names: str) -> dict[str, bool]:
    found = {_NIH[name] for name in names.split("|") if name in _NIH}
    labels = {code: code in found for code in _NIH.values()}
    labels["lung_opacity"] = bool(found & _OPACITIES)
    return labels


def _chexpert(shared: Path, extra: Path) -> Iterator[Film]:
    """CheXpert's validation films: three radiologists, by majority."""
    folder = extra / "chexpert_valid"
    for row in _rows(folder):
        found = {_CHEXPERT[name] for name in row["source_label"].split("|") if name in _CHEXPERT}
        labels = {code: code in found for code in _CHEXPERT.values()}
        yield Film("chexpert", row["patient"], _image(folder, row["file"]), row["view"], labels)


def _tuberculosis(source: str) -> Callable[[Path, Path], Iterator[Film]]:
    """Screening for tuberculosis: a film is normal or shows tuberculosis somewhere."""

    def read(shared: Path, extra: Path) -> Iterator[Film]:
        folder = extra / source
        for row in _rows(folder):
            ill = row["tb_label"] == "1"
            labels = {"lung_opacity": True} if ill else normal()
            yield Film(source, row["id"], folder / "images" / f"{row['id']}.png", "PA", labels)

    return read


def _jsrt(shared: Path, extra: Path) -> Iterator[Film]:
    """A lung nodule or none, on films chosen for nothing else."""
    for path in sorted((shared / "data" / "jsrt" / "images").glob("*.png")):
        labels = normal()
        labels["lung_lesion"] = labels["lung_opacity"] = path.name.startswith("JPCLN")
        yield Film("jsrt", path.stem, path, "PA", labels)


def _wingspan(shared: Path, extra: Path) -> Iterator[Film]:
    """No label; half of these films were made for their large hearts."""
    for path in sorted((shared / "data" / "wingspan" / "images").glob("*.png")):
        yield Film("wingspan", path.stem, path, "frontal")


def _covid(shared: Path, extra: Path) -> Iterator[Film]:
    """Case reports of pneumonia, several films of one patient."""
    table = shared / "data" / "covid" / "metadata.csv"
    if not table.exists():
        return
    views = {"PA": "PA", "AP": "AP", "AP Supine": "AP"}
    with table.open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["filename"])
    for row in rows:
        ill = row["finding"] not in ("No Finding", "todo", "")
        labels = {"lung_opacity": True, "pneumonia": True} if ill else {}
        path = table.parent / "images" / row["filename"]
        if path.exists():
            view = views.get(row["view"], "frontal")
            yield Film("covid", row["patientid"], path, view, labels, None)


def _kermany(shared: Path, extra: Path) -> Iterator[Film]:
    """Children of one to five years, normal or with pneumonia."""
    folder = extra / "kermany"
    for row in _rows(folder):
        ill = row["source_label"] != "normal"
        labels = {"lung_opacity": True, "pneumonia": True} if ill else normal()
        yield Film("kermany", row["patient"], _image(folder, row["file"]), "AP", labels, True)


def _vindr(shared: Path, extra: Path) -> Iterator[Film]:
    """VinDr-CXR: a finding that two of three radiologists marked; abnormal films alone."""
    folder = extra / "vindr_subset"
    for row in _rows(folder):
        found = {_VINDR[name] for name in row["source_label"].split("|") if name in _VINDR}
        labels = {code: code in found for code in _VINDR.values()}
        labels["lung_opacity"] = bool(found & _OPACITIES)
        yield Film("vindr", row["patient"], _image(folder, row["file"]), "PA", labels)


def _unlabelled(source: str, only: str = "") -> Callable[[Path, Path], Iterator[Film]]:
    """Films that are used for their looks alone; ``only`` those with that name for their class."""

    def read(shared: Path, extra: Path) -> Iterator[Film]:
        folder = extra / source
        for row in _rows(folder):
            if only and row["source_label"] != only:
                continue
            view = row["view"] if row["view"] in ("PA", "AP", "lateral") else "frontal"
            yield Film(source, row["patient"], _image(folder, row["file"]), view)

    return read


_READERS: Final[dict[str, Callable[[Path, Path], Iterator[Film]]]] = {
    "nih": _nih,
    "chexpert": _chexpert,
    "vindr": _vindr,
    "montgomery": _tuberculosis("montgomery"),
    "shenzhen": _tuberculosis("shenzhen"),
    "jsrt": _jsrt,
    "wingspan": _wingspan,
    "covid": _covid,
    "kermany": _kermany,
    "figure1_covid": _unlabelled("figure1_covid"),
    "actualmed_covid": _unlabelled("actualmed_covid"),
    # Its other films repeat films of covid/, cut and stretched, which no hash finds surely.
    "covidradiography": _unlabelled("covidradiography", only="Normal"),
}
