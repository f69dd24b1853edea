"""``cxr-agent segment``: five masks per film, at the film's own size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .program import Films, Ran, dice, run_program

STRUCTURES = ("right_lung", "left_lung", "heart", "left_clavicle", "right_clavicle")
SIDES = (60, 90)


@dataclass(frozen=True)
class Segmented:
    ran: Ran
    out: Path
    traces: Path


@pytest.fixture(scope="module")
def segmented(films: Films, tmp_path_factory: pytest.TempPathFactory) -> Segmented:
    """Three films, one of them refused; two have the same stem."""
    folder = tmp_path_factory.mktemp("segment")
    twin = folder / "wide.jpg"
    twin.write_bytes(films["photo.jpg"].read_bytes())
    ran = run_program(
        "segment",
        films["chest.dcm"],
        films["turned.png"],
        films["wide.png"],
        twin,
        "--out",
        folder / "masks",
        "--json",
        traces=folder / "traces",
    )
    return Segmented(ran, folder / "masks", folder / "traces")


def test_writes_five_masks_per_film(segmented: Segmented) -> None:
    assert {path.name for path in segmented.out.iterdir()} == {"chest", "wide", "wide-2"}
    for folder in segmented.out.iterdir():
        names = {path.name for path in folder.iterdir()}
        assert names == {f"{structure}.png" for structure in STRUCTURES}


def test_goes_on_after_a_refused_film_and_says_so(segmented: Segmented) -> None:
    records = segmented.ran.json
    assert [Path(record["file"]).name for record in records] == [
        "chest.dcm",
        "turned.png",
        "wide.png",
        "wide.jpg",
    ]
    assert records[1]["error"]["code"] == "not_chest"
    assert segmented.ran.status == 4
    assert [Path(r["folder"]).name for r in records if "folder" in r] == ["chest", "wide", "wide-2"]
    assert all(r["not_outlined"] == [] for r in records if "folder" in r)


def test_leaves_no_trace(segmented: Segmented) -> None:
    assert not segmented.traces.exists()


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("film", ["chest", "wide"])
def test_masks_are_the_phantoms(
    film: str, structure: str, segmented: Segmented, films: Films
) -> None:
    truth = films.phantom.masks[structure]
    if film == "wide":
        truth = np.pad(truth, ((0, 0), SIDES))
    with Image.open(segmented.out / film / f"{structure}.png") as picture:
        assert picture.mode == "L"
        found = np.asarray(picture)
    assert found.shape == truth.shape
    assert set(np.unique(found)) == {0, 255}
    assert dice(found > 0, truth) >= (0.7 if "clavicle" in structure else 0.9)


def test_text_for_one_film(films: Films, tmp_path: Path) -> None:
    ran = run_program(
        "segment", films["turned.png"], "--out", tmp_path / "masks", traces=tmp_path / "t"
    )
    assert ran.status == 4
    assert ran.errors == [("", "not_chest")]
    assert not ran.out
    assert not (tmp_path / "masks").exists()


def test_unwritable_folder(films: Films, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    ran = run_program(
        "segment", films["grey8.png"], "--out", tmp_path / "file" / "masks", traces=tmp_path / "t"
    )
    assert ran.status == 7
    assert ran.errors == [("", "output_not_writable")]
    assert "Traceback" not in ran.err


def test_places_by_name(films: Films, tmp_path: Path) -> None:
    wanted = (
        "--structure",
        "left costophrenic angle",
        "--structure",
        "Herz",
        "--structure",
        "trachea",
    )
    ran = run_program(
        "segment",
        films["grey8.png"],
        "--out",
        tmp_path / "m",
        *wanted,
        "--json",
        traces=tmp_path / "t",
    )
    (record,) = ran.json
    assert ran.status == 0
    assert [(one["code"], one["source"]) for one in record["structures"]] == [
        ("left_costophrenic_angle", "derived"),
        ("heart", "embedded"),
    ]
    assert record["reasons"] == {"trachea": "no_model_outlines_it"}
    assert {path.stem for path in (tmp_path / "m" / "grey8").iterdir()} == {
        "left_costophrenic_angle",
        "heart",
    }


@pytest.mark.parametrize(
    ("option", "text", "code"),
    [
        ("--structure", "left costofrenic angle", "unknown_structure"),
        ("--structure", "lung", "ambiguous_structure"),
        ("--box", "1,2,3", "bad_prompt"),
        ("--point", "a,b", "bad_prompt"),
    ],
)
def test_a_wrong_place(option: str, text: str, code: str, films: Films, tmp_path: Path) -> None:
    ran = run_program(
        "segment", films["grey8.png"], "--out", tmp_path / "m", option, text, traces=tmp_path / "t"
    )
    assert ran.status == 2
    assert ran.errors == [("", code)]
    assert "Traceback" not in ran.err
