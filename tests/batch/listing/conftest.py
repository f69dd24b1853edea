"""Fixtures of the listing tests: headers are read by real workers, which are kept warm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.batch.listing import BatchStudy, Listing, Refused, headings, studies_of
from cxr_agent.imaging import Decoder
from tests.interop.films import film

Put = Callable[..., Path]


class Kept(Decoder):
    """A worker that outlives the listing that closes it."""

    def close(self) -> None:
        """Not yet."""


@pytest.fixture(scope="session")
def kept() -> Iterator[Decoder]:
    one = Kept()
    yield one
    Decoder.close(one)


@pytest.fixture(autouse=True)
def warm(kept: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headings, "Decoder", lambda: kept)


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Writes a film of a patient, of a study of its own unless told otherwise."""

    def write(name: str, patient: str | None, number: int, **values: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(film(patient, number, **values))
        return path

    return write


class Told:
    """All that a listing told."""

    def __init__(self, listing: Listing) -> None:
        listed = list(listing)
        self.summary = listing.summary
        self.names = [one.name for one in listed]
        self.studies = {one.name: one for one in listed if isinstance(one, BatchStudy)}
        self.refused = {one.name: one.code for one in listed if isinstance(one, Refused)}
        assert len(set(self.names)) == len(listed)
        assert all(name and name.isprintable() for name in self.names)
        assert self.summary.studies == len(self.studies)
        assert self.summary.refused == len(self.refused)
        assert self.summary.priors == sum(len(one.priors) for one in self.studies.values())

    def films(self, root: Path) -> dict[str, list[str]]:
        """Films by study, both relative."""
        return {name: _below(root, one.films) for name, one in self.studies.items()}

    def priors(self, root: Path) -> dict[str, list[str]]:
        """Priors by study that has some, both relative."""
        return {name: _below(root, one.priors) for name, one in self.studies.items() if one.priors}


def _below(root: Path, places: tuple[str, ...]) -> list[str]:
    return [Path(place).relative_to(root).as_posix() for place in places]


def listed(source: Any, **options: Any) -> Told:
    with studies_of(source, **options) as listing:
        return Told(listing)
