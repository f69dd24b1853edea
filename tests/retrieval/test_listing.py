"""What a folder or a table says of films."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_agent.errors import UsageError
from cxr_agent.evidence import Polarity
from cxr_agent.retrieval.labels import code_of, of_cell, of_list, of_report
from cxr_agent.retrieval.listing import Columns, listing_of

PRESENT, ABSENT, UNCERTAIN = Polarity.PRESENT, Polarity.ABSENT, Polarity.UNCERTAIN


def table(folder: Path, text: str) -> Path:
    path = folder / "films.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_folder_within_is_a_patient(tmp_path: Path) -> None:
    for name in ("a/1.png", "a/later/2.DCM", "b/3.jpg", "4.png", "a/notes.txt", ".hidden/5.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    films = listing_of(tmp_path).films
    told = {film.path.relative_to(tmp_path).as_posix(): film.perhaps for film in films}
    assert told == {"4.png": "", "a/1.png": "a", "a/later/2.DCM": "a", "b/3.jpg": "b"}
    assert {film.patient for film in films} == {""}


def test_chexpert_columns(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "Path,Patient_ID,Pleural Effusion,Cardiomegaly,Edema,Age\n"
        "a.png,7,1.0,0.0,-1.0,50\n"
        "b.png,,,,,1\n",
    )
    first, second = listing_of(path).films
    assert first.labels == {
        "pleural_effusion": PRESENT,
        "cardiomegaly": ABSENT,
        "pulmonary_edema": UNCERTAIN,
    }
    assert (first.patient, first.path) == ("7", tmp_path / "a.png")
    assert second.labels == {}
    assert second.patient == ""


def test_chestxray14_lists(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "Image Index,Finding Labels,Patient ID\n"
        "1.png,Effusion|Hernia|Unheard Of,1\n"
        "2.png,No Finding,2\n",
    )
    listing = listing_of(path, root=Path("/films"))
    assert listing.films[0].path == Path("/films/1.png")
    assert listing.films[0].labels["pleural_effusion"] is PRESENT
    assert listing.films[1].labels == {}
    assert listing.unknown_labels == 2


def test_reports_are_read_where_there_are_no_labels(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        'filename,findings_text,impression\n1.png,"Small left pleural effusion. No pneumothorax.",'
        "Possible pneumonia.\n",
    )
    (film,) = listing_of(path, Columns(report=("findings_text", "impression"))).films
    assert film.labels == {
        "pleural_effusion": PRESENT,
        "pneumothorax": ABSENT,
        "pneumonia": UNCERTAIN,
    }
    assert film.report.endswith("Possible pneumonia.")


def test_a_report_is_of_the_film_alone() -> None:
    text = "INDICATION: Pneumothorax.\nFINDINGS: No pneumothorax. History of pneumonia.\n"
    assert of_report(text) == {"pneumothorax": ABSENT}


def test_the_firmest_statement_counts() -> None:
    assert of_report("No effusion. Left pleural effusion. Possible effusion.") == {
        "pleural_effusion": PRESENT
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [("1", PRESENT), ("0.0", ABSENT), ("-1", UNCERTAIN), ("yes", PRESENT), ("", None), ("7", None)],
)
def test_cells(text: str, said: Polarity | None) -> None:
    assert of_cell(text) is said


def test_names_of_findings() -> None:
    assert code_of("Enlarged Cardiomediastinum") == "enlarged_cardiomediastinum"
    assert code_of("Effusion") == code_of("pleural_effusion") == "pleural_effusion"
    assert code_of("No Finding") is None
    assert of_list("No Finding") == ({}, 0)


@pytest.mark.parametrize(
    ("text", "columns", "code"),
    [
        ("x,y\n1,2\n", Columns(), "no_column"),
        ("path\na.png\n", Columns(report=("report",)), "no_column"),
        ("path\na.png\n", Columns(path="other"), "no_column"),
        ("", Columns(), "no_column"),
    ],
)
def test_tables_that_do_not_fit(tmp_path: Path, text: str, columns: Columns, code: str) -> None:
    with pytest.raises(UsageError, match=code):
        listing_of(table(tmp_path, text), columns)


def test_what_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_bytes(b"path\n\xff\xfe\x00\n")
    with pytest.raises(UsageError, match="bad_table"):
        listing_of(tmp_path / "films.csv")
    with pytest.raises(UsageError, match="no_films"):
        listing_of(tmp_path / "nothing")
