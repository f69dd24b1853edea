"""The answer of a tool, or the one that it gave before to the very same call."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cxr_agent.errors import UsageError
from cxr_agent.models.runtime.notice import Notice, NoticeCode
from cxr_agent.models.shelf import Shelf
from cxr_agent.toolbox.answer import answer_of
from cxr_agent.toolbox.arguments import Bound
from cxr_agent.toolbox.cache.content import MaskDigests
from cxr_agent.toolbox.cache.entry import decode, encode, encode_abstention
from cxr_agent.toolbox.cache.key import key_of
from cxr_agent.toolbox.cache.program import code_identity, program_identity
from cxr_agent.toolbox.cache.store import EntryStore
from cxr_agent.toolbox.contract import Abstain, ToolSpec
from cxr_agent.toolbox.sources.deferred import ready
from cxr_agent.toolbox.taken import AbstainedBefore, Taken, take

CACHE_VARIABLE: Final = "CXR_AGENT_CACHE"
LIMIT_VARIABLE: Final = "CXR_AGENT_CACHE_MIB"
_LIMIT_MIB: Final = 10 * 1024
_AGAIN_S: Final = 60.0
"""How long a folder that could not be written to is left alone."""


class ResultCache:
    """Results of tools by what they were made from; safe to share between threads.

    Parameters
    ----------
    store
        Where they are kept.
    specs
        The tools that will be called. Their files are hashed now, while they are what was loaded:
        one that is edited later must not count as what runs.
    """

    def __init__(self, store: EntryStore, specs: Iterable[ToolSpec] = ()) -> None:
        program_identity()
        for spec in specs:
            code_identity(spec.function)
        self._store = store
        self._digests = MaskDigests()
        self._closed_until = float("-inf")

    def taken(self, spec: ToolSpec, bound: Bound, shelf: Shelf) -> Taken:
        """What the call gives, run only where its result is not kept.

        What cannot be kept costs the reading nothing but the time of the call: the runtime's
        notices say so once.

        Raises
        ------
        Abstain
            When the tool abstains; :class:`AbstainedBefore` when it did so before.
        CxrAgentError
            When it fails, which is never kept.
        """
        spec, bound = ready(spec, bound)
        key = key_of(spec, bound, shelf, self._digests)
        if key is None:
            return take(answer_of(spec, bound), bound.film.shape)
        data = self._store.get(key)
        if data is not None:
            found = decode(data, key, spec, bound.film.shape, self._digests)
            if isinstance(found, AbstainedBefore):
                raise found
            if found is not None:
                return found
        try:
            taken = take(answer_of(spec, bound), bound.film.shape)
        except Abstain as outcome:
            self._keep(key, outcome, shelf)
            raise
        self._keep(key, taken, shelf)
        return taken

    def _keep(self, key: str, result: Taken | Abstain, shelf: Shelf) -> None:
        if time.monotonic() < self._closed_until:
            return
        try:
            if isinstance(result, Abstain):
                data = encode_abstention(key, result)
            else:
                data = encode(key, result, self._digests)
        except ValueError:
            return  # an answer that no entry can hold, as an abstention without a known code
        try:
            self._store.put(key, data)
        except OSError:
            self._closed_until = time.monotonic() + _AGAIN_S
            shelf.runtime.tell(Notice(NoticeCode.CACHE_UNUSABLE))


def result_cache(folder: Path | str | None, specs: Iterable[ToolSpec]) -> ResultCache | None:
    """The cache in ``folder``, else in the one that ``CXR_AGENT_CACHE`` names; None without any.

    ``specs`` are the tools that will be called.

    Raises
    ------
    UsageError
        ``bad_cache_size`` when ``CXR_AGENT_CACHE_MIB`` is no whole number above zero.
    """
    place = folder or os.environ.get(CACHE_VARIABLE)
    if not place:
        return None
    return ResultCache(EntryStore(Path(place).absolute(), _limit_mib() * 2**20), specs)


def _limit_mib() -> int:
    text = os.environ.get(LIMIT_VARIABLE, "")
    if not text:
        return _LIMIT_MIB
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise UsageError(
            "bad_cache_size",
            f"{text[:40]!r} is no size for a cache",
            hint=f"Give whole MiB above 0, as in {LIMIT_VARIABLE}=10240, or leave it out.",
        )
    return int(text)
