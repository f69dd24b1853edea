"""Tiny data sets in public formats, which the rows are run on; every word of them is our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np

from cxr_agent.synthesis.writing import png_bytes
from cxr_agent.testing.phantom import draw, random_spec
from tests.evaluation.films.made import plane, text
from tests.evaluation.suites import samples

PAIRS: Final = (
    (
        "Moderate left pleural effusion. No pneumothorax. The heart is enlarged.",
        "Small right pleural effusion. The heart is enlarged. Consolidation.",
        "1",
        0,
    ),
    ("The lungs are clear.", "The lungs are clear.", "2", 0),
    ("Left pleural effusion, smaller.", "Left pleural effusion, larger.", "1", 30),
)
"""Reference, candidate, patient and day: a wrong side and degree, an omission, an invention."""


def write_sets(folder: Path) -> None:
    """A folder for each set."""
    samples.ms_cxr(folder / "ms-cxr")
    samples.imagenome(folder / "chest-imagenome")
    samples.drbench(folder / "drbench")
    samples.chestagentbench(folder / "chestagentbench")
    _pairs(folder / "pairs.jsonl")
    _own(folder / "own")
    _chestxray14(folder / "ChestX-ray14")
    _chexpert_plus(folder / "CheXpert-Plus")
    _synthetic(folder / "genbench")


def _pairs(path: Path) -> None:
    names = ("reference", "candidate", "patient", "day")
    rows = [{"id": str(n), **dict(zip(names, pair, strict=True))} for n, pair in enumerate(PAIRS)]
    text(path, *map(json.dumps, rows))


def _own(folder: Path) -> None:
    """A film with a reader's outline of its heart."""
    samples.film(folder / "big.png", samples.BIG)
    plane(folder / "masks/heart.png", draw(samples.BIG, samples.SIDE).masks["heart"] * 255)
    text(
        folder / "cases.csv",
        "file,patient,view,ctr,masks,cardiomegaly",
        "big.png,a,PA,0.6,masks,1",
    )


def _chestxray14(folder: Path) -> None:
    samples.film(folder / "images/00000001_000.png", samples.BIG)
    samples.film(folder / "images/00000002_000.png", samples.SMALL)
    text(
        folder / "Data_Entry_2017.csv",
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
        "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],",
        "00000001_000.png,Cardiomegaly,0,1,58,M,PA,512,512,0.6,0.6,",
        "00000002_000.png,No Finding,0,2,60,F,PA,512,512,0.6,0.6,",
    )
    # Boxes are given on films of 1,024 pixels.
    left, top, width, height = (2 * one for one in samples.heart_box())
    text(
        folder / "BBox_List_2017.csv",
        "Image Index,Finding Label,Bbox [x,y,w,h],,,",
        f"00000001_000.png,Cardiomegaly,{left},{top},{width},{height},,,",
    )


def _chexpert_plus(folder: Path) -> None:
    name = "valid/patient64541/study1/view1_frontal.jpg"
    samples.film((folder / "PNG" / name).with_suffix(".png"), samples.BIG)
    text(
        folder / "df_chexpert_plus_240401.csv",
        "path_to_image,frontal_lateral,ap_pa,deid_patient_id,section_findings,section_impression",
        f'{name},Frontal,PA,patient64541,"The heart is enlarged.","Cardiomegaly. No effusion."',
    )
    labels = {"path_to_image": name, "Cardiomegaly": 1.0, "Pleural Effusion": 0.0}
    text(folder / "chexbert_labels/impression_fixed.json", json.dumps(labels))


def _synthetic(folder: Path) -> None:
    """Films of two sets of patients, and copies of the first with a little noise."""
    for name, seeds, noise in (
        ("real", range(8), 0.0),
        ("holdout", range(100, 108), 0.0),
        ("synthetic", range(4), 0.005),
    ):
        lines = ["file,cardiomegaly"]
        (folder / name).mkdir(parents=True)
        for seed in seeds:
            dice = np.random.default_rng(seed)
            spec = random_spec(dice)
            pixels = draw(spec, 128).pixels
            noisy = np.clip(pixels + dice.normal(0, noise, pixels.shape), 0, 1)
            (folder / name / f"{seed}.png").write_bytes(png_bytes(noisy.astype(np.float32)))
            lines.append(f"{seed}.png,{int(spec.cardiothoracic_ratio > 0.5)}")
        text(folder / name / "cases.csv", *lines)
