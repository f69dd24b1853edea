"""A folder, a pattern, a film: to studies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.batch.listing import BatchStudy, studies_of
from cxr_agent.batch.listing.naming import MAX_NAME, Names
from cxr_agent.batch.listing.pattern import Pattern
from cxr_agent.errors import InputError, UsageError
from tests.imaging.films import dicom, png, ramp

from .conftest import Put, listed

STUDY = {"StudyInstanceUID": "1.2.3.77"}


def test_films_become_studies(tmp_path: Path, put: Put) -> None:
    put("p1/b.dcm", "P1", 1, **STUDY)
    put("p1/a.dcm", "P1", 2, **STUDY)
    put("p2/only", "P2", 3)
    (tmp_path / "x.png").write_bytes(png(ramp(8)))
    (tmp_path / "p1" / ".hidden.dcm").write_bytes(dicom())
    told = listed(tmp_path)
    assert told.films(tmp_path) == {
        "p1/a.dcm": ["p1/a.dcm", "p1/b.dcm"],
        "p2/only": ["p2/only"],
        "x.png": ["x.png"],
    }
    assert told.names == sorted(told.names)
    assert told.summary.seen == 4
    assert not told.refused
    assert not told.summary.passed


def test_same_study_uid_of_two_patients_is_two_studies(tmp_path: Path, put: Put) -> None:
    put("a.dcm", "P1", 1, **STUDY)
    put("b.dcm", "P2", 2, **STUDY)
    assert set(listed(tmp_path).studies) == {"a.dcm", "b.dcm"}


def test_films_without_a_study_uid_are_studies_of_their_own(tmp_path: Path, put: Put) -> None:
    for number in (1, 2):
        put(f"{number}.dcm", "P1", number, StudyInstanceUID=None)
    assert set(listed(tmp_path).studies) == {"1.dcm", "2.dcm"}


def test_what_is_no_film_is_passed_over(tmp_path: Path, put: Put) -> None:
    put("film.dcm", "P1", 1)
    put("ct.dcm", "P1", 2, Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    put("sr.dcm", "P1", 3, Modality="SR", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33")
    put("pr.dcm", "P1", 4, Modality="PR", SOPClassUID="1.2.840.10008.5.1.4.1.1.11.1")
    put("hand.dcm", "P1", 5, BodyPartExamined="HAND")
    (tmp_path / "README.txt").write_text("Dear colleague\n")
    told = listed(tmp_path)
    assert list(told.studies) == ["film.dcm"]
    assert told.summary.passed == {
        "unsupported_modality": 1,
        "non_image_object": 2,
        "not_chest": 1,
        "not_an_image": 1,
    }
    assert not told.refused


def test_what_should_be_a_film_is_refused(tmp_path: Path, put: Put) -> None:
    put("good.dcm", "P1", 1)
    (tmp_path / "a.dcm").write_bytes(b"no film at all")
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "c.dcm").symlink_to(tmp_path / "gone.dcm")
    (tmp_path / "d.dcm").write_bytes(dicom()[:400])
    told = listed(tmp_path)
    assert told.refused == {
        "a.dcm": "not_an_image",
        "b.png": "empty_file",
        "c.dcm": "unreadable_path",
        "d.dcm": "truncated",
    }
    assert list(told.studies) == ["good.dcm"]


def test_long_headers_are_read_too(tmp_path: Path, put: Put) -> None:
    put("long.dcm", "P1", 1, ImageComments="x" * 100_000, **STUDY)
    put("short.dcm", "P1", 2, **STUDY)
    put("deflated.dcm", "P1", 3, syntax="1.2.840.10008.1.2.1.99", **STUDY)
    assert len(listed(tmp_path).studies) == 1


def test_a_lateral_comes_last_and_counts_as_passed_over(tmp_path: Path, put: Put) -> None:
    put("a.dcm", "P1", 1, ViewPosition="LL", **STUDY)
    put("b.dcm", "P1", 2, **STUDY)
    put("c.dcm", "P1", 3, SOPClassUID="1.2.840.10008.5.1.4.1.1.1.1.1", **STUDY)
    put("d.dcm", "P2", 4, ViewPosition="LL")
    told = listed(tmp_path)
    assert told.films(tmp_path) == {"a.dcm": ["b.dcm", "a.dcm"], "d.dcm": ["d.dcm"]}
    assert told.summary.passed == {"lateral_view": 1, "for_processing": 1}


def test_links(tmp_path: Path, put: Put) -> None:
    outside = put("outside.dcm", "P1", 1)
    film = put("in/b/film.dcm", "P2", 2)
    root = tmp_path / "in"
    (root / "a.dcm").symlink_to(film)
    os.link(film, root / "hard.dcm")
    (root / "c.dcm").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "circle").symlink_to(root / "circle")
    os.mkfifo(root / "pipe.dcm")
    told = listed(root)
    assert told.films(root) == {"a.dcm": ["b/film.dcm"]}
    assert told.refused == {"circle": "unreadable_path"}
    assert told.summary.passed == {
        "duplicate_film": 2,
        "link_outside": 1,
        "folder_link": 1,
        "not_a_regular_file": 1,
    }


def test_claims_that_contradict_each_other(tmp_path: Path, put: Put) -> None:
    for number in range(17):
        put(f"many/{number:02}.dcm", "P1", number, StudyInstanceUID="1.2.5")
    put("days/a.dcm", "P2", 1, **STUDY)
    put("days/b.dcm", "P2", 2, StudyDate="20200210", **STUDY)
    put("people/a.dcm", "ANON", 1, PatientSex="M", StudyInstanceUID="1.2.6")
    put("people/b.dcm", "ANON", 2, PatientSex="F", StudyInstanceUID="1.2.6")
    assert listed(tmp_path).refused == {
        "many/00.dcm": "too_many_films",
        "days/a.dcm": "conflicting_study",
        "people/a.dcm": "conflicting_study",
    }


def test_names_never_come_out_of_a_header(tmp_path: Path, put: Put) -> None:
    put("x.dcm", "MARTHA-77", 1, StudyInstanceUID="1.2.88.99")
    with studies_of(tmp_path) as listing:
        told = repr(list(listing)) + repr(listing.summary)
    assert "MARTHA" not in told
    assert "1.2.88.99" not in told


def test_names_with_strange_characters(tmp_path: Path) -> None:
    for name in (b"a\x1b[2J\n.png", b"caf\xe9.png", "\u202egnp.png".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(png(ramp(8)))
    told = listed(tmp_path)
    assert told.names == ["a\\x1b[2J\\n.png", "caf\\udce9.png", "\\u202egnp.png"]
    assert all(Path(study.films[0]).exists() for study in told.studies.values())


def test_order_and_names_are_those_of_the_last_run(tmp_path: Path, put: Put) -> None:
    for number in range(9):
        put(f"p{number % 3}/{number}.dcm", f"P{number % 3}", number)
    assert list(studies_of(tmp_path)) == list(studies_of(tmp_path))


def test_progress(tmp_path: Path, put: Put) -> None:
    seen: list[int] = []
    put("a.dcm", "P1", 1)
    put("b.dcm", "P1", 2)
    list(studies_of(tmp_path, on_seen=seen.append))
    assert seen == [1, 2]


def test_an_empty_folder(tmp_path: Path) -> None:
    told = listed(tmp_path)
    assert not told.names
    assert told.summary.seen == 0


@pytest.mark.parametrize("name", ["", "gone", "gone/*.dcm", "a\0b", "x" * 5000])
def test_nothing_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no_batch_input"):
        studies_of(name)


@pytest.mark.parametrize("priors", [-1, 6])
def test_number_of_priors(priors: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="bad_priors"):
        studies_of(tmp_path, priors=priors)


def test_a_single_film(tmp_path: Path, put: Put) -> None:
    path = put("x.dcm", "P1", 1)
    assert listed(path).films(tmp_path) == {"x.dcm": ["x.dcm"]}
    path.write_bytes(b"")
    with pytest.raises(InputError, match="empty_file"):
        studies_of(path)


def test_a_pattern(tmp_path: Path, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("films/1.dcm", "films/a/2.dcm", "films/a/b/3.dcm", "films/a/4.png", "5.dcm"):
        put(name, "P1", int(Path(name).stem))
    monkeypatch.chdir(tmp_path)
    assert set(listed("films/**/*.dcm").studies) == {"1.dcm", "a/2.dcm", "a/b/3.dcm"}
    assert set(listed("films/*/*.dcm").studies) == {"a/2.dcm"}
    assert set(listed("*.dcm").studies) == {"5.dcm"}
    assert set(listed(f"{tmp_path}/films/a/[24].*").studies) == {"2.dcm", "4.png"}
    assert len(listed("**").studies) == 5
    assert not listed("films/*.nothing").names


@pytest.mark.parametrize(
    ("text", "path", "taken"),
    [
        ("a/**/b/**/*.x", "b/c/d.x", True),
        ("a/**/b/**/*.x", "c/d.x", False),
        ("a/**/**/*.x", "d.x", True),
        ("a/*", "b/c", False),
        ("a/*/**", "b/c/d", True),
        ("a/*/**", "b", False),
    ],
)
def test_what_a_pattern_takes(text: str, path: str, taken: bool) -> None:
    steps = tuple(path.split("/"))
    pattern = Pattern.of(text)
    assert pattern.takes(steps) is taken
    if taken:
        assert all(pattern.enters(steps[:n]) for n in range(1, len(steps)))


@settings(max_examples=50)
@given(st.lists(st.text(max_size=12) | st.sampled_from(["a", "a #2", "a\n", "x" * 999])))
def test_names_are_unique_and_printable(wanted: list[str]) -> None:
    names = Names()
    given_names = [names.give(one) for one in wanted]
    assert len(set(given_names)) == len(wanted)
    assert all(0 < len(name) <= MAX_NAME + 12 and name.isprintable() for name in given_names)


def test_entries_one_by_one(tmp_path: Path, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put("a.dcm", "P1", 1)
    path = put("b b .dcm", "P2", 2)
    mine = BatchStudy("mine", ("/x.dcm",))
    told = listed(
        ["a.dcm", path, mine, {"file": "a.dcm"}, {"file": "gone.dcm"}, {}, "a\ud800", mine]
    )
    assert told.names == [
        "a.dcm", str(path), "mine", "gone.dcm", "row 6", "a\\ud800", "mine #2",
    ]  # fmt: skip
    assert told.studies["mine"] == mine
    assert told.refused == {
        "gone.dcm": "file_not_found",
        "row 6": "bad_row",
        "a\\ud800": "unreadable_path",
    }


def test_closed_before_its_end(tmp_path: Path, put: Put) -> None:
    put("a.dcm", "P1", 1)
    put("b.dcm", "P2", 1)
    listing = studies_of(tmp_path)
    next(listing)
    listing.close()
    assert not list(listing)
