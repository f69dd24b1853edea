"""The page of a run: one file, whatever state the run is in, with nothing that acts or asks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.errors import TraceError
from cxr_agent.trace import read_trace
from cxr_agent.viewing import gathering
from cxr_agent.viewing.gathering import Gathering
from cxr_agent.viewing.harmless import embedded, harmless
from cxr_agent.viewing.page import to_page
from cxr_agent.viewing.reports import read_report
from tests.trace.conftest import write_example
from tests.trace.golden import VERSION_1, VERSION_2
from tests.trace.strategies import events

from .runs import HOSTILE, write_lines


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_a_page_holds_the_run_and_its_pictures_once(drawn: Path) -> None:
    data = data_of(to_page(drawn))
    trace = read_trace(drawn)
    assert [line["seq"] for line in data["lines"]] == [line.seq for line in trace.lines]
    assert data["verification"]["intact"] is True
    assert data["live"] is None
    kinds = sorted(overlay["kind"] for overlay in data["overlays"].values())
    assert kinds == ["lines", "map", *["mask"] * 10, "picture"]
    # Both films have the same pixels and outlines here: each picture stands there once.
    assert len({film["picture"] for film in data["films"].values()}) == 1
    assert len(data["pictures"]) == 1 + 2 * 5 + 1 + 1
    assert all(uri.startswith("data:image/") for uri in data["pictures"].values())
    named = {key for drawing in data["drawn"].values() for key in drawing}
    assert named == set(data["overlays"])
    assert data["faults"] == []


def test_exchanges_are_there_as_far_as_they_were_kept(drawn: Path) -> None:
    data = data_of(to_page(drawn))
    texts = [kept["text"] for kept in data["texts"].values()]
    assert sum("question" in text for text in texts) == 3
    called = [line["event"] for line in data["lines"] if line["event"]["type"] == "model_called"]
    assert sum(event["sent"] is None for event in called) == 3


def test_nothing_is_asked_for(drawn: Path, hostile: Path) -> None:
    for folder in (drawn, hostile):
        page = to_page(folder)
        assert "connect-src" not in page
        assert "default-src &#39;none&#39;" in page
        page = page.replace('<link rel="icon" href="data:,">', "")
        assert not re.search(r"<link|<iframe|@import|url\(|src=\"http|href=\"http", page)
        # Names of SVG, and of the drawings' own, are no addresses that anything is loaded from.
        assert set(re.findall(r"https?://[^\"'\\\s<)]+", page)) <= {"http://www.w3.org/2000/svg"}


def test_text_of_a_trace_stays_text(hostile: Path) -> None:
    page = to_page(hostile)
    assert page.count("<script") == 2
    assert "window.pwned" in json.dumps(data_of(page))
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "<img" not in markup
    assert "<svg" not in markup
    assert not re.search("[\u202e\u2028\x00\x1b]", page)


def test_embedded_json_reads_back() -> None:
    value = {"a": HOSTILE, "<": [1, None, True]}
    assert json.loads(embedded(value)) == value
    assert not set("<>&\u2028\u2029") & set(embedded(value))
    assert harmless({"\u202e": ("\x1b\n", 1)}) == {"\ufffd": ["\ufffd\n", 1]}


def test_a_torn_and_an_unfinished_run_are_shown(reading: Path) -> None:
    file = reading / "trace.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    page = to_page(reading)
    assert "The last line of the file is torn" in page
    assert "The run did not end" in page
    assert data_of(page)["verification"]["torn"] is True


def test_a_damaged_run_is_shown_with_its_problems(reading: Path) -> None:
    file = reading / "trace.jsonl"
    lines = file.read_bytes().split(b"\n")
    lines[4] = b"garbage"
    lines[8] = lines[8].replace(b'"type"', b'"type" ')
    file.write_bytes(b"\n".join(lines))
    next((reading / "artifacts").iterdir()).write_bytes(b"other")
    page = to_page(reading)
    assert "not as the run wrote it" in page
    codes = [problem["code"] for problem in data_of(page)["verification"]["problems"]]
    assert codes[0] == "trace_damaged"
    assert {"line_missing", "line_changed", "artifact_damaged"} <= set(codes)
    for code in codes:
        assert f"<code>{code}</code>" in page
    assert len(data_of(page)["lines"]) == len(lines) - 2


@pytest.mark.parametrize("golden", [VERSION_1, VERSION_2], ids=["v1", "v2"])
def test_golden_traces_are_shown(golden: Path) -> None:
    (folder,) = [path for path in golden.iterdir() if path.is_dir()]
    page = to_page(folder)
    assert ("A trace of schema version 1" in page) == (golden == VERSION_1)
    assert data_of(page)["verification"]["intact"] is True
    assert "No head file tells which line is the last" in page


def test_a_sealed_run_has_no_remark_on_its_end(tmp_path: Path) -> None:
    assert "No head file" not in to_page(write_example(tmp_path))


def test_no_trace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="trace_not_found"):
        to_page(tmp_path)


def test_a_page_has_limits(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "_MOST_PICTURES", 400_000)
    monkeypatch.setattr(gathering, "_MOST_TEXTS", 10)
    data = data_of(to_page(drawn))
    assert sum(map(len, data["pictures"].values())) <= 400_000
    whys = {fault["why"] for fault in data["faults"]}
    assert "the page holds as many pictures as it may" in whys
    assert "the page holds as many texts as it may" in whys


def test_piece_by_piece_is_the_same_as_at_once(drawn: Path) -> None:
    trace = read_trace(drawn)
    whole = Gathering(trace.artifact).take(trace.lines)
    pieces = Gathering(trace.artifact)
    merged: dict[str, Any] = {}
    for place, line in enumerate(trace.lines):
        for part, more in pieces.take([line], place).items():
            if isinstance(more, list):
                merged[part] = merged.get(part, []) + more
            else:
                merged[part] = merged.get(part, {}) | more
    assert merged == whole


def test_lines_that_a_page_has_are_not_given_again(drawn: Path) -> None:
    trace = read_trace(drawn)
    rest = Gathering(trace.artifact)
    rest.skip(trace.lines[:5])
    data = rest.take(trace.lines[5:], 5)
    assert [line["seq"] for line in data["lines"]] == [line.seq for line in trace.lines[5:]]
    assert data["films"] == {}
    assert data["drawn"]


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"null", b"\xff", b'"x"', b"[" * 5000, b'{"findings": 1, "dropped": [3]}']
)
def test_what_is_no_report_is_none(raw: bytes) -> None:
    found = read_report(raw)
    assert found is None or found["sections"] == found["dropped"] == []


@given(st.lists(events, max_size=6))
@settings(max_examples=150, deadline=None)
def test_any_events_make_a_page(
    tmp_path_factory: pytest.TempPathFactory, written: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    write_lines(folder, written)
    page = to_page(folder)
    assert page.count("<script") == 2
    assert len(data_of(page)["lines"]) == len(written)
