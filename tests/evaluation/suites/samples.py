"""Tiny samples of benchmarks in their public formats; every word of them is our own."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cxr_agent.testing.phantom import PhantomSpec, draw
from tests.cli.program import levels
from tests.imaging.films import dicom

BIG, SMALL = PhantomSpec(cardiothoracic_ratio=0.6), PhantomSpec(cardiothoracic_ratio=0.4)
SIDE = 512


def film(path: Path, spec: PhantomSpec = BIG, **header: Any) -> Path:
    """A drawn film as PNG, or as DICOM where it has a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = draw(spec, SIDE).pixels
    if header:
        path.write_bytes(dicom(levels(pixels, 12), **header))
        return path
    Image.fromarray(np.round(pixels * 255).astype(np.uint8)).save(path)
    return path


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_lines(path: Path, items: Sequence[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in items), encoding="utf-8")
    return path


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], delimiter: str = ",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def chestagentbench(root: Path) -> Path:
    """Two questions on a film; others on a CT, a lateral film, without options, without a film."""
    film(root / "figures/7001/figure_1a.png")
    captions = {"1a": "Chest radiograph on admission.", "1b": "Lateral chest radiograph", "2": "CT"}
    write_json(
        root / "eurorad_metadata.json",
        {
            "7001": {
                "figures": [
                    {
                        "number": f"Figure {number[0]}",
                        "subfigures": [{"number": f"Figure {number}", "caption": caption}],
                    }
                    for number, caption in captions.items()
                ]
            }
        },
    )

    def line(number: int, question: str, answer: str, **more: Any) -> dict[str, Any]:
        return {
            "full_question_id": f"7001_7001_{number}",
            "question_id": f"7001_{number}",
            "case_id": "7001",
            "question": question,
            "answer": answer,
            "images": ["figures/7001/figure_1a.png"],
            "categories": "detection, diagnosis",
            **more,
        }

    write_lines(
        root / "metadata.jsonl",
        [
            line(
                1,
                "Which finding does the radiograph show? A) No cardiomegaly B) Cardiomegaly "
                "C) Dextrocardia with a tie D) A swallowed coin",
                "B",
            ),
            line(2, "Is the heart enlarged? A) Yes B) No", "A", categories=["comparison"]),
            line(3, "What does the CT show? A) Heart B) Lung", "A"),
            line(4, "Is it big? A) Yes B) No", "A", images=["figures/7001/figure_1b.png"]),
            line(5, "What is seen?", "A"),
            line(6, "Anything? A) Yes B) No", "A", images=[]),
            line(7, "A hat? A) Yes B) No", "A", images=[["figures/7001/figure_2.png"]]),
        ],
    )
    return root


def rexvqa(root: Path) -> Path:
    film(root / "images/deid_png/P1/S1/one.png")
    base = {
        "study_id": "S1",
        "PatientID": "P1",
        "StudyDate": "20300101",
        "task_name": "Presence Assessment",
        "ImagePath": ["../deid_png/P1/S1/one.png", "../deid_png/P1/S1/two.png"],
        "ImageViewPosition": ["PA", "LATERAL"],
        "Findings": "not for the system",
    }
    write_json(
        root / "metadata/test_vqa_data.json",
        {
            "q1": {
                **base,
                "question": "Which of these is present?",
                "options": ["A. Cardiomegaly", "B. No cardiomegaly", "C. A broken lamp"],
                "correct_answer": "A",
            },
            "q2": {
                **base,
                "question": "Which one?",
                "options": ["A. x-one", "B. x-two"],
                "correct_answer": "B. x-two",
                "ImageViewPosition": ["LATERAL", "LL"],
            },
        },
    )
    return root


def vqa_rad(root: Path) -> Path:
    film(root / "VQA_RAD Image Folder/synpic1.png")
    base = {"image_name": "synpic1.png", "image_organ": "CHEST", "phrase_type": "test_freeform"}
    write_json(
        root / "VQA_RAD Dataset Public.json",
        [
            base
            | {
                "qid": 1,
                "question": "Is the heart enlarged?",
                "answer": "Yes",
                "answer_type": "CLOSED ",
                "question_type": "PRES, SIZE",
            },
            base
            | {
                "qid": 1,
                "phrase_type": "test_para",
                "question": "What modality is this?",
                "answer": "x-ray",
                "answer_type": "OPEN",
                "question_type": "MODALITY",
            },
            base | {"qid": 2, "question": "Is it?", "answer": "No", "phrase_type": "freeform"},
            base | {"qid": 3, "question": "Is it?", "answer": "No", "image_organ": "HEAD"},
        ],
    )
    return root


def slake(root: Path) -> Path:
    film(root / "imgs/xmlab9/source.png")
    base = {
        "img_id": 9,
        "img_name": "xmlab9/source.png",
        "q_lang": "en",
        "location": "Lung",
        "modality": "X-Ray",
        "base_type": "vqa",
        "triple": ["vhead", "_", "_"],
    }
    write_json(
        root / "test.json",
        [
            base
            | {
                "qid": 21,
                "question": "Is the heart enlarged?",
                "answer": "Yes",
                "answer_type": "CLOSED",
                "content_type": "Abnormality",
            },
            base | {"qid": 22, "question": "?", "answer": "x", "q_lang": "zh"},
            base | {"qid": 23, "question": "?", "answer": "x", "modality": "CT"},
            base | {"qid": 24, "question": "?", "answer": "x", "location": "Abdomen"},
            base | {"qid": 25, "question": "?", "answer": "x", "base_type": "kvqa"},
        ],
    )
    return root


