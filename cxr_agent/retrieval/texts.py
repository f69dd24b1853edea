"""Keyword search over reports of a store and over what ``kb/`` says, each answer with its source.

SQLite's FTS5 with BM25. What is typed is words, never FTS5's query language.
"""

from __future__ import annotations

import re
import sqlite3
from functools import lru_cache
from typing import Final

from cxr_agent.retrieval.passages import Quote, passages
from cxr_agent.retrieval.store import Store

_WORD: Final = re.compile(r"\w+")
_WORDS_AT_MOST: Final = 32


def search_texts(words: str, k: int = 5, store: Store | None = None) -> list[Quote]:
    """The definitions of ``kb/`` and reports that speak of some of these words, best first.

    Parameters
    ----------
    k
        At most so many of each: reports and definitions are not weighed against each other.
    """
    query = _query(words)
    if not query:
        return []
    rows = _definitions().execute(
        "SELECT text, source FROM words WHERE words MATCH ? ORDER BY bm25(words) LIMIT ?",
        (query, k),
    )
    found = [Quote(text, source) for text, source in rows]
    if store is not None:
        found += [
            Quote(report, f"report of item {number}", number)
            for number, report in store.reports_with(query, k)
        ]
    return found


def _query(words: str) -> str:
    told = _WORD.findall(words.lower())[:_WORDS_AT_MOST]
    return " OR ".join(f'"{word}"' for word in told)


@lru_cache(maxsize=1)
def _definitions() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", check_same_thread=False)
    db.execute(
        "CREATE VIRTUAL TABLE words USING fts5(text, source UNINDEXED, tokenize='porter unicode61')"
    )
    db.executemany(
        "INSERT INTO words VALUES (?, ?)", ((one.text, one.source) for one in passages())
    )
    return db
