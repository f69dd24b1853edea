"""The readers of the film sets, on folders with the columns that the real indices have."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.knowledge import vocabulary
from tests.training.pictures import save
from training.films import sets
from training.films.film import Film
from training.findings import data

SHARED = Path(__file__).resolve().parents[3] / "shared"
GREY = np.full((4, 4), 0.5, dtype=np.float32)
COLUMNS = ("file", "patient", "source_label", "view", "width", "height", "original_path")
LUNGS = (
    "id",
    "set",
    "aspect_w_over_h",
    "aspect_source",
    "status",
    "lung_px",
    "right_px",
    "left_px",
    "tb_label",
)


class Folders:
    """A ``--shared`` and an ``--extra`` folder that are filled by rows."""

    def __init__(self, root: Path) -> None:
        self.shared, self.extra = root / "shared", root / "extra"

    def index(self, name: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
        self.write(self.extra / name / "index.csv", rows, columns)

    def films(self, name: str, *rows: tuple[str, str, str, str], width: int = 384) -> None:
        """An index of (file, patient, source_label, view)."""
        made = [dict(zip(COLUMNS, row, strict=False)) | {"width": width} for row in rows]
        self.index(name, made, COLUMNS)

    def lungs(self, name: str, **ill: int) -> None:
        """An index of the tuberculosis sets: label by id."""
        rows = [{"id": film, "set": name, "tb_label": label} for film, label in ill.items()]
        self.index(name, rows, LUNGS)

    def write(self, path: Path, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, columns)
            table.writeheader()
            table.writerows(rows)

    def read(self, source: str = "") -> list[Film]:
        films = sets.chest_films(self.shared, self.extra)
        assert not source or {film.source for film in films} == {source}
        return films


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def present(film: Film) -> set[str]:
    return {code for code, there in film.labels.items() if there}


def absent(film: Film) -> set[str]:
    return set(film.labels) - present(film)


def test_sets_that_are_not_there_are_left_out(folders: Folders) -> None:
    assert folders.read() == []
    assert sets.other_pictures(folders.extra) == []
    assert sets.laterals(folders.extra) == []


def test_there_are_words_for_all_that_is_classified() -> None:
    assert {vocabulary()[code].kind for code in data.CODES} == {"finding"}
    assert set(data.CODES) <= set(sets.LABELS)


def test_chestxray14(folders: Folders) -> None:
    folders.films(
        "nih_small",
        ("00000002_000.png", "nih_00000002", "No Finding", "PA"),
        ("00000001_000.png", "nih_00000001", "Infiltration|Effusion", "AP"),
        width=1024,
    )
    folders.films(
        "nih_128",
        ("00000001_000.png", "nih_00000001", "No Finding", "PA"),
        ("00000003_000.png", "nih_00000003", "Mass|Pleural_Thickening", "PA"),
        width=64,
    )
    folders.extra.mkdir(exist_ok=True)
    with gzip.open(folders.extra / "nih_entries.csv.gz", "wt", newline="") as file:
        file.write("Image Index,Finding Labels,Patient Age\n")
        file.write("00000001_000.png,x,17\n00000002_000.png,x,18\n")
    one, two, three = folders.read("nih")
    assert [film.patient for film in (one, two, three)] == [f"nih_0000000{n}" for n in (1, 2, 3)]
    assert present(one) == {"lung_opacity", "pleural_effusion"}
    assert present(two) == set()
    assert present(three) == {"lung_opacity", "lung_lesion", "pleural_thickening"}
    # Its labels were mined from reports that do not speak of these.
    for film in (one, two, three):
        assert set(sets.LABELS) - set(film.labels) == {"support_devices", "fracture"}
    assert [film.view for film in (one, two, three)] == ["AP", "PA", "PA"]
    assert [film.child for film in (one, two, three)] == [True, False, None]
    # The finer copy is taken where there are two.
    assert [film.grain for film in (one, two, three)] == [224, 224, 64]
    assert one.path.parts[-3:] == ("nih_small", "images", "00000001_000.png")


def test_a_film_may_lie_beside_its_index_or_under_images(folders: Folders) -> None:
    folders.films("nih_small", ("a.png", "p", "Mass", "PA"), ("b.png", "q", "Mass", "PA"))
    beside = save(folders.extra / "nih_small" / "a.png", GREY)
    below = save(folders.extra / "nih_small" / "images" / "b.png", GREY)
    assert [film.path for film in folders.read("nih")] == [beside, below]


def test_chexpert_and_its_side_views(folders: Folders) -> None:
    folders.films(
        "chexpert_valid",
        ("a_frontal.png", "chexpert_patient1", "Enlarged Cardiomediastinum|Lung Opacity", "AP"),
        ("a_lateral.png", "chexpert_patient1", "Support Devices|Fracture", "lateral"),
        ("b_frontal.png", "chexpert_patient2", "No Finding", "PA"),
    )
    frontal, side, normal = folders.read("chexpert")
    assert present(frontal) == {"lung_opacity"}
    assert present(side) == {"support_devices", "fracture"}
    assert present(normal) == set()
    assert len(normal.labels) == 11
    assert sets.laterals(folders.extra) == [side]


def test_vindr(folders: Folders) -> None:
    columns = (*COLUMNS, "votes")
    rows = [
        {"file": "a.png", "patient": "vindr_a", "source_label": "Nodule/Mass|Cardiomegaly"},
        {"file": "b.png", "patient": "vindr_b", "source_label": "Aortic enlargement"},
        {"file": "c.png", "patient": "vindr_c", "source_label": "Pleural effusion"},
    ]
    folders.index("vindr_subset", rows, columns)
    films = folders.read("vindr")
    assert [present(film) for film in films] == [
        {"lung_opacity", "lung_lesion", "cardiomegaly"},
        set(),
        {"pleural_effusion"},
    ]
    assert all("emphysema" not in film.labels for film in films)


def test_tuberculosis_says_nothing_of_other_findings(folders: Folders) -> None:
    folders.lungs("montgomery", MCUCXR_0001_0=0, MCUCXR_0104_1=1)
    folders.lungs("shenzhen", CHNCXR_0001_0=0)
    healthy, ill, elsewhere = folders.read()
    assert absent(healthy) == absent(elsewhere) == set(sets.LABELS)
    assert ill.labels == {"lung_opacity": True}
    assert (ill.source, elsewhere.source) == ("montgomery", "shenzhen")
    assert ill.path == folders.extra / "montgomery" / "images" / "MCUCXR_0104_1.png"


def test_jsrt_and_wingspan(folders: Folders) -> None:
    for name in ("JPCLN001", "JPCNN001"):
        save(folders.shared / "data" / "jsrt" / "images" / f"{name}.png", GREY)
    save(folders.shared / "data" / "wingspan" / "images" / "w1.png", GREY)
    nodule, none, unknown = folders.read()
    assert present(nodule) == {"lung_lesion", "lung_opacity"}
    assert absent(none) == set(sets.LABELS)
    assert (unknown.source, unknown.labels) == ("wingspan", {})


def test_covid_is_read_where_there_is_a_film(folders: Folders) -> None:
    folder = folders.shared / "data" / "covid"
    columns = ("patientid", "finding", "view", "filename")
    rows = [
        ("1", "COVID-19", "AP Supine", "a.jpg"),
        ("1", "COVID-19", "PA", "b.jpg"),
        ("2", "No Finding", "AP", "c.jpg"),
        ("3", "todo", "PA", "d.jpg"),
        ("4", "COVID-19", "PA", "gone.jpg"),
    ]
    table = [dict(zip(columns, row, strict=True)) for row in rows]
    folders.write(folder / "metadata.csv", table, columns)
    for name in "abcd":
        save(folder / "images" / f"{name}.jpg", GREY)
    films = folders.read("covid")
    assert [film.view for film in films] == ["AP", "PA", "AP", "PA"]
    assert [present(film) for film in films[:2]] == [{"lung_opacity", "pneumonia"}] * 2
    assert [film.labels for film in films[2:]] == [{}, {}]
    assert sets.people(films) == 3


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not here")
def test_covid_has_no_side_view_that_would_pass_for_a_frontal_one() -> None:
    films = [film for film in sets.chest_films(SHARED, Path("none")) if film.source == "covid"]
    assert {film.view for film in films} == {"PA", "AP"}


def test_kermany_are_children(folders: Folders) -> None:
    folders.films(
        "kermany", ("a.png", "IM-0117", "normal", "AP"), ("b.png", "p2", "bacteria", "AP")
    )
    normal, ill = folders.read("kermany")
    assert absent(normal) == set(sets.LABELS)
    assert ill.labels == {"lung_opacity": True, "pneumonia": True}
    assert normal.child is ill.child is True


def test_sets_without_labels(folders: Folders) -> None:
    folders.films("figure1_covid", ("a.png", "p", "COVID-19", "other"))
    folders.films("actualmed_covid", ("a.png", "p", "COVID-19", "AP"))
    folders.films(
        "covidradiography", ("a.png", "p", "Normal", "frontal"), ("b.png", "q", "COVID", "frontal")
    )
    films = folders.read()
    assert [(film.source, film.view) for film in films] == [
        ("figure1_covid", "frontal"),
        ("actualmed_covid", "AP"),
        ("covidradiography", "frontal"),
    ]
    assert all(not film.labels for film in films)


def test_other_pictures_are_no_chest_films(folders: Folders) -> None:
    folders.films("knee", ("images/knee_1L.png", "9560", "knee_KL4", "other"))
    folders.films(
        "chest_ct",
        ("images/ct_1.png", "?", "chest_ct_Normal", "other"),
        ("images/ct_2.png", "?", "chest_ct_Normal", "other"),
    )
    folders.films(
        "medmnist64",
        ("images/c.png", "c", "CXR", "frontal"),
        ("images/h.png", "h", "Hand", "other"),
    )
    films = sets.other_pictures(folders.extra)
    assert {film.view for film in films} == {"other"}
    assert sets.count_by_source(films) == {"chest_ct": 2, "knee": 1, "medmnist64": 1}
    # Slices whose patient is not known count as one patient each.
    assert sets.people(films) == 4
    assert films[-1].path == folders.extra / "medmnist64" / "images" / "h.png"
    assert folders.read() == []


def test_the_order_of_films_does_not_hang_on_the_order_of_rows(folders: Folders) -> None:
    rows = [(f"{n}.png", f"p{n}", "Mass", "PA") for n in (3, 1, 2)]
    folders.films("nih_small", *rows)
    first = folders.read()
    folders.films("nih_small", *rows[::-1])
    assert folders.read() == first
    assert [film.patient for film in first] == ["p1", "p2", "p3"]


# --- what the classifier gets of them -------------------------------------------------------


def test_the_classifier_learns_from_labelled_frontal_films_of_adults(folders: Folders) -> None:
    for name, number in (("a", 1), ("b", 2), ("c", 3)):
        grey = np.random.default_rng(number).random((40, 40), dtype=np.float32)
        save(folders.extra / "nih_small" / f"{name}.png", grey)
        save(folders.extra / "kermany" / f"{name}.png", grey)
        save(folders.extra / "chexpert_valid" / f"{name}.png", grey)
    folders.films("nih_small", ("a.png", "n1", "Mass", "PA"), ("b.png", "n2", "Mass", "PA"))
    folders.films("kermany", ("c.png", "k1", "normal", "AP"))
    folders.films(
        "chexpert_valid",
        ("a.png", "c1", "Fracture", "PA"),  # the same picture as one of ChestX-ray14
        ("b.png", "c2", "Fracture", "lateral"),
        ("c.png", "c3", "Fracture", "PA"),
    )
    with gzip.open(folders.extra / "nih_entries.csv.gz", "wt", newline="") as file:
        file.write("Image Index,Patient Age\nb.png,9\n")
    films = data.frontal(folders.shared, folders.extra)
    assert [film.patient for film in films] == ["n1", "c3"]


def test_measured_on_are_fine_copies_alone() -> None:
    films = [
        Film(source, str(number), Path("x"), grain=grain)
        for number in range(400)
        for source, grain in (("nih", 64), ("nih", 224), ("jsrt", 224))
    ]
    for split in ("train", "validation", "calibration", "test"):
        found = data.part(films, split, ("nih",))
        assert {film.source for film in found} == {"nih"}
        assert {film.split for film in found} == {split}
        grains = {64, 224} if split == "train" else {224}
        assert {film.grain for film in found} == grains


def test_targets_part_absent_from_unknown() -> None:
    labels = {"pneumothorax": True, "cardiomegaly": False, "fracture": True}
    films = [Film("nih", "1", Path("x"), labels=labels), Film("nih", "2", Path("x"))]
    found = data.targets(films)
    assert found.shape == (2, len(data.CODES))
    assert found.dtype == np.float32
    assert found[0, data.CODES.index("pneumothorax")] == 1
    assert found[0, data.CODES.index("cardiomegaly")] == 0
    assert np.isnan(found[0]).sum() == len(data.CODES) - 2
    assert np.isnan(found[1]).all()
    assert data.targets([]).shape == (0, len(data.CODES))
