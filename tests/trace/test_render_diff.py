"""Differences as text."""

from __future__ import annotations

from typing import Any

import pytest

from cxr_agent.trace.diff import Change
from cxr_agent.trace.line import digest
from cxr_agent.trace.render_diff import sides


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        (None, "x", ("none", "x")),
        (0.46601941747572817, 0.5, ("0.46602", "0.5")),
        (0.46601941747572817, 0.46601941747572812, ("0.46601941747572817", "0.4660194174757281")),
        ([0.123456789], {"n": 1}, ("[0.12346]", '{"n": 1}')),
        (digest(b"a"), digest(b"b"), (digest(b"a")[:12], digest(b"b")[:12])),
        ("word " * 99, "x", (("word " * 99)[:237] + "...", "x")),
        ("word " * 99 + "a", "word " * 99 + "b", ("word " * 99 + "a", "word " * 99 + "b")),
    ],
)
def test_values_are_as_short_as_they_still_differ(a: Any, b: Any, told: tuple[str, str]) -> None:
    assert sides(Change("", a, b)) == told
