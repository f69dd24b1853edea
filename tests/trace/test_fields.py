"""What JSON takes and gives back as it was: the fast answer and the slow one are the same."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from cxr_agent.trace.fields import JsonObject, _plainly_storable, _storable

ADAPTER: TypeAdapter[dict[str, Any]] = TypeAdapter(JsonObject)


class Word(StrEnum):
    ONE = "one"


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"x": value}
    return value


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(codec=None)),
    st.just(Word.ONE),
    st.binary(),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner), st.dictionaries(st.one_of(st.text(), st.none()), inner)
    ),
)


def storable(value: object) -> bool:
    try:
        _storable(value)
    except ValueError:
        return False
    return True


@given(st.dictionaries(st.text(), VALUES))
@example({"x": 2**63})
@example({"x": -(2**63)})
@example({"x": 2**63 - 1})
@example({"x": math.nan})
@example({"x": "\ud800"})
@example({"\ud800": 1})
@example({"x": (1,)})
@example({"x": {1: 2}})
@example(nested(63))
@example(nested(64))
@example(nested(65))
def test_the_fast_answer_is_never_another(value: dict[str, Any]) -> None:
    assert not _plainly_storable(value) or storable(value)
    try:
        taken = ADAPTER.validate_python(value)
    except ValidationError:
        assert not storable(value)
    else:
        assert storable(value)
        assert taken == value


@pytest.mark.parametrize("value", [{}, {"a": [1, 2.5, None, True, "é"]}, {"a": {"b": -0.0}}])
def test_what_is_plain_is_answered_fast(value: dict[str, Any]) -> None:
    assert _plainly_storable(value)
