"""Keyword search: quotes with their source; what is typed is words and never a query language."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.retrieval import Store
from cxr_agent.retrieval.texts import search_texts

from .made import clustered, looked


@pytest.fixture
def store(tmp_path: Path) -> Store:
    reports = ("Large left effusion.", "No effusion. Normal heart.", "Clear lungs.", "")
    store = Store(tmp_path, embedding="made 1", create=True)
    for number, (vector, report) in enumerate(zip(clustered(4), reports, strict=True)):
        one = looked(number, vector)
        assert one.item is not None
        store.record([replace(one, item=replace(one.item, report=report))])
    return store


def test_reports_are_found_by_their_words(store: Store) -> None:
    with store:
        found = [one for one in search_texts("effusions left", 5, store) if "report" in one.source]
    assert [one.source for one in found] == ["report of item 1", "report of item 2"]
    assert found[0].text == "Large left effusion."


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("carina angle", "kb/measurements.toml, carina_angle"),
        ("blunted costophrenic angle", "kb/descriptors.toml, blunted_angle"),
        ("pneumoperitoneum tier", "kb/critical_findings.toml, pneumoperitoneum"),
    ],
)
def test_definitions_are_quoted_with_their_source(words: str, place: str) -> None:
    found = search_texts(words)
    assert any(one.source.startswith(place) for one in found)
    assert all(one.source.partition(": ")[2] for one in found)


@given(words=st.text(max_size=200))
def test_any_text_is_words(words: str) -> None:
    assert len(search_texts(words, 3)) <= 3


@pytest.mark.parametrize(
    "words", ['"', "effusion OR *", "NEAR(a b)", "report:x", "'; DROP TABLE item"]
)
def test_query_language_is_not_spoken(store: Store, words: str) -> None:
    with store:
        search_texts(words, 3, store)
        assert store.generation().items == 4


def test_no_words_find_nothing() -> None:
    assert search_texts(" ?! ") == []
