"""Files to a study: handles, intervals, the indication."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_agent.errors import InputError, UsageError
from cxr_agent.imaging import Decoder, load_study
from cxr_agent.imaging.load import clean_indication
from cxr_agent.study import Notice

from .films import dicom, jpeg, png, ramp


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, date in {
        "now": "20200110",
        "week": "20200103",
        "year": "20190110",
        "future": "20210101",
        "undated": None,
    }.items():
        (tmp_path / f"{name}.dcm").write_bytes(dicom(StudyDate=date))
    (tmp_path / "grey.png").write_bytes(png(ramp(8)))
    (tmp_path / "grey.jpg").write_bytes(jpeg(ramp(8)))
    (tmp_path / "bad.png").write_bytes(b"<html>")
    return tmp_path


def test_one_film(folder: Path) -> None:
    study = load_study(folder / "now.dcm")
    assert study.handles == ("img-1",)
    assert study.images[0].days_before is None


def test_formats(folder: Path, decoder: Decoder) -> None:
    study = load_study([folder / "grey.png", folder / "grey.jpg"], decoder=decoder)
    assert study.handles == ("img-1", "img-2")


def test_priors_come_newest_first(folder: Path, decoder: Decoder) -> None:
    names = ("undated", "year", "week", "future")
    study = load_study(
        [folder / "now.dcm"], [folder / f"{name}.dcm" for name in names], decoder=decoder
    )
    assert study.handles == ("img-1", "prior-1", "prior-2", "prior-3", "prior-4")
    assert [prior.days_before for prior in study.priors] == [7, 365, None, None]
    assert Notice.BAD_DATE in study.priors[3].notices
    assert all(prior.is_prior for prior in study.priors)


def test_same_day_is_zero(folder: Path, decoder: Decoder) -> None:
    study = load_study([folder / "now.dcm"], [folder / "now.dcm"], decoder=decoder)
    assert study.priors[0].days_before == 0
    assert study.priors[0].sha256 == study.images[0].sha256


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
