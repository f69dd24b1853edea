"""Cleaning and escaping of text out of data."""

from __future__ import annotations

import pytest

from cxr_agent.report.render._text import clean, lines, markdown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://a.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jgone", "gone"),
        ("a\x00b\x07c\x7f", "abc"),
        ("right\u202eabc\u2069", "rightabc"),
        ("one\r\ntwo\u2028three", "one two three"),
        ("  two\t spaces ", "two spaces"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("größer ≥ 0.5", "größer ≥ 0.5"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_lines_keep_line_breaks() -> None:
    assert lines("a\nb\r\n\nc") == ["a", "b", "", "c"]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("# heading", "\\# heading"),
        ("- item", "\\- item"),
        ("1. item", "&#49;. item"),
        ("0.46 is a number", "0.46 is a number"),
        ("a|b", "a\\|b"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("measure_ctr", "measure_ctr"),
        ("_em_", "\\_em\\_"),
        ("[a](b)", "\\[a\\](b)"),
        ("http://a.example www.b.example c@d", "http\\://a.example www\\.b.example c\\@d"),
    ],
)
def test_markdown_shows_text_as_it_stands(text: str, source: str) -> None:
    assert markdown(text) == source