def ms_cxr(root: Path, coco: bool = False) -> Path:
    """A phrase about the heart, in pixels of a film twice as large as the one that is there."""
    path = "files/p10/p10000001/s50000001/aa-01.png"
    film(root / path)
    left, top, width, height = heart_box()
    row = {
        "dicom_id": "aa-01",
        "category_name": "Cardiomegaly",
        "label_text": "The cardiac silhouette is enlarged",
        "path": path,
        "x": 2 * left,
        "y": 2 * top,
        "w": 2 * width,
        "h": 2 * height,
        "image_width": 2 * SIDE,
        "image_height": 2 * SIDE,
        "split": "test",
    }
    if not coco:
        write_table(root / "MS_CXR_Local_Alignment_v1.1.0.csv", [row])
        return root
    write_json(
        root / "MS_CXR_Local_Alignment_v1.1.0.json",
        {
            "images": [
                {
                    "id": 1,
                    "file_name": "aa-01.png",
                    "path": path,
                    "width": 2 * SIDE,
                    "height": 2 * SIDE,
                }
            ],
            "categories": [{"id": 1, "name": "Cardiomegaly"}],
            "annotations": [
                {
                    "id": 1,
                    "image_id": 1,
                    "category_id": 1,
                    "bbox": [row["x"], row["y"], row["w"], row["h"]],
                    "label_text": row["label_text"],
                }
            ],
        },
    )
    return root


def heart_box() -> tuple[int, int, int, int]:
    """(left, top, width, height) of the drawn heart."""
    rows, columns = np.nonzero(draw(BIG, SIDE).masks["heart"])
    left, top = int(columns.min()), int(rows.min())
    return left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top


def imagenome(root: Path) -> Path:
    """A heart that grew, a place marked both ways, a place of no list, and a pair without films."""
    folder = root / "files/p10/p10000001"
    film(folder / "s1/before.dcm", SMALL, StudyDate="20300101", ViewPosition="PA")
    film(folder / "s2/after.dcm", BIG, StudyDate="20300201", ViewPosition="PA")

    def row(bbox: str, comparison: str, current: str = "after.dcm") -> dict[str, str]:
        return {
            "patient_id": "10000001",
            "relationship_id": "r",
            "subject_id": f"after_{bbox}",
            "object_id": f"before_{bbox}",
            "bbox": bbox,
            "comparison": comparison,
            "attribute": "",
            "sentence": "our own words",
            "label_name": "",
            "current_image_id": current,
            "previous_image_id": "before.dcm",
        }

    write_table(
        root / "gold_dataset/gold_object_comparison_with_coordinates.txt",
        [
            row("cardiac silhouette", "worsened"),
            row("left lung", "improved"),
            row("left lung", "worsened"),
            row("the left shoe", "worsened"),
            row("right lung", "no change", current="gone.dcm"),
        ],
        delimiter="\t",
    )
    return root


def drbench(root: Path) -> Path:
    write_lines(
        root / "mednli/mli_test_v1.jsonl",
        [
            {
                "gold_label": label,
                "sentence1": "There is a small right pleural effusion and no pneumothorax.",
                "sentence2": hypothesis,
                "pairID": str(number),
            }
            for number, (label, hypothesis) in enumerate(
                [
                    ("entailment", "There is a pleural effusion."),
                    ("contradiction", "There is a pneumothorax."),
                    ("neutral", "There is consolidation."),
                    ("neutral", "The patient plays the violin."),
                ]
            )
        ],
    )
    write_table(
        root / "ap/test.csv",
        [
            {
                "ROW_ID": 1,
                "HADM_ID": 4,
                "Assessment": "A man with a broken toe.",
                "Plan Subsection": "Toe: tape it.",
                "Relation": "Direct",
            }
        ],
    )
    write_json(
        root / "emrqa/test.json",
        {
            "data": [
                {
                    "title": "note",
                    "paragraphs": [
                        {
                            "note_id": "n1",
                            "context": ["Given one apple a day.", "Sleeps well."],
                            "qas": [
                                {
                                    "id": ["a", "b"],
                                    "question": ["How many apples?", "Apples?"],
                                    "answers": [{"text": "one apple a day", "answer_start": 6}],
                                }
                            ],
                        }
                    ],
                }
            ]
        },
    )
    write_lines(
        root / "medqa/test.jsonl",
        [
            {
                "question": "Which is a bone?",
                "answer": "Clavicle",
                "options": {"A": "Liver", "B": "Clavicle", "C": "Lens"},
                "answer_idx": "B",
                "meta_info": "step1",
            }
        ],
    )
    write_table(
        root / "summ/BioNLP2023-1A-Test.csv",
        [
            {
                "File ID": "f1",
                "Assessment": "Old lamp.",
                "Subjective Sections": "It flickers.",
                "Objective Sections": "Bulb black.",
                "Summary": "broken bulb; loose cable",
            }
        ],
    )
    write_table(
        root / "soap/soap_test.csv",
        [
            {"File ID": "n1", "Text": "The lamp flickers at night.", "Label": "B-SUBJECTIVE"},
            {"File ID": "n1", "Text": "", "Label": ""},
            {"File ID": "n1", "Text": "Bulb black.", "Label": "Objective"},
            {"File ID": "n2", "Text": "New bulb tomorrow.", "Label": "P"},
        ],
    )
    return root
