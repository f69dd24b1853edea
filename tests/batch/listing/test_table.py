"""Tables, in the forms that programs write them."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxr_agent.batch.listing import BatchStudy, Refused, studies_of, table
from cxr_agent.batch.listing.listed import Summary
from cxr_agent.errors import ConfigError, InputError, UsageError
from tests.imaging.films import png, ramp

from .conftest import Put, Told, listed


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A folder with films ``a.png`` to ``e.png``, which differ."""
    for number, name in enumerate("abcde"):
        pixels = ramp(8)
        pixels[:4, :4] += number
        (tmp_path / f"{name}.png").write_bytes(png(pixels))
    return tmp_path


def of(folder: Path, text: str | bytes, **options: Any) -> Told:
    path = folder / "list.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return listed(path, **options)


def test_all_columns(films: Path) -> None:
    told = of(
        films,
        "study,file,patient,date,indication\n"
        's1,a.png,p,2020-01-10,"cough, fever"\n'
        "s1,b.png,p,2020-01-10,\n"
        "s2,c.png,p,20190110,\n"
        "s3,d.png,q,2018-01-10T10:30:00Z,pain\n",
    )
    assert told.films(films) == {"s1": ["a.png", "b.png"], "s2": ["c.png"], "s3": ["d.png"]}
    assert told.priors(films) == {"s1": ["c.png"]}
    assert told.studies["s1"].indication == "cough, fever"
    assert told.summary.seen == 4


def test_files_and_priors_that_are_named(films: Path) -> None:
    told = of(
        films,
        "files,priors,patient,date\n"
        '"a.png; b.png","d.png;c.png",p,2020-01-10\n'
        "e.png,,p,2019-01-10\n",
        priors=0,
    )
    assert told.films(films) == {"a.png": ["a.png", "b.png"], "e.png": ["e.png"]}
    assert told.priors(films) == {"a.png": ["d.png", "c.png"]}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_dialects(films: Path, delimiter: str, encoding: str, end: str) -> None:
    lines = [("File ", "INDICATION"), ("a.png", "Fièvre"), ("", ""), ("b.png", "")]
    text = end.join(delimiter.join(cells) for cells in lines)
    told = of(films, text.encode(encoding))
    assert list(told.studies) == ["a.png", "b.png"]
    assert told.studies["a.png"].indication == "Fièvre"


def test_rows_that_do_not_work(films: Path) -> None:
    (films / "broken.dcm").write_bytes(b"")
    told = of(
        films,
        "file,study,date,prior\n"
        "gone.png,,,\n"
        ",,2020-01-10,\n"
        "a.png,,10.1.2020,\n"
        "b.png,,2020-02-30,\n"
        "c.png,,,gone.png\n"
        "d.png,,,,,too,much\n"
        "e.png,s,,\n"
        "broken.dcm,s,,\n",
    )
    assert told.refused == {
        "gone.png": "file_not_found",
        "row 2": "bad_row",
        "a.png": "bad_date",
        "b.png": "bad_date",
        "c.png": "file_not_found",
        "d.png": "bad_row",
        "s": "empty_file",
    }
    assert not told.studies


def test_films_that_were_asked_for_are_answered_for(tmp_path: Path, put: Put) -> None:
    put("hand.dcm", "P1", 1, BodyPartExamined="HAND")
    put("chest.dcm", "P1", 2)
    told = of(tmp_path, "file,study\nhand.dcm,\nhand.dcm,s\nchest.dcm,t\nhand.dcm,t\n")
    assert told.refused == {"hand.dcm": "not_chest", "s": "duplicate_film"}
    assert told.films(tmp_path) == {"t": ["chest.dcm"]}


def test_a_row_that_is_there_twice(films: Path) -> None:
    told = of(films, "file\na.png\nb.png\n./a.png\n")
    assert told.names == ["a.png", "b.png"]
    assert told.summary.passed == {"duplicate_film": 1}


def test_one_study_of_two_patients(films: Path) -> None:
    told = of(films, "file,study,patient\na.png,s,p\nb.png,s,q\nc.png,t,p\nd.png,t,\n")
    assert told.refused == {"s": "conflicting_study"}
    assert told.films(films) == {"t": ["c.png", "d.png"]}


def test_headers_fill_in_what_the_list_leaves_out(tmp_path: Path, put: Put) -> None:
    put("a.dcm", "P1", 1, StudyInstanceUID="1.2.5")
    put("b.dcm", "P1", 2, StudyInstanceUID="1.2.5")
    put("c.dcm", "P1", 3, StudyDate="20190110")
    told = of(tmp_path, "file\na.dcm\nb.dcm\nc.dcm\n")
    assert told.films(tmp_path) == {"a.dcm": ["a.dcm", "b.dcm"], "c.dcm": ["c.dcm"]}
    assert told.priors(tmp_path) == {"a.dcm": ["c.dcm"]}


