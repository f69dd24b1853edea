"""A line of the file: its bytes, its time."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cxr_agent.trace import Event, Line, RunFinished
from cxr_agent.trace.line import GENESIS, decode, digest, encode, stamp

from .strategies import events, floats, hashes, steps

END = RunFinished(status="complete", seconds=1)
TIME = "2026-01-01T12:00:00.000000Z"

TEXT = r'"(?:[^"\\]|\\.)*"'

line_values = st.builds(
    Line,
    seq=steps,
    time=st.datetimes(datetime(1000, 1, 2)).map(lambda moment: stamp(moment.replace(tzinfo=UTC))),
    monotonic=floats,
    previous=hashes,
    event=events,
)


@settings(deadline=None)
@given(line_values)
def test_round_trip(line: Line) -> None:
    data = encode(line)
    assert decode(data) == line
    assert encode(decode(data)) == data
    assert b"\n" not in data


@settings(deadline=None)
@given(events)
def test_bytes_are_compact_sorted_utf8(event: Event) -> None:
    data = encode(Line(seq=1, time=TIME, monotonic=0.0, previous=GENESIS, event=event))
    text = data.decode("utf-8")
    json.loads(text, object_pairs_hook=sorted_pairs)
    assert not re.search(r"\s", re.sub(TEXT, "", text))
    # Numbers may be written in several ways, text in one.
    for found in re.findall(TEXT, text):
        assert json.dumps(json.loads(found), ensure_ascii=False) == found


def sorted_pairs(pairs: list[tuple[str, object]]) -> None:
    names = [name for name, _ in pairs]
    assert names == sorted(names)


@settings(deadline=None)
@given(line_values)
def test_an_encoded_line_is_its_own_dump(line: Line) -> None:
    written, dumped = json.loads(encode(line)), line.model_dump(mode="json")
    assert json.dumps(written, sort_keys=True) == json.dumps(dumped, sort_keys=True)


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-01 12:00:00.000000Z",
        "2026-01-01T12:00:00Z",
        "2026-13-01T12:00:00.000000Z",
        "2026-02-30T12:00:00.000000Z",
        "2026-01-01T25:00:00.000000Z",
        "2026-01-01T12:00:00.000000+01:00",
        TIME + "\n",
        "",
    ],
)
def test_a_time_that_is_none_is_refused(time: str) -> None:
    with pytest.raises(ValidationError):
        Line(seq=1, time=time, monotonic=0.0, previous=GENESIS, event=END)


@pytest.mark.parametrize("change", [{"seq": 0}, {"previous": "0"}, {"monotonic": float("nan")}])
def test_a_place_that_is_none_is_refused(change: dict[str, object]) -> None:
    fine = {"seq": 1, "time": TIME, "monotonic": 0.0, "previous": GENESIS, "event": END}
    with pytest.raises(ValidationError):
        Line.model_validate(fine | change)


def test_stamp_is_utc_with_six_digits() -> None:
    east = timezone(timedelta(hours=2))
    assert stamp(datetime(2026, 1, 1, 14, tzinfo=east)) == TIME
    line = Line(seq=1, time=TIME, monotonic=0.0, previous=GENESIS, event=END)
    assert line.at == datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_digest_is_sha256() -> None:
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
