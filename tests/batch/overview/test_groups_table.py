"""A table of groups: how it names studies, months out of dates, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.ledger import Settled, State
from cxr_agent.batch.overview.groups_table import GroupsTable
from cxr_agent.errors import UsageError


def settled(name: str, *films: str, number: int = 7) -> Settled:
    study = BatchStudy(name, films)
    return Settled(number, study, State.READ, "", "", "", 1.0, "", "cpu", "", ())


def table(folder: Path, text: str) -> GroupsTable:
    path = folder / "groups.csv"
    path.write_text(text, encoding="utf-8")
    return GroupsTable(path)


@pytest.mark.parametrize("key", ["patient 7", "s0000007", "{folder}/a/x.dcm", "a/x.dcm", "x.dcm"])
def test_a_study_is_named_in_any_way(tmp_path: Path, key: str) -> None:
    made = table(tmp_path, f"File;Site\n{key.format(folder=tmp_path)};north\n")
    assert made.of(settled("patient 7", f"{tmp_path}/a/x.dcm"), tmp_path) == {"site": "north"}
    assert made.of(settled("patient 8", f"{tmp_path}/a/y.dcm", number=8), tmp_path) == {}


def test_dates_group_by_month_and_numbers_of_sites_do_not(tmp_path: Path) -> None:
    made = table(
        tmp_path,
        "study,taken_date,site,day\na,20250317,20250101,2025-03-17\nb,20250401,20250102,2025-04-01\n",
    )
    assert made.of(settled("a"), tmp_path) == {
        "taken_date": "2025-03",
        "site": "20250101",
        "day": "2025-03",
    }


def test_a_column_that_is_not_all_dates_stays_as_it_is(tmp_path: Path) -> None:
    made = table(tmp_path, "study,date\na,2025-03-17\nb,unknown\nc,\n")
    assert made.of(settled("a"), tmp_path) == {"date": "2025-03-17"}
    assert made.of(settled("c"), tmp_path) == {"date": ""}


def test_the_usual_columns_are_taken_unless_there_is_but_one(tmp_path: Path) -> None:
    assert table(tmp_path, "file,x,site,date\n").usual() == ("site", "date")
    assert table(tmp_path, "file,scanner\n").usual() == ("scanner",)
    with pytest.raises(UsageError) as told:
        table(tmp_path, "file,x,y\n").usual()
    assert told.value.code == "unknown_facet"
    assert "x, y" in told.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "site,date\nA,2025\n",
        "file\nx.dcm\n",
        "file,site,site\nx.dcm,A,B\n",
        "file,site\nx.dcm,A\nx.dcm,B\n",
    ],
)
def test_what_is_no_table_of_groups_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError) as told:
        table(tmp_path, text)
    assert told.value.code == "bad_groups"


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        GroupsTable(tmp_path / "none.csv")
    assert told.value.code == "groups_not_readable"


@given(st.binary(max_size=300))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_table_or_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "groups.csv"
    path.write_bytes(b"file,site\n" + data)
    try:
        GroupsTable(path).of(settled("a", "/films/x.dcm"), tmp_path)
    except UsageError as error:
        if error.code != "bad_groups":
            raise
