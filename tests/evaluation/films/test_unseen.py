"""A figure is of films that the model was not trained on, or says in capitals that it is not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cxr_agent.evaluation.films import Film, FilmSet, films_of
from cxr_agent.evaluation.films.unseen import unseen
from cxr_agent.knowledge import film_set_labels
from training.anatomy import data
from training.films.film import Film as Trained

SHARED = Path("/work/shared") if Path("/work/shared").is_dir() else Path("../shared")
WITH_DATA = pytest.mark.skipif(
    not (SHARED / "data" / "jsrt").is_dir(), reason="the films of ../shared are not here"
)


def film_set(name: str, films: list[Film]) -> FilmSet:
    return FilmSet(name, tuple(films), "", ())


def film(name: str, patient: str = "p", path: Path = Path("nowhere.png")) -> Film:
    return Film(path, name, patient)


@WITH_DATA
def test_the_split_of_jsrt_is_that_of_the_training() -> None:
    found = films_of(SHARED / "data" / "jsrt")
    test = {one.name for one in data.jsrt(SHARED).test}
    fair = unseen(found, found.films, "anatomy")
    assert {one.name for one in fair.films} == test
    assert not fair.trained_on
    assert "192 films were left out" in fair.notes[0]
    by_findings = unseen(found, found.films, "findings").films
    assert {one.patient for one in by_findings} == {
        one.patient for one in found.films if Trained("jsrt", one.patient, one.path).split == "test"
    }

    both = {one.name for one in unseen(found, found.films, "findings", "anatomy").films}
    assert both == test & {one.name for one in found.films if one in by_findings}


@WITH_DATA
def test_wingspan_is_known_by_its_content_and_said_to_be_trained_on(tmp_path: Path) -> None:
    found = films_of(SHARED / "data" / "wingspan")
    fair = unseen(found, found.films, "anatomy")
    assert fair.trained_on
    assert len(fair.films) == 120
    assert "ALL OF THESE FILMS ARE TRAINING FILMS" in fair.notes[0]
    copy = tmp_path / "renamed.png"
    copy.write_bytes(found.films[0].path.read_bytes())
    assert unseen(found, [film("renamed.png", path=copy)], "anatomy").trained_on
    copy.write_bytes(copy.read_bytes() + b"another film")
    assert not unseen(found, [film("renamed.png", path=copy)], "anatomy").trained_on


def test_patients_of_chestxray14_are_split_as_in_training() -> None:
    labels = film_set_labels()
    films = [film(f"{number:08d}_000.png", str(number)) for number in range(1, 400)]
    fair = unseen(film_set(labels["chestxray14"].name, films), films, "findings")
    for one in fair.films:
        for number in (one.patient, one.patient.zfill(8)):
            assert Trained("nih", number, one.path).split == "test"
    assert 0 < len(fair.films) < 0.1 * len(films)
    assert len(unseen(film_set("others", films), films, "findings").films) == len(films)


def test_patients_of_the_covid_films_are_split_as_in_training() -> None:
    name = film_set_labels()["covid_chestxray"].name
    films = [film(f"{number}.png", str(number)) for number in range(200)]
    fair = unseen(film_set(name, films), films, "findings").films
    assert [one.patient for one in fair] == [
        one.patient for one in films if Trained("covid", one.patient, one.path).split == "test"
    ]
    assert len(unseen(film_set(name, films), films, "anatomy").films) == 200


def test_lung_sets_were_trained_on_whole() -> None:
    films = [film("MCUCXR_0001_0.png"), film("CHNCXR_0327_1.png")]
    assert unseen(film_set("lungs", films), films, "anatomy").trained_on
    mixed = [*films, film("new.png")]
    assert [one.name for one in unseen(film_set("x", mixed), mixed, "anatomy").films] == ["new.png"]


def test_the_list_of_training_films_is_of_digests() -> None:
    text = Path("kb/training_films.txt").read_text().splitlines()
    digests = [one for one in text if not one.startswith("#")]
    assert len(set(digests)) == 120
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in digests)
    if (SHARED / "data/wingspan").is_dir():
        paths = (SHARED / "data/wingspan/images").glob("*.png")
        assert sorted(digests) == sorted(
            hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in paths
        )
