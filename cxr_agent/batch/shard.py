"""A part of a batch's studies, for one of several machines."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cxr_agent.errors import UsageError


@dataclass(frozen=True, slots=True)
class Shard:
    """Part ``index`` of ``count``, counted from 1. Studies are dealt out by a hash of their names,
    so every machine that lists the same studies agrees on whose they are."""

    index: int
    count: int

    @classmethod
    def parsed(cls, text: str) -> Shard:
        """From ``i/n``.

        Raises
        ------
        UsageError
            ``bad_shard``.
        """
        index, _, count = text.partition("/")
        if index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count):
            return cls(int(index), int(count))
        raise UsageError(
            "bad_shard", f"{text[:40]!r} is no part", hint="For the second of four: --shard 2/4."
        )

    def holds(self, name: str) -> bool:
        """Whether the study of that name is of this part."""
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"
