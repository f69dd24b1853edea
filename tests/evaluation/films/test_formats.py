"""Each public format is recognised by its files and read as its authors wrote it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.errors import InputError, UsageError
from cxr_agent.evaluation.films import LUNGS, films_of
from cxr_agent.evaluation.films.labels import told
from cxr_agent.knowledge import film_set_labels, vocabulary
from cxr_agent.study import View
from tests.evaluation.films.made import CHEXPERT_LABELS, picture, plane, text


def test_own_films(tmp_path: Path) -> None:
    picture(tmp_path / "a/one.png")
    picture(tmp_path / "two.png")
    plane(tmp_path / "m/heart.png", np.eye(3) * 255)
    text(tmp_path / "r.txt", "FINDINGS: none.")
    text(
        tmp_path / "cases.csv",
        "file,patient,view,days,ctr,spacing_mm,masks,report,cardiomegaly,pneumothorax",
        "a/one.png,P1,PA,0,0.52,0.7,m,r.txt,1,-1",
        "two.png,,,,,,,,0,",
        "gone.png,P3,,,,,,,1,1",
    )
    text(
        tmp_path / "boxes.csv",
        "file,finding,left,top,right,bottom",
        "a/one.png,cardiomegaly,1,2,10,12",
    )
    found = films_of(tmp_path)
    one, two = found.films
    assert (found.findings, found.missing) == (("cardiomegaly", "pneumothorax"), 1)
    assert (one.patient, one.view, one.days, one.ctr) == ("P1", View.PA, 0, 0.52)
    assert one.spacing_mm == (0.7, 0.7)
    assert dict(one.labels) == {"cardiomegaly": True, "pneumothorax": None}
    assert [(box.finding, box.box) for box in one.boxes] == [("cardiomegaly", (1, 2, 10, 12))]
    assert one.report == "FINDINGS: none.\n"
    assert one.masks is not None
    assert one.masks()["heart"].sum() == 3
    assert (two.patient, two.view, two.masks) == ("two.png", View.UNKNOWN, None)
    assert dict(two.labels) == {"cardiomegaly": False}


def test_bit_planes(tmp_path: Path) -> None:
    for name, bits in (("JPCLN001.png", [[1, 6, 0]]), ("JPCNN002.png", [[3, 0, 16]])):
        picture(tmp_path / "images" / name, (3, 1))
        plane(tmp_path / "masks" / name, np.array(bits))
    text(tmp_path / "ctr.csv", "image,ctr", "JPCNN002.png,0.47", "JPCLN001.png,")
    found = films_of(tmp_path)
    nodule, none = found.films
    assert (found.name, found.findings) == ("JSRT", ("lung_lesion",))
    assert (nodule.labels["lung_lesion"], none.labels["lung_lesion"]) == (True, False)
    assert (nodule.view, nodule.ctr, none.ctr) == (View.PA, None, 0.47)
    assert nodule.masks is not None
    planes = nodule.masks()
    assert {name: one.tolist() for name, one in planes.items()} == {
        "right_lung": [[True, False, False]],
        "left_lung": [[False, True, False]],
        "heart": [[False, True, False]],
    }
    picture(tmp_path / "images/w1.png", (3, 1))
    plane(tmp_path / "masks/w1.png", np.ones((1, 3)))
    assert films_of(tmp_path).findings == ()


def test_covid_chestxray_dataset(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg", "f.jpg"):
        picture(tmp_path / "images" / name)
    plane(tmp_path / "lung_masks/a.png", np.array([[0, 255]]))
    text(
        tmp_path / "metadata.csv",
        "patientid,offset,sex,finding,view,modality,filename,clinical_notes",
        '2,0,M,Pneumonia/Viral/COVID-19,PA,X-ray,a.jpg,"cough, fever"',
        '2,0.5,M,"COVID-19, ARDS",AP Supine,X-ray,b.jpg,',
        "3,,F,No Finding,L,X-ray,c.jpg,",
        "4,1,F,todo,PA,X-ray,d.jpg,",
        "4,1,F,todo,PA,X-ray,d.jpg,",
        "6,1,F,COVID-19,PA,X-ray,f.jpg,",
        "9,1,F,COVID-19,PA,X-ray,f.jpg,",
        "5,1,F,COVID-19,Axial,CT,e.jpg,",
    )
    first, second, normal, unread = films_of(tmp_path).films
    assert (first.patient, first.days, first.view) == ("2", 0, View.PA)
    assert dict(first.labels) == {"no_finding": False, "pneumonia": True}
    assert (second.patient, second.days, second.view) == ("2", None, View.AP)
    assert dict(normal.labels) == {"no_finding": True, "pneumonia": False}
    assert not normal.frontal
    assert dict(unread.labels) == {}
    assert first.masks is not None
    assert first.masks()[LUNGS].tolist() == [[False, True]]
    assert second.masks is None


NIH_HEAD = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)


def nih(folder: Path) -> Path:
    picture(folder / "images_001/images/00000001_000.png", (1024, 1024))
    picture(folder / "images_002/images/00000001_001.png", (512, 512))
    picture(folder / "images_002/images/00000002_000.png", (512, 512))
    text(
        folder / "Data_Entry_2017.csv",
        NIH_HEAD,
        "00000001_000.png,Cardiomegaly|Mass,0,1,58,M,PA,2682,2749,0.143,0.143,",
        "00000001_001.png,No Finding,1,1,58,M,AP,2682,2749,0.143,0.143,",
        "00000002_000.png,Hernia,0,2,80,M,PA,2500,2048,0.168,0.168,",
        "00000003_000.png,Effusion,0,3,80,M,PA,2500,2048,0.168,0.168,",
    )
    text(
        folder / "BBox_List_2017.csv",
        "Image Index,Finding Label,Bbox [x,y,w,h],,,",
        "00000001_000.png,Mass,225.08474576271186,547.01,86.77,79.18,,,",
        "00000001_001.png,Infiltrate,512,0,512,512,,,",
    )
    return folder


def test_chestxray14(tmp_path: Path) -> None:
    found = films_of(nih(tmp_path))
    large, normal, hernia = found.films
    assert (found.name, found.missing) == ("ChestX-ray14", 1)
    assert len(found.findings) == len(large.labels)
    assert (large.patient, normal.patient, large.view, normal.view) == ("1", "1", "PA", "AP")
    present = {code for code, told in large.labels.items() if told}
    assert present == {"cardiomegaly", "lung_lesion", "lung_opacity"}
    assert {code for code, told in normal.labels.items() if told} == {"no_finding"}
    assert not any(hernia.labels.values())
    assert {(one.finding, one.box) for one in large.boxes} == {
        ("lung_lesion", (225, 547, 312, 626)),
        ("lung_opacity", (225, 547, 312, 626)),
    }
    assert [one.box for one in normal.boxes] == [(256, 0, 512, 256)]


def test_chestxray14_takes_its_test_list(tmp_path: Path) -> None:
    text(nih(tmp_path) / "test_list.txt", "00000002_000.png")
    assert [one.name for one in films_of(tmp_path).films] == ["00000002_000.png"]


def test_chexpert(tmp_path: Path) -> None:
    picture(tmp_path / "valid/patient64541/study1/view1_frontal.jpg")
    picture(tmp_path / "valid/patient64541/study1/view2_lateral.jpg")
    text(
        tmp_path / "valid.csv",
        f"Path,Sex,Age,Frontal/Lateral,AP/PA,{CHEXPERT_LABELS}",
        "CheXpert-v1.0-small/valid/patient64541/study1/view1_frontal.jpg,Male,73,Frontal,AP,"
        "0.0,1.0,1.0,1.0,,-1.0,0,0,0,0,1.0,0,0,0",
        "CheXpert-v1.0-small/valid/patient64541/study1/view2_lateral.jpg,Male,73,Lateral,,"
        "0.0,1.0,1.0,1.0,,-1.0,0,0,0,0,1.0,0,0,0",
    )
    frontal, lateral = films_of(tmp_path).films
    assert (frontal.patient, frontal.view) == ("patient64541", View.AP)
    assert not lateral.frontal
    assert frontal.labels["cardiomegaly"] is True
    assert frontal.labels["pulmonary_edema"] is None
    assert frontal.labels["pneumonia"] is False
    assert "lung_lesion" not in frontal.labels


def test_chexpert_plus(tmp_path: Path) -> None:
    name = "train/patient42142/study5/view1_frontal.jpg"
    picture(tmp_path / "films/PNG/train/patient42142/study5/view1_frontal.png")
    text(
        tmp_path / "df_chexpert_plus_240401.csv",
        "path_to_image,path_to_dcm,frontal_lateral,ap_pa,deid_patient_id,report,section_findings,"
        "section_impression",
        f'{name},{name},Frontal,AP,patient42142,"x","The heart, is large.","1. Cardiomegaly."',
    )
    record = {"path_to_image": name, "Cardiomegaly": 1.0, "Edema": -1.0, "Pneumonia": None}
    text(tmp_path / "chexbert_labels/impression_fixed.json", json.dumps(record))
    (film,) = films_of(tmp_path, tmp_path / "films").films
    assert (film.patient, film.view) == ("patient42142", View.AP)
    assert dict(film.labels) == {"cardiomegaly": True, "pulmonary_edema": None}
    assert film.report == "FINDINGS: The heart, is large.\nIMPRESSION: 1. Cardiomegaly."


def test_vindr(tmp_path: Path) -> None:
    picture(tmp_path / "train/aaa.png")
    picture(tmp_path / "train/bbb.png")
    text(
        tmp_path / "annotations_train.csv",
        "image_id,rad_id,class_name,x_min,y_min,x_max,y_max",
        "aaa,R1,Cardiomegaly,5,5,20,20",
        "aaa,R2,Cardiomegaly,6,5,21.4,20",
        "aaa,R3,Pleural effusion,1,1,3,3",
        "aaa,R3,ILD,1,1,3,3",
        "bbb,R1,No finding,,,,",
        "bbb,R2,No finding,,,,",
    )
    ill, normal = films_of(tmp_path).films
    assert ill.labels["cardiomegaly"] is True
    assert ill.labels["pleural_effusion"] is None
    assert ill.labels["pneumothorax"] is False
    assert [one.box for one in ill.boxes] == [(5, 5, 20, 20), (6, 5, 21, 20)]
    assert normal.labels["no_finding"] is True


def test_labels_of_the_sets_are_findings() -> None:
    for one in film_set_labels().values():
        assert all(vocabulary()[code].kind == "finding" for code in one.codes)
    names = film_set_labels()["chexpert"]
    for code, term in vocabulary().items():
        if term.chexpert:
            assert names.labels[term.chexpert] == (code,)


@pytest.mark.parametrize(
    "line",
    [
        "../a.png,1",
        "/etc/passwd,1",
        "link.png,1",
        "a.png,2",
        "a.png,present",
        "a\\b.png,1",
        f"{'a' * 600}.png,1",
    ],
)
def test_what_a_table_may_not_say(tmp_path: Path, line: str) -> None:
    root = tmp_path / "set"
    picture(tmp_path / "a.png")
    picture(root / "a.png")
    (root / "link.png").symlink_to(tmp_path / "a.png")
    text(root / "cases.csv", "file,cardiomegaly", line)
    with pytest.raises(InputError, match="bad_film_set") as raised:
        films_of(root)
    assert "etc" not in str(raised.value)


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("file,cardiomegalie", "a.png,1"),
        ("file,file", "a.png,a.png"),
        ("file,ctr", "a.png,nan"),
        ("file,ctr", "a.png,52"),
        ("file,view", "a.png,oblique"),
        ("file,days", "a.png,1.5"),
        ("file,spacing_mm", "a.png,0"),
        ("file,report", "a.png,none.txt"),
        ("file,masks", "a.png,../m"),
        ("name,x", "a.png,1"),
        ("image_id,class_name,x_min,y_min,x_max,y_max", "a,Cardiomegaly,9,1,3,3"),
        ("image_id,class_name,x_min,y_min,x_max,y_max", "a,Hart,1,1,3,3"),
    ],
)
def test_malformed_tables_are_named_in_a_line(tmp_path: Path, head: str, line: str) -> None:
    picture(tmp_path / "a.png")
    text(tmp_path / "cases.csv", head, line)
    with pytest.raises(InputError, match="bad_film_set") as raised:
        films_of(tmp_path / "cases.csv")
    assert "\n" not in raised.value.message


def test_no_set_or_more_than_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no_film_set"):
        films_of(tmp_path / "none")
    with pytest.raises(InputError, match="bad_film_set"):
        films_of(tmp_path)
    for name in ("train.csv", "valid.csv"):
        text(tmp_path / name, f"Path,Sex,Age,Frontal/Lateral,AP/PA,{CHEXPERT_LABELS}")
    with pytest.raises(UsageError, match="several_tables"):
        films_of(tmp_path)
    with pytest.raises(InputError, match="none of the films"):
        films_of(tmp_path / "valid.csv")
    (tmp_path / "valid.csv").write_bytes(b"\xff\xfe\0P")
    with pytest.raises(InputError, match="bad_film_set"):
        films_of(tmp_path / "valid.csv")


def test_a_mask_that_is_none_is_said(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    text(tmp_path / "m/heart.png", "no picture")
    text(tmp_path / "cases.csv", "file,masks", "a.png,m")
    (film,) = films_of(tmp_path).films
    assert film.masks is not None
    with pytest.raises(InputError, match="bad_mask"):
        film.masks()
    (tmp_path / "m/heart.png").rename(tmp_path / "m/hart.png")
    with pytest.raises(InputError, match="bad_mask"):
        film.masks()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_set_or_an_error_of_ours(tmp_path_factory: pytest.TempPathFactory, rest: str):
    folder = tmp_path_factory.mktemp("any")
    picture(folder / "a.png")
    table = folder / "cases.csv"
    table.write_text(f"file,view,ctr,days\na.png,PA,0.5,1\n{rest}", encoding="utf-8", newline="")
    with suppress(InputError):
        assert films_of(folder).films[0].ctr == 0.5


@given(st.text(max_size=6))
def test_cells_of_labels(cell: str) -> None:
    try:
        found = told({"a": cell}, {"a": ("cardiomegaly",)})
    except InputError:
        return
    assert found in ({}, *({"cardiomegaly": value} for value in (True, False, None)))
