"""A film of nobody says so, and is never taken for a patient's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from cxr_agent.errors import UnsuitableFilm
from cxr_agent.imaging import Decoder, PriorFolder, load_study
from cxr_agent.imaging.synthetic import PNG_KEYWORD
from cxr_agent.knowledge import language
from cxr_agent.report.model import notice_of
from cxr_agent.report.render import to_html, to_markdown, to_ris, to_text
from cxr_agent.report.translate import in_language
from cxr_agent.retrieval import Store
from cxr_agent.retrieval.building import build
from cxr_agent.retrieval.listing import Listed
from cxr_agent.study import Notice, SpacingKind, View
from cxr_agent.synthesis import STYLES, Radiograph, radiograph, standing
from cxr_agent.synthesis.writing import dicom_bytes, png_bytes
from cxr_agent.testing.phantom.thorax import Thorax
from tests.imaging.films import dicom, png, ramp, read, with_chunk
from tests.report.made import film as summary
from tests.report.made import report

OPENING = {code: language(code).text["synthetic"] for code in ("en", "de")}


@pytest.fixture(scope="module")
def made(body: Thorax) -> Radiograph:
    return radiograph(body.volume, standing(body.volume, size=96), STYLES["film"])


@pytest.fixture
def films(made: Radiograph, tmp_path: Path) -> dict[str, Path]:
    """One synthetic film of each format, and a patient's."""
    other = ramp()
    other[:4, :4] += 5
    contents = {
        "drr.dcm": dicom_bytes(made),
        "drr.png": png_bytes(made.pixels),
        "real.dcm": dicom(ramp(), StudyDate="20200110"),
        "older.dcm": dicom(other, StudyDate="20190110"),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in contents}


def test_what_is_written_reads_as_synthetic_with_its_geometry(made: Radiograph) -> None:
    of_dicom, of_png = read(dicom_bytes(made)), read(png_bytes(made.pixels))
    for film in (of_dicom, of_png):
        assert film.synthetic
        np.testing.assert_allclose(film.pixels, made.pixels, atol=0.005)
    assert of_dicom.view is View.PA
    assert of_dicom.patient == ""
    assert of_dicom.spacing is not None
    assert of_dicom.spacing.kind is SpacingKind.CALIBRATED
    at_isocentre = made.projection.pixel_mm / made.projection.magnification
    assert of_dicom.spacing.row_mm == pytest.approx(at_isocentre, rel=1e-4)


@pytest.mark.parametrize(
    "mark",
    [
        {"SyntheticData": "YES"},
        {"ImageType": ["DERIVED", "SECONDARY", "DRR"]},
        {"DerivationDescription": "Synthetic radiograph by a diffusion model"},
    ],
)
def test_one_mark_in_a_header_is_enough(mark: dict[str, Any]) -> None:
    assert read(dicom(ramp(), **mark)).synthetic
    assert not read(dicom(ramp(), SyntheticData="NO", DerivationDescription="CLAHE")).synthetic


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
def test_a_text_chunk_marks_a_png(kind: bytes) -> None:
    grey = png(ramp(8))
    assert not read(grey).synthetic
    assert read(with_chunk(grey, kind, PNG_KEYWORD.encode() + b"\0\0\0\0\0x")).synthetic
    assert not read(with_chunk(grey, kind, b"Comment\0Synthetic")).synthetic


def test_the_written_file_names_nobody(made: Radiograph) -> None:
    import io

    image = dcmread(io.BytesIO(dicom_bytes(made)))
    assert not image.PatientName
    assert not image.PatientID
    assert (image.ContentQualification, image.BurnedInAnnotation) == ("RESEARCH", "NO")
    assert image[0x0008001C].value == "YES"
    assert "SYNTHETIC" in image.DerivationDescription


@pytest.mark.parametrize("name", ["drr.dcm", "drr.png"])
def test_a_synthetic_film_is_no_prior_and_has_none(films: dict[str, Path], name: str) -> None:
    with Decoder() as decoder:
        with pytest.raises(UnsuitableFilm, match="synthetic_prior"):
            load_study(films["real.dcm"], films[name], decoder=decoder)
        with pytest.raises(UnsuitableFilm, match="prior_of_synthetic"):
            load_study(films[name], films["older.dcm"], decoder=decoder)
        with pytest.raises(UnsuitableFilm, match="synthetic_film"):
            load_study([films["real.dcm"], films[name]], decoder=decoder)
        alone = load_study(films[name], decoder=decoder)
    assert alone.synthetic
    assert alone.images[0].synthetic


def test_a_search_for_priors_passes_synthetic_films_over(films: dict[str, Path]) -> None:
    folder = PriorFolder(films["real.dcm"].parent)
    told: list[Any] = []
    study = load_study(films["real.dcm"], priors_from=folder, on_search=told.append)
    assert len(study.priors) == 1
    assert told[0].passed == {"synthetic_prior": 2}
    study = load_study(films["drr.dcm"], priors_from=folder, on_search=told.append)
    assert study.priors == ()
    assert told[1].passed == {"prior_of_synthetic": 2, "synthetic_prior": 1}


def test_a_store_takes_no_synthetic_film(films: dict[str, Path], tmp_path: Path) -> None:
    model: Any = None  # nothing is left to embed
    with Store(tmp_path / "store", embedding="x", create=True) as store:
        done = build(store, [Listed(films["drr.dcm"]), Listed(films["drr.png"])], model)
        assert (done.added, done.refused) == (0, 2)
        assert store.items() == {}


def test_a_report_says_first_that_the_film_is_synthetic() -> None:
    films = (summary("img-1").model_copy(update={"notices": (Notice.SYNTHETIC.value,)}),)
    plain = report((), days=())
    marked = plain.model_copy(update={"films": films, "notice": notice_of(films)})
    assert notice_of(plain.films) == plain.notice
    for code, one in (("en", marked), ("de", in_language(marked, "de"))):
        assert one.notice.startswith(OPENING[code])
        for text in (to_text(one), to_markdown(one)):
            told = " ".join(text.replace("*", "").split())
            assert told.index(OPENING[code][:20]) < 60
        if code == "en":
            assert to_ris(one).startswith(OPENING[code][:60])
        assert OPENING[code] in to_html(one, _no_artifact)
    assert json.loads(marked.model_dump_json())["notice"].startswith(OPENING["en"])


def _no_artifact(digest: str) -> bytes:
    raise LookupError(digest)
