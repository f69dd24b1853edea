"""Messages of isolated tools: what is written is read, and nothing else is."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cxr_agent.errors import CxrAgentError
from cxr_agent.toolbox import Abstain, spec_of
from cxr_agent.toolbox.isolation.call import read_call, write_call
from cxr_agent.toolbox.isolation.message import (
    MAX_JSON_BYTES,
    PREFIX,
    BadMessage,
    PlaneReader,
    PlaneWriter,
    message,
    read_head,
    read_prefix,
)
from cxr_agent.toolbox.isolation.reply import read_reply
from cxr_agent.toolbox.isolation.serving import reply_to
from tests.builders import film
from tests.toolbox.isolation.deeds import Deed, misbehave

PLANES = st.sampled_from(("?", "u1", "<f4", "<f8")).flatmap(
    lambda dtype: arrays.arrays(np.dtype(dtype), arrays.array_shapes(min_dims=2, max_dims=3))
)
KINDS: Any = ("bits", "u1", "f4", "f8")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**70) | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


def joined(parts: list[Any]) -> bytes:
    return b"".join(parts)


def taken(data: bytes, most: int = 1 << 30) -> tuple[dict[str, Any], memoryview]:
    text, body = read_prefix(data[: PREFIX.size], most)
    start = PREFIX.size + text
    return read_head(data[PREFIX.size : start]), memoryview(data[start : start + body])


@given(st.lists(PLANES, max_size=3))
def test_planes_come_back_as_they_were(planes: list[Any]) -> None:
    writer = PlaneWriter()
    head = {"planes": [writer.add(plane) for plane in planes]}
    read, body = taken(joined(message(head, writer)))
    reader = PlaneReader(body)
    for plane, about in zip(planes, read["planes"], strict=True):
        again = reader.take(about, KINDS, plane.ndim)
        assert again.dtype == plane.dtype
        assert again.tobytes() == plane.tobytes()
        assert again.shape == plane.shape
        assert not again.flags.writeable
    reader.require_end()
    assert reader.unpacked_bytes == writer.unpacked_bytes


@given(st.binary(max_size=64))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    with contextlib.suppress(BadMessage):
        taken(data)
    with contextlib.suppress(BadMessage):
        assert isinstance(read_head(data), dict)


@given(JSON, st.binary(max_size=40))
def test_any_json_is_a_reply_or_refused(value: Any, body: bytes) -> None:
    spec = spec_of(misbehave)
    assert spec is not None
    for head in (
        {"outcome": value},
        {"outcome": "failed", "code": value},
        {"outcome": "abstained", "subject": "anatomy", "reasons": value},
        {"outcome": "ok", "result": value, "observations": value, "masks": value}
        | {"heatmaps": value, "pictures": value},
    ):
        try:
            message(head)
        except ValueError:
            continue  # what cannot be sent cannot arrive
        with pytest.raises((BadMessage, CxrAgentError, Abstain)):
            read_reply(spec, (10, 10), head, PlaneReader(memoryview(body)))


@given(JSON, st.binary(max_size=40))
def test_any_json_as_a_call_is_answered(value: Any, body: bytes) -> None:
    spec = spec_of(misbehave)
    assert spec is not None
    for head in (
        {"tool": value},
        {"tool": spec.name, "version": spec.version, "thresholds": value, "arguments": value},
        {"tool": spec.name, "version": spec.version, "thresholds": {}}
        | {"arguments": {"film": value, "deed": value}},
    ):
        reply, _ = taken(joined(reply_to(spec, head, memoryview(body)).parts))
        assert reply == {"outcome": "failed", "code": "bad_arguments", "model": False}


def test_a_call_is_read_as_it_was_made() -> None:
    spec, one = spec_of(misbehave), film()
    assert spec is not None
    parts, unpacked = write_call(spec, {"film": one, "deed": Deed.HANG})
    head, body = taken(joined(parts))
    keywords, changed = read_call(spec, head, PlaneReader(body))
    assert unpacked == one.pixels.nbytes
    assert keywords["deed"] is Deed.HANG
    assert np.array_equal(keywords["film"].pixels, one.pixels)
    assert changed == {}


def test_bounds_of_a_message() -> None:
    with pytest.raises(ValueError, match="much"):
        message({"x": "y" * MAX_JSON_BYTES})
    with pytest.raises(BadMessage):
        read_prefix(joined(message({}))[: PREFIX.size - 1], 0)
    writer = PlaneWriter()
    writer.add(np.zeros((10, 10), np.uint8))
    prefix = joined(message({}, writer))[: PREFIX.size]
    assert read_prefix(prefix, 100) == (2, 100)
    with pytest.raises(BadMessage):
        read_prefix(prefix, 99)
