"""The films of a study as local files, wherever they lie."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE)


@contextmanager
def fetched(places: Sequence[str]) -> Iterator[tuple[Path, ...]]:
    """Local paths for places, in their order; what was fetched for them goes when this is closed.

    Raises
    ------
    UsageError
        ``bad_dicomweb_query``, ``bad_dicomweb_token``.
    ConfigError
        ``dicomweb_missing``.
    RemoteError
        With a :class:`~cxr_agent.errors.RemoteCode`, when a film cannot be had.
    """
    remote = tuple(dict.fromkeys(place for place in places if _ADDRESS.match(place)))
    if not remote:
        yield tuple(map(Path, places))
        return
    from cxr_agent.interop.dicomweb_query import fetched_instances

    with fetched_instances(remote) as files:
        here = dict(zip(remote, files, strict=True))
        yield tuple(here.get(place) or Path(place) for place in places)
