"""``cxr-agent drr`` and ``register``: a film of a CT, what is true of it, and the way back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.testing.phantom.thorax import Thorax, thorax
from tests.synthesis.made import labelled, nifti

from .program import Ran, run_program


@dataclass(frozen=True)
class Made:
    ran: Ran
    body: Thorax
    ct: Path
    out: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("drr")
    body = thorax(size=96)
    ct = nifti(folder / "ct.nii.gz", body.volume.hu, body.volume.affine)
    labels = labelled(folder, body.volume)
    points = folder / "points.json"
    points.write_text(json.dumps({"heart": body.landmarks["heart"]}))
    ran = run_program(
        *("drr", ct, "--labels", labels, "--landmarks", points, "--out", folder / "out"),
        *("--size", "256", "--pose", "1,2,1,4,0,3", "--json"),
        traces=folder / "traces",
    )
    assert ran.status == 0, ran.err
    return Made(ran, body, ct, folder / "out")


def test_files_tell_geometry_and_truth(made: Made) -> None:
    from cxr_agent.synthesis.geometry_file import read_projection

    projection = read_projection(made.out / "geometry.json")
    truth = json.loads((made.out / "truth.json").read_text())
    true = made.body.ratio(projection)
    assert truth["values"]["cardiothoracic_ratio"] == pytest.approx(true, abs=0.02)
    assert made.ran.json["values"] == truth["values"]
    with Image.open(made.out / "masks" / "heart.png") as picture:
        heart = np.asarray(picture.convert("L")) > 0
    x, y = truth["landmarks_px"]["heart"]
    rows, columns = np.nonzero(heart)
    assert (x, y) == pytest.approx((columns.mean() + 0.5, rows.mean() + 0.5), abs=2)
    assert truth["synthetic"] is True


def test_a_reading_says_first_that_the_film_is_synthetic(made: Made, tmp_path: Path) -> None:
    ran = run_program("read", made.out / "film.dcm", traces=tmp_path)
    assert ran.status == 0, ran.err
    assert ran.out.split("\n\n")[1].startswith("SYNTHETIC FILM")


def test_a_store_refuses_the_film(made: Made, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    (films / "film.dcm").write_bytes((made.out / "film.dcm").read_bytes())
    ran = run_program(
        "kb", "build", films, "--store", tmp_path / "store", "--json", traces=tmp_path
    )
    assert ran.status == 0, ran.err
    assert (ran.json["added"], ran.json["refused"], ran.json["films"]) == (0, 1, 0)


@pytest.mark.slow
def test_the_pose_is_found_again(made: Made, tmp_path: Path) -> None:
    ran = run_program(
        *("register", made.out / "film.dcm", made.ct, "--start", "0,0,0"),
        *("--truth", made.out / "geometry.json", "--json"),
        traces=tmp_path,
    )
    assert ran.status == 0, (ran.out, ran.err)
    assert ran.json["film_is_synthetic"] is True
    assert ran.json["error"]["rotation_deg"] < 1.5
    assert ran.json["error"]["landmarks_most_mm"] < 2.5


@pytest.mark.parametrize(
    ("wrong", "code", "status"),
    [
        (["--pose", "1,2"], "bad_pose", 2),
        (["--style", "sepia"], "unknown_style", 2),
        (["--size", "10"], "bad_geometry", 2),
        (["--labels", "none.nii"], "volume_not_found", 3),
    ],
)
def test_what_cannot_be_made_is_told_in_one_line(
    made: Made, tmp_path: Path, wrong: list[str], code: str, status: int
) -> None:
    ran = run_program("drr", made.ct, "--out", tmp_path / "out", *wrong, traces=tmp_path)
    assert ran.status == status
    assert ran.errors == [("", code)]
    assert not (tmp_path / "out").exists()
