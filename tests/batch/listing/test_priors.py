"""Which earlier films a study is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cxr_agent.batch.listing import groups
from cxr_agent.imaging import load_study
from cxr_agent.imaging.decoder import Decoder

from .conftest import Put, listed


def test_the_newest_earlier_studies(tmp_path: Path, put: Put) -> None:
    for year in (2016, 2017, 2018, 2019):
        put(f"{year}.dcm", "P1", year, StudyDate=f"{year}0110")
    put("other.dcm", "P2", 1, StudyDate="20150110")
    put("undated.dcm", "P1", 2, StudyDate=None)
    told = listed(tmp_path, priors=2)
    assert told.priors(tmp_path) == {
        "2017.dcm": ["2016.dcm"],
        "2018.dcm": ["2017.dcm", "2016.dcm"],
        "2019.dcm": ["2018.dcm", "2017.dcm"],
    }
    assert told.summary.priors == 5
    assert len(told.studies) == 6
    assert not listed(tmp_path, priors=0).priors(tmp_path)


def test_one_film_of_each_study_by_projection(tmp_path: Path, put: Put) -> None:
    early = {"StudyDate": "20190110", "StudyInstanceUID": "1.2.5"}
    put("now.dcm", "P1", 0, ViewPosition="AP")
    put("a.dcm", "P1", 1, **early)
    put("b.dcm", "P1", 2, **early, ViewPosition="AP")
    put("c.dcm", "P1", 3, **early, ViewPosition="LL")
    put("d.dcm", "P1", 4, StudyDate="20180110", ViewPosition="LL")
    told = listed(tmp_path, priors=5)
    assert told.priors(tmp_path)["now.dcm"] == ["b.dcm"]
    assert told.films(tmp_path)["a.dcm"] == ["a.dcm", "b.dcm", "c.dcm"]


def test_hours_of_one_day(tmp_path: Path, put: Put) -> None:
    put("noon.dcm", "P1", 1, StudyTime="120000")
    put("morning.dcm", "P1", 2, StudyTime="070000.5")
    put("untimed.dcm", "P1", 3)
    assert listed(tmp_path, priors=5).priors(tmp_path) == {"noon.dcm": ["morning.dcm"]}


@pytest.mark.parametrize(
    ("one", "other", "given"),
    [
        ({}, {}, True),
        ({"PatientBirthDate": "19500101"}, {"PatientBirthDate": "19500101"}, True),
        ({"PatientBirthDate": "19500101"}, {}, True),
        ({"PatientBirthDate": "19500101"}, {"PatientBirthDate": "19510101"}, False),
        ({"PatientSex": "M"}, {"PatientSex": "F"}, False),
        ({"PatientSex": "M"}, {"PatientSex": "O"}, True),
        ({"PatientAge": "060Y"}, {"PatientAge": "061Y"}, True),
        ({"PatientAge": "060Y"}, {"PatientAge": "066Y"}, False),
        ({"PatientAge": "089Y"}, {"PatientAge": "095Y"}, True),
        ({"IssuerOfPatientID": "A"}, {"IssuerOfPatientID": "B"}, False),
        ({"IssuerOfPatientID": "A"}, {}, True),
    ],
)
def test_one_id_of_different_people(
    tmp_path: Path, put: Put, one: dict[str, Any], other: dict[str, Any], given: bool
) -> None:
    put("now.dcm", "P1", 1, **one)
    put("then.dcm", "P1", 2, StudyDate="20190210", **other)
    told = listed(tmp_path)
    assert bool(told.priors(tmp_path)) is given
    assert told.summary.passed == ({} if given else {"several_patients": 2})


@pytest.mark.parametrize(
    ("patient", "nobody"),
    [
        ("ANON", True),
        ("anonymous^", True),
        ("De-Identified", True),
        ("0000", True),
        ("XXX", True),
        ("--", True),
        ("n/a", True),
        ("123456", True),
        ("ANON-17", False),
        ("7", False),
        ("X1", False),
        ("AA", False),
    ],
)
def test_ids_that_stand_for_nobody(tmp_path: Path, put: Put, patient: str, nobody: bool) -> None:
    put("now.dcm", patient, 1)
    put("then.dcm", patient, 2, StudyDate="20190110")
    told = listed(tmp_path)
    assert bool(told.priors(tmp_path)) is not nobody
    assert told.summary.passed == ({"nobodys_priors": 2} if nobody else {})


def test_no_id_at_all(tmp_path: Path, put: Put) -> None:
    put("now.dcm", None, 1)
    put("then.dcm", None, 2, StudyDate="20190110")
    assert not listed(tmp_path).priors(tmp_path)


def test_an_id_that_everybody_has(
    tmp_path: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MAX_STUDIES", 3)
    for number in range(4):
        put(f"{number}.dcm", "COHORT-7", number, StudyDate=f"201{number}0110")
    told = listed(tmp_path)
    assert not told.priors(tmp_path)
    assert told.summary.passed == {"several_patients": 4}


def test_what_is_given_can_be_loaded(tmp_path: Path, put: Put, kept: Decoder) -> None:
    for number, view in enumerate(("PA", "AP", "LL", None, "PA")):
        put(f"{number}.dcm", "P1", number, StudyDate=f"201{number}0110", ViewPosition=view)
    told = listed(tmp_path, priors=5)
    study = told.studies["4.dcm"]
    loaded = load_study(study.films, study.priors, decoder=kept)
    days = [prior.days_before for prior in loaded.priors]
    assert len(days) == 3
    assert days == sorted(days)
