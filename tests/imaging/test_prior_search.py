"""A folder of films to the priors of one of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.errors import UsageError
from cxr_agent.imaging import Decoder, PriorFolder, PriorSearch, film_folder, load_study
from cxr_agent.imaging import prior_search as searching
from cxr_agent.study import Study, View

from .films import dicom, png, ramp

Found = tuple[Study, PriorSearch]
Search = Callable[..., Found]


def film(number: int, **values: Any) -> bytes:
    """One of several films that differ in one corner."""
    pixels = ramp()
    pixels[:4, :4] += number
    facts = {"StudyDate": "20200110", "PatientID": "P1", "StudyInstanceUID": "1.2.1"}
    return dicom(pixels, **{**facts, **values})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A patient's folder with the current film in it."""
    (tmp_path / "now.dcm").write_bytes(film(0))
    return tmp_path


@pytest.fixture
def search(folder: Path, decoder: Decoder) -> Search:
    def find(*given: Path, named: bool = False, **passed: int) -> Found:
        told: list[PriorSearch] = []
        study = load_study(
            folder / "now.dcm",
            given,
            decoder=decoder,
            priors_from=PriorFolder(folder, named, passed),
            on_search=told.append,
        )
        assert len(told) == 1
        return study, told[0]

    return find


def put(folder: Path, name: str, number: int, **values: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(film(number, **values))
    return path


def test_the_right_ones_are_taken(folder: Path, search: Search) -> None:
    put(folder, "a/year.dcm", 1, StudyDate="20190110", StudyInstanceUID="1.2.2")
    put(folder, "b/week.dcm", 2, StudyDate="20200103", StudyInstanceUID="1.2.3")
    put(
        folder,
        "b/week-ap.dcm",
        3,
        StudyDate="20200103",
        StudyInstanceUID="1.2.3",
        ViewPosition="AP",
    )
    put(folder, "second.dcm", 4)
    put(folder, "other.dcm", 5, StudyDate="20190110", PatientID="P2", StudyInstanceUID="1.2.4")
    put(folder, "later.dcm", 6, StudyDate="20200111", StudyInstanceUID="1.2.5")
    put(folder, "side.dcm", 7, StudyDate="20190110", StudyInstanceUID="1.2.2", ViewPosition="LL")
    put(folder, "hand.dcm", 8, StudyDate="20190110", BodyPartExamined="HAND")
    put(folder, "copy.dcm", 1, StudyDate="20190110", StudyInstanceUID="1.2.2")
    put(folder, "itself.dcm", 0, StudyDate="20190110", StudyInstanceUID="1.2.9")
    (folder / "letter.txt").write_text("Dear colleague, the film is in the post.\n" * 20)
    (folder / ".hidden.dcm").write_bytes(film(9, StudyInstanceUID="1.2.6"))
    study, found = search()
    assert [(prior.handle, prior.days_before) for prior in study.priors] == [
        ("prior-1", 7),
        ("prior-2", 365),
    ]
    assert study.priors[0].view is View.PA
    assert found.taken == 2
    assert found.seen == 11
    assert found.passed == {
        "one_per_study": 1,
        "same_study": 1,
        "other_patient": 1,
        "later_film": 1,
        "lateral_view": 1,
        "not_chest": 1,
        "duplicate_film": 2,
        "not_an_image": 1,
    }
    assert found.summary.startswith("2 priors taken of 11 files: 2 duplicate_film, 1 later_film, ")
    assert "P1" not in repr(study)
    assert "1.2.2" not in repr(study)


def test_nothing_there(search: Search) -> None:
    study, found = search()
    assert not study.priors
    assert found.summary == "no prior taken of 0 files"


def test_the_same_projection_goes_first(folder: Path, decoder: Decoder) -> None:
    (folder / "now.dcm").write_bytes(film(0, ViewPosition="AP"))
    for number, view in enumerate(("PA", None, "AP", "PA"), 1):
        put(folder, f"{number}.dcm", number, StudyInstanceUID="1.2.2", ViewPosition=view)
    study = load_study(folder / "now.dcm", decoder=decoder, priors_from=PriorFolder(folder))
    assert [prior.view for prior in study.priors] == [View.AP]


def test_an_unknown_projection_goes_before_another(folder: Path, search: Search) -> None:
    put(folder, "1.dcm", 1, StudyInstanceUID="1.2.2", ViewPosition="AP")
    put(folder, "2.dcm", 2, StudyInstanceUID="1.2.2", ViewPosition=None)
    study, _ = search()
    assert [prior.view for prior in study.priors] == [View.UNKNOWN]


def test_the_newest_few_are_taken_and_undated_ones_last(folder: Path, search: Search) -> None:
    for day in range(1, 7):
        put(folder, f"{day}.dcm", day, StudyDate=f"2020010{day}", StudyInstanceUID=f"1.2.1{day}")
    put(folder, "0-undated.dcm", 7, StudyDate=None, StudyInstanceUID="1.2.20")
    study, found = search()
    assert [prior.days_before for prior in study.priors] == [4, 5, 6, 7, 8]
    assert found.passed == {"over_limit": 2}


def test_an_undated_film_and_one_of_nobody_are_taken(folder: Path, search: Search) -> None:
    put(folder, "undated.dcm", 1, StudyDate=None, StudyInstanceUID="1.2.2")
    (folder / "grey.png").write_bytes(png(ramp(8)))
    study, found = search()
    assert [prior.days_before for prior in study.priors] == [None, None]
    assert not found.passed


def test_films_of_nobody_can_be_left_out(folder: Path, search: Search) -> None:
    put(folder, "named.dcm", 1, StudyInstanceUID="1.2.2")
    put(folder, "nobody.dcm", 2, StudyInstanceUID="1.2.3", PatientID=None)
    study, found = search(named=True, dicomweb_refused=2)
    assert len(study.priors) == 1
    assert found.passed == {"dicomweb_refused": 2, "other_patient": 1}
    assert found.seen == 4


def test_named_priors_are_kept_and_not_taken_twice(folder: Path, search: Search) -> None:
    named = put(folder, "old.dcm", 1, StudyDate="20100110", StudyInstanceUID="1.2.2")
    put(folder, "old-copy.dcm", 1, StudyDate="20100110", StudyInstanceUID="1.2.2")
    put(folder, "week.dcm", 2, StudyDate="20200103", StudyInstanceUID="1.2.3")
    study, found = search(named)
    assert [prior.days_before for prior in study.priors] == [7, 3652]
    assert found.taken == 1
    assert found.passed == {"duplicate_film": 1}


def test_links_stay_inside(
    folder: Path, search: Search, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    put(outside, "prior.dcm", 1, StudyInstanceUID="1.2.2")
    (folder / "file.dcm").symlink_to(outside / "prior.dcm")
    (folder / "folder").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere").symlink_to(folder / "missing")
    (folder / "now-again.dcm").symlink_to(folder / "now.dcm")
    os.mkfifo(folder / "pipe")
    assert search()[1].seen == 0
    put(folder, ".store/2.dcm", 2, StudyInstanceUID="1.2.3")
    (folder / "inside.dcm").symlink_to(".store/2.dcm")
    (folder / "inside-too.dcm").hardlink_to(folder / ".store" / "2.dcm")
    assert search()[1].summary == "1 prior taken of 1 file"


def test_a_linked_folder_may_be_named(folder: Path, decoder: Decoder, tmp_path: Path) -> None:
    put(folder, "1.dcm", 1, StudyInstanceUID="1.2.2")
    link = tmp_path / ".link"
    link.symlink_to(folder)
    study = load_study(folder / "now.dcm", decoder=decoder, priors_from=PriorFolder(link))
    assert len(study.priors) == 1


@pytest.mark.parametrize("name", ["", "missing", "now.dcm", "a\0b", "loop"])
def test_no_folder(folder: Path, decoder: Decoder, name: str) -> None:
    (folder / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match="no_prior_folder"):
        load_study(
            folder / "now.dcm",
            decoder=decoder,
            priors_from=PriorFolder(name and str(folder / name)),
        )


def test_a_name_that_is_no_text(folder: Path, search: Search) -> None:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/\xff.dcm"))
    path.write_bytes(film(1, StudyInstanceUID="1.2.2"))
    assert search()[1].taken == 1


@pytest.mark.parametrize(
    ("bound", "value"), [("MAX_FILES", 2), ("MAX_ENTRIES", 2), ("MAX_DEPTH", 0)]
)
def test_bounds(
    folder: Path, search: Search, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    for number in range(1, 5):
        put(folder, f"{number}/{number}.dcm", number, StudyInstanceUID=f"1.2.1{number}")
    assert not search()[1].cut
    monkeypatch.setattr(film_folder, bound, value)
    found = search()[1]
    assert found.seen < 4
    assert found.summary.endswith("; there was more than is looked at")


def test_time_is_bounded(folder: Path, search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, "1.dcm", 1, StudyInstanceUID="1.2.2")
    monkeypatch.setattr(searching, "SEARCH_S", -1.0)
    assert search()[1] == PriorSearch(0, 0, {}, cut=True)


def test_a_file_that_changes_meanwhile_is_not_taken(folder: Path, decoder: Decoder) -> None:
    path = put(folder, "1.dcm", 1, StudyInstanceUID="1.2.2")

    class Changing(Decoder):
        def decode(self, name: Any) -> Any:
            decoded = decoder.decode(name)
            if name == path:
                path.write_bytes(film(2, PatientID="P2"))
            return decoded

    told: list[PriorSearch] = []
    load_study(
        folder / "now.dcm",
        decoder=Changing(),
        priors_from=PriorFolder(folder),
        on_search=told.append,
    )
    assert told == [PriorSearch(0, 1, {"changed_meanwhile": 1})]


def test_hostile_files_never_fail_the_reading(
    bad_input: Path, tmp_path: Path, decoder: Decoder
) -> None:
    (tmp_path / "now.dcm").write_bytes(film(0))
    told: list[PriorSearch] = []
    load_study(
        tmp_path / "now.dcm",
        decoder=decoder,
        priors_from=PriorFolder(bad_input),
        on_search=told.append,
    )
    assert told[0].seen > 50
    assert sum(told[0].passed.values()) + told[0].taken == told[0].seen
