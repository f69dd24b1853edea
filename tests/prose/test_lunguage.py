"""Lunguage's table: written from a report, read back, and refused where it is something else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.errors import InputError
from cxr_agent.prose.lunguage import COLUMNS, LunguageRow, read_rows, rows_of_report, written
from cxr_agent.prose.structure import structure

TEXT = """FINDINGS: Small left pleural effusion, unchanged. No pneumothorax. Opacity in the right
lower lobe suggests pneumonia. Right PICC line.
IMPRESSION: Possible pneumonia."""


def rows() -> tuple[LunguageRow, ...]:
    return rows_of_report(structure(TEXT), "s1", "p1", 2)


def saved(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_report_has_the_rows_that_its_sentences_say() -> None:
    told = {(row.ent, row.section): row for row in rows()}
    effusion = told["pleural effusion", "findings"]
    assert (effusion.dx_status, effusion.dx_certainty, effusion.cat) == (
        "positive",
        "definitive",
        "rf",
    )
    assert "left" in effusion.locations[0]
    assert "no change" in effusion.relations
    assert told["pneumothorax", "findings"].dx_status == "negative"
    assert told["pneumonia", "impression"].dx_certainty == "tentative"
    assert "pneumonia" in told["lung opacity", "findings"].relations["associate"]
    assert "opacity" in told["pneumonia", "findings"].relations["evidence"]
    assert {row.cat for row in rows() if "picc" in row.sent.lower()} == {"oth"}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    text = written(rows())
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert read_rows(saved(tmp_path, text)) == rows()


@given(sent=st.text(alphabet="=+-'\"a,\n ", min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_no_cell_is_a_formula_and_none_is_changed(
    sent: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    one = LunguageRow(study_id="s", ent="opacity", dx_status="positive", sent=sent.strip())
    text = written([one])
    assert not text.splitlines()[1].split(",")[5].startswith(("=", "+", "-", '"=', '"+', '"-'))
    (back,) = read_rows(saved(tmp_path_factory.mktemp("t"), text))
    assert back.sent == one.sent


def test_the_published_table_and_the_output_of_its_structuring_are_read(tmp_path: Path) -> None:
    published = (
        "idx,subject_id,study_id,sequence,section,sent,ent,cat,dx_status,dx_certainty,location,"
        "severity,unknown\n"
        '0,p1,s1,1.0,find,"A, b.",effusion,RF,Positive,Tentative,"loc: left, det: base",mild,x\n'
        "1,p1,s1,1.0,find,None.,nan,,,,,,\n"
    )
    (row,) = read_rows(saved(tmp_path, published))
    assert (row.sequence, row.section, row.dx_status, row.dx_certainty) == (
        1,
        "findings",
        "positive",
        "tentative",
    )
    assert row.locations == ("left",)
    assert row.relations["severity"] == "mild"
    (row,) = read_rows(saved(tmp_path, "study_id,entity,dx_status\ns1,opacity,negative\n"))
    assert (row.ent, row.dx_status) == ("opacity", "negative")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_lunguage"),
        ("a,b\n1,2\n", "not_lunguage"),
        ("study_id,ent,dx_status\ns1,opacity,perhaps\n", "not_lunguage"),
        ("study_id,ent,dx_status\n,opacity,positive\n", "not_lunguage"),
        ('study_id,ent,dx_status\ns1,"opacity,positive\n', "not_lunguage"),
        (f"study_id,ent,dx_status,sent\ns1,o,positive,{'x' * 20_001}\n", "not_lunguage"),
    ],
)
def test_another_table_is_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_rows(saved(tmp_path, text))
    assert caught.value.code == code
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError) as unreadable:
        read_rows(tmp_path / "bytes.csv")
    assert unreadable.value.code == "unreadable_table"
