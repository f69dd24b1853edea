"""Benchmarks are read in their public formats; what is left out is counted, what is wrong named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.errors import InputError
from cxr_agent.evaluation.suites import (
    chestagentbench,
    drbench,
    imagenome,
    ms_cxr,
    rexvqa,
    slake,
    vqa_rad,
)
from cxr_agent.evaluation.suites.folder import inside
from tests.evaluation.suites import samples

READERS: dict[str, Callable[[Path, Path | None], Any]] = {
    "chestagentbench": chestagentbench.read,
    "drbench": drbench.read,
    "imagenome": imagenome.read,
    "ms_cxr": ms_cxr.read,
    "rexvqa": rexvqa.read,
    "slake": slake.read,
    "vqa_rad": vqa_rad.read,
}


def test_chestagentbench(tmp_path: Path) -> None:
    suite = chestagentbench.read(samples.chestagentbench(tmp_path), None)
    first, second = suite.questions
    assert first.text == "Which finding does the radiograph show?"
    assert first.options[:2] == ("No cardiomegaly", "Cardiomegaly")
    assert (first.answer, first.group, first.category) == ("Cardiomegaly", "7001", "detection")
    assert first.films == (tmp_path / "figures/7001/figure_1a.png",)
    assert second.category == "comparison"
    assert suite.left_out == {
        "not_chest_radiographs_alone": 2,
        "lateral_view": 1,
        "no_options": 1,
        "no_film": 1,
    }


def test_without_captions_the_words_of_a_question_decide(tmp_path: Path) -> None:
    root = samples.chestagentbench(tmp_path)
    (root / chestagentbench.CASES).unlink()
    suite = chestagentbench.read(root, None)
    assert len(suite.questions) == 4
    assert suite.left_out["not_chest_radiographs_alone"] == 1


def test_options_are_letters_in_their_order() -> None:
    stem, options = chestagentbench.options_in("Vitamin C) or D)? A) One\n B) two, c) B) Three")
    assert (stem, options) == ("Vitamin C) or D)?", {"A": "One", "B": "two, c) B) Three"})


@given(st.text(max_size=300))
def test_any_text_gives_options_that_stand_in_it(text: str) -> None:
    stem, options = chestagentbench.options_in(text)
    plain = " ".join(text.split())
    assert list(options) == list("ABCDEFGHIJ"[: len(options)])
    assert stem in plain
    assert all(one in plain for one in options.values())


def test_rexvqa(tmp_path: Path) -> None:
    suite = rexvqa.read(samples.rexvqa(tmp_path), None)
    (question,) = suite.questions
    assert question.films == (tmp_path / "images/deid_png/P1/S1/one.png",)
    assert question.options == ("Cardiomegaly", "No cardiomegaly", "A broken lamp")
    assert (question.answer, question.group) == ("Cardiomegaly", "P1")
    assert "not for the system" not in f"{question.text}{question.context}"
    assert suite.left_out == {"no_frontal_film": 1}


def test_vqa_rad(tmp_path: Path) -> None:
    suite = vqa_rad.read(samples.vqa_rad(tmp_path), None)
    closed, opened = suite.questions
    assert (closed.options, closed.answer, closed.closed) == (("yes", "no"), "yes", True)
    assert (opened.options, opened.answer, opened.closed) == ((), "x-ray", False)
    assert closed.group == opened.group == "synpic1.png"
    assert suite.left_out == {"not_of_the_test_set": 1, "not_of_the_chest": 1}


def test_vqa_rad_takes_a_list_of_films(tmp_path: Path) -> None:
    root = samples.vqa_rad(tmp_path)
    (root / vqa_rad.LISTED).write_text("another.png\n")
    suite = vqa_rad.read(root, None)
    assert not suite.questions
    assert suite.left_out["not_a_chest_radiograph"] == 2


def test_slake(tmp_path: Path) -> None:
    suite = slake.read(samples.slake(tmp_path), None)
    (question,) = suite.questions
    assert question.films == (tmp_path / "imgs/xmlab9/source.png",)
    assert suite.left_out == {
        "not_english": 1,
        "not_a_radiograph": 1,
        "not_of_the_chest": 1,
        "asks_for_general_knowledge": 1,
    }


@pytest.mark.parametrize("coco", [False, True])
def test_ms_cxr_as_table_and_as_list(tmp_path: Path, coco: bool) -> None:
    (phrase,) = ms_cxr.read(samples.ms_cxr(tmp_path, coco), None)
    left, top, width, height = samples.heart_box()
    assert phrase.boxes == ((2 * left, 2 * top, 2 * (left + width), 2 * (top + height)),)
    assert (phrase.category, phrase.shape) == ("cardiomegaly", (1024, 1024))
    assert phrase.film.is_file()
    assert phrase.group == "p10000001"


def test_imagenome(tmp_path: Path) -> None:
    gold = imagenome.read(samples.imagenome(tmp_path), None)
    (pair,) = gold.pairs
    assert pair.changes == {"cardiac silhouette": "worsened"}
    assert (pair.current.name, pair.previous.name) == ("after.dcm", "before.dcm")
    assert gold.left_out == {
        "pair_without_films": 1,
        "place_marked_both_ways": 1,
        "place_outside_the_29": 1,
    }


def test_drbench(tmp_path: Path) -> None:
    found = {one.name: one for one in drbench.read(samples.drbench(tmp_path), None).questions}
    assert len(found) == 11
    relation = found["ap test 1"]
    assert (relation.answer, relation.options) == ("direct", drbench.PLAN_RELATIONS)
    assert "Plan: Toe: tape it." in relation.context
    record = found["emrqa test 1"]
    assert (record.text, record.answer) == ("How many apples?", "one apple a day")
    assert found["medqa test 1"].answer == "Clavicle"
    problems = found["summ BioNLP2023-1A-Test 1"]
    assert problems.listing
    assert "Objective: Bulb black." in problems.context
    lines = [one for one in found.values() if one.category == "soap"]
    assert [one.answer for one in lines] == ["subjective", "objective", "plan"]
    assert lines[1].context == "The lamp flickers at night.\nBulb black."
    assert lines[2].context == "New bulb tomorrow."  # of another note
    assert all(not one.films for one in found.values())


@pytest.mark.parametrize("name", READERS)
def test_a_folder_of_something_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        READERS[name](tmp_path, None)
    assert caught.value.code == "not_a_benchmark"


@pytest.mark.parametrize(
    ("name", "path", "content"),
    [
        ("chestagentbench", "metadata.jsonl", '{"question": 3'),
        ("chestagentbench", "metadata.jsonl", '{"question": ["a"], "answer": "A"}'),
        ("rexvqa", "metadata/test_vqa_data.json", '{"q": {"question": "?"}}'),
        ("vqa_rad", "VQA_RAD Dataset Public.json", "[3]"),
        ("slake", "test.json", '[{"qid": 1}]'),
        ("ms_cxr", "MS_CXR_Local_Alignment_v1.1.0.csv", "dicom_id,path\na,b\n"),
        ("ms_cxr", "MS_CXR_Local_Alignment_v1.1.0.json", '{"images": [{"id": 1}]}'),
        ("imagenome", "gold_object_comparison_with_coordinates.txt", "patient_id\n3\n"),
        ("drbench", "mednli/mli_test_v1.jsonl", '{"sentence1": "a"}'),
        ("drbench", "ap/test.csv", "Assessment,Relation\na,unheard of\n"),
        ("drbench", "soap/test.csv", "Text,Label\na,unheard of\n"),
    ],
)
def test_records_of_another_form_are_named(
    tmp_path: Path, name: str, path: str, content: str
) -> None:
    place = tmp_path / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content)
    with pytest.raises(InputError) as caught:
        READERS[name](tmp_path, None)
    assert caught.value.code == "bad_question"


def test_a_film_outside_the_folder_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "data"
    samples.vqa_rad(root)
    listing = root / "VQA_RAD Dataset Public.json"
    items = json.loads(listing.read_text())
    items[0]["image_name"] = "a/../../../../etc/passwd"
    listing.write_text(json.dumps(items))
    with pytest.raises(InputError) as caught:
        vqa_rad.read(root, None)
    assert caught.value.code == "bad_question"


@pytest.mark.parametrize("name", ["link.png", "a/../../b.png", "", ".", "..", "x\0y"])
def test_no_name_leads_out(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(InputError):
        inside(root, name)


def test_a_name_with_dots_before_it_stays_inside(tmp_path: Path) -> None:
    assert inside(tmp_path, "../deid_png/a.png") == tmp_path / "deid_png/a.png"
    assert inside(tmp_path, "/etc/passwd") == tmp_path / "etc/passwd"
