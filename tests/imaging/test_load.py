"""Files to a study: handles, intervals, the indication."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cxr_agent.errors import InputError, UnsuitableFilm, UsageError
from cxr_agent.imaging import Decoder, load_study
from cxr_agent.imaging.load import clean_indication

from .films import dicom, jpeg, png, ramp


def film(number: int, **values: Any) -> bytes:
    """One of several films that differ in one corner."""
    pixels = ramp()
    pixels[:4, :4] += number
    return dicom(pixels, **values)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, (name, date) in enumerate(
        {
            "now": "20200110",
            "week": "20200103",
            "year": "20190110",
            "future": "20210101",
            "undated": None,
            "same-day": "20200110",
        }.items()
    ):
        (tmp_path / f"{name}.dcm").write_bytes(film(number, StudyDate=date))
    (tmp_path / "grey.png").write_bytes(png(ramp(8)))
    (tmp_path / "grey.jpg").write_bytes(jpeg(ramp(8)))
    (tmp_path / "bad.png").write_bytes(b"<html>")
    return tmp_path


def test_one_film(folder: Path) -> None:
    study = load_study(folder / "now.dcm")
    assert study.handles == ("img-1",)
    assert study.images[0].days_before is None


def test_further_views_are_set_aside_beside_a_frontal_film(folder: Path, decoder: Decoder) -> None:
    lateral, lying = folder / "lateral.dcm", folder / "lying.dcm"
    lateral.write_bytes(film(7, ViewPosition="LL"))
    lying.write_bytes(film(8, ViewPosition="LLD"))
    study = load_study([lateral, folder / "now.dcm", lying, lateral], decoder=decoder)
    assert study.handles == ("img-1",)
    assert study.images[0].sha256 == load_study(folder / "now.dcm").images[0].sha256
    assert study.unread_views == ("lateral_view", "rotated_film")
    with pytest.raises(UnsuitableFilm, match=r"film 1: .*lateral"):
        load_study([lateral, lying], decoder=decoder)
    with pytest.raises(UnsuitableFilm, match="lateral_view"):  # no prior
        load_study(folder / "now.dcm", [lateral], decoder=decoder)


def test_formats(folder: Path, decoder: Decoder) -> None:
    study = load_study([folder / "grey.png", folder / "grey.jpg"], decoder=decoder)
    assert study.handles == ("img-1", "img-2")


def test_priors_come_newest_first(folder: Path, decoder: Decoder) -> None:
    names = ("undated", "year", "week")
    study = load_study(
        [folder / "now.dcm"], [folder / f"{name}.dcm" for name in names], decoder=decoder
    )
    assert study.handles == ("img-1", "prior-1", "prior-2", "prior-3")
    assert [prior.days_before for prior in study.priors] == [7, 365, None]
    assert all(prior.is_prior for prior in study.priors)


def test_same_day_is_zero(folder: Path, decoder: Decoder) -> None:
    study = load_study([folder / "now.dcm"], [folder / "same-day.dcm"], decoder=decoder)
    assert study.priors[0].days_before == 0


@pytest.mark.parametrize(
    ("prior", "code"),
    [
        (film(1, StudyDate="20210101"), "later_film"),
        (film(1, StudyDate="20200101", PatientID="other"), "other_patient"),
        (film(1, StudyDate=None, PatientID="other"), "other_patient"),
        (film(0, StudyDate="20200101"), "duplicate_film"),
        (film(0, StudyDate="20200101", StudyInstanceUID="1.2.7"), "duplicate_film"),
        (film(1, StudyDate="20200101", StudyInstanceUID="1.2.7"), "same_study"),
        (film(1, StudyDate="20210101", StudyInstanceUID="1.2.7"), "same_study"),
    ],
)
def test_what_is_no_prior(tmp_path: Path, decoder: Decoder, prior: bytes, code: str) -> None:
    (tmp_path / "now.dcm").write_bytes(
        film(0, StudyDate="20200110", PatientID="one ", StudyInstanceUID="1.2.7")
    )
    (tmp_path / "first.dcm").write_bytes(film(2, StudyDate="20190110", PatientID="one"))
    (tmp_path / "prior.dcm").write_bytes(prior)
    with pytest.raises(UnsuitableFilm, match=rf"^\[{code}\] prior 2: ") as refused:
        load_study(
            tmp_path / "now.dcm", [tmp_path / "first.dcm", tmp_path / "prior.dcm"], decoder=decoder
        )
    assert refused.value.hint


def test_a_prior_that_was_given_twice(folder: Path, decoder: Decoder) -> None:
    with pytest.raises(UnsuitableFilm, match="duplicate_film"):
        load_study(folder / "now.dcm", [folder / "week.dcm"] * 2, decoder=decoder)


@pytest.mark.parametrize("known", ["now", "prior", "neither"])
def test_a_prior_of_nobody_is_taken(tmp_path: Path, decoder: Decoder, known: str) -> None:
    (tmp_path / "now.dcm").write_bytes(film(0, PatientID="MARTHA-1" if known == "now" else None))
    (tmp_path / "prior.dcm").write_bytes(
        film(1, PatientID="MARTHA-1" if known == "prior" else None)
    )
    study = load_study(tmp_path / "now.dcm", [tmp_path / "prior.dcm"], decoder=decoder)
    assert study.handles == ("img-1", "prior-1")
    assert "MARTHA" not in repr(study.priors)


@pytest.mark.parametrize("study", [None, "1.2.8"])
def test_a_prior_of_another_or_no_study_is_taken(
    tmp_path: Path, decoder: Decoder, study: str | None
) -> None:
    (tmp_path / "now.dcm").write_bytes(film(0, StudyInstanceUID="1.2.7"))
    (tmp_path / "prior.dcm").write_bytes(film(1, StudyInstanceUID=study))
    study_loaded = load_study(tmp_path / "now.dcm", [tmp_path / "prior.dcm"], decoder=decoder)
    assert study_loaded.handles == ("img-1", "prior-1")


def test_undated_current(folder: Path, decoder: Decoder) -> None:
    study = load_study(folder / "grey.png", [folder / "now.dcm"], decoder=decoder)
    assert study.priors[0].days_before is None


def test_no_film() -> None:
    with pytest.raises(UsageError):
        load_study([])


def test_the_message_names_the_place(folder: Path, decoder: Decoder) -> None:
    with pytest.raises(InputError, match="prior 2: "):
        load_study(folder / "now.dcm", [folder / "week.dcm", folder / "bad.png"], decoder=decoder)
    with pytest.raises(InputError, match=r"^\[not_an_image\] the content"):
        load_study(folder / "bad.png", decoder=decoder)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("cough\n\tand  fever ", "cough and fever"),
        ("a\x00b\x1b[31mc", "ab[31mc"),
        ("left\u202elung\u200b", "leftlung"),
        ("x" * 5000, "x" * 2000),
        ("", ""),
    ],
)
def test_indication(text: str, clean: str) -> None:
    assert clean_indication(text) == clean