def test_a_list_does_not_make_strangers_priors(tmp_path: Path, put: Put) -> None:
    """The reading would refuse them by their headers, and with them the study."""
    put("now.dcm", "P1", 1)
    put("other.dcm", "P2", 2)
    put("later.dcm", "P1", 3, StudyDate="20200301")
    put("anon.dcm", "ANON", 9)
    put("same.dcm", "P1", 4, StudyInstanceUID="1.2.5")
    put("same2.dcm", "P1", 5, StudyInstanceUID="1.2.5")
    rows = [
        ("now", 2020),
        ("other", 2018),
        ("anon", 2017),
        ("later", 2016),
        ("same", 2012),
        ("same2", 2013),
    ]
    text = "".join(f"{name}.dcm,{name},p,{year}-01-01\n" for name, year in rows)
    told = of(tmp_path, "file,study,patient,date\n" + text, priors=5)
    assert told.priors(tmp_path) == {
        "now": ["same2.dcm", "same.dcm"],
        "later": ["same2.dcm", "same.dcm"],
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("\n", "no_file_column"),
        ("Dear colleague,\nthe film is in the post.\n", "no_file_column"),
        ("path,study\na.png,s\n", "no_file_column"),
        ("file,file\na.png,b.png\n", "bad_table"),
        ("file,Patient ID\na.png,p\n", "misspelt_column"),
        ("file,StudyDate\na.png,p\n", "misspelt_column"),
        ("file,study_uid\na.png,p\n", "misspelt_column"),
        ("file,pirors\na.png,p\n", "misspelt_column"),
        ("file\n\0\n", "bad_table"),
        (b"file\n\xff\x81\n", "bad_table"),
        (b"\xff\xfef\0i\0l\0e\0\n\0\xff", "bad_table"),
        ("file,indication\na.png," + "x" * 200_000 + "\n", "bad_table"),
    ],
)
def test_tables_that_are_none(films: Path, text: str | bytes, code: str) -> None:
    with pytest.raises(UsageError) as refused:
        of(films, text)
    assert refused.value.code == code
    assert refused.value.hint


def test_other_columns_do_not_matter(films: Path) -> None:
    assert of(films, "Finding Labels,file,age\nx,a.png,60\n").names == ["a.png"]


ODD = st.text(alphabet=st.sampled_from("ab,;\"'\n\r\t| .#\\é\u202e\0/0-9"), max_size=60)

HEADERS = [b"file,study\n", b"file;date\n", b""]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    ODD.map(str.encode) | st.binary(max_size=60),
    st.sampled_from(HEADERS),
)
def test_any_bytes(films: Path, content: bytes, header: bytes) -> None:
    path = films / "list.csv"
    path.write_bytes(header + content)
    code = ""
    try:
        Told(studies_of(path))
    except InputError:  # it looks like a picture or an archive
        return
    except UsageError as error:
        code = error.code
    assert code in {"", "bad_table", "no_file_column", "misspelt_column"}


CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r\n", exclude_categories=["Cs"]), max_size=9
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.tuples(st.sampled_from("abcde"), CELL), unique_by=lambda row: row[0]),
    st.sampled_from(",;\t|"),
)
def test_what_was_written_is_read(films: Path, rows: list[tuple[str, str]], delimiter: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["file", "study"])
    writer.writerows((f"{name}.png", study) for name, study in rows)
    told = of(films, out.getvalue())
    assert sorted(Path(film).stem for one in told.studies.values() for film in one.films) == sorted(
        name for name, _ in rows
    )
    assert len(told.studies) == len({study.strip() or f"\n{name}" for name, study in rows})


def test_parquet(films: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "file": pa.array(["a.png", "b.png", "c.png", None]),
        "study": pa.array([1.0, 2.0, None, 9.0]),
        "patient": pa.array([7, 7, None, None]),
        "date": pa.array([18_000, 17_000, None, None], pa.date32()),
        "priors": pa.array([None, None, ["d.png", "e.png"], None]),
        "more": pa.array([None, 1, 2, 3]),
    }
    path = films / "list.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=1)
    told = listed(path)
    assert told.films(films) == {"1": ["a.png"], "2": ["b.png"], "c.png": ["c.png"]}
    assert told.priors(films) == {"1": ["b.png"], "c.png": ["d.png", "e.png"]}
    assert told.refused == {"9": "bad_row"}


def test_parquet_that_is_broken(films: Path) -> None:
    path = films / "list.parquet"
    path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(UsageError, match="bad_table"):
        studies_of(path)


def test_without_pyarrow(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = films / "list.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setattr(table, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pyarrow_missing") as refused:
        studies_of(path)
    assert "cxr-agent[parquet]" in refused.value.hint


def test_what_comes_out_is_one_of_two(films: Path) -> None:
    (films / "list.csv").write_text("file\na.png\ngone.png\n")
    first, second = studies_of(films / "list.csv")
    assert isinstance(first, BatchStudy)
    assert isinstance(second, Refused)
    assert second.message == "there is no such file"


def test_what_was_passed_over_can_be_written_down() -> None:
    summary = Summary(seen=3, passed=Counter(no_date=2, not_chest=1))
    record = json.loads(json.dumps(summary.record()))
    assert record["passed"] == {"no_date": 2, "not_chest": 1}
    assert record["seen"] == 3
