"""The listing of an input: first every header is read, then study after study comes out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.listing.found import Found
from cxr_agent.batch.listing.groups import Group, Groups
from cxr_agent.batch.listing.headings import Headings
from cxr_agent.batch.listing.listed import Listed, Passed, Refused, Summary
from cxr_agent.batch.listing.priors import priors_of
from cxr_agent.batch.listing.sources import Entry, given_candidates, named_source
from cxr_agent.errors import UsageError
from cxr_agent.imaging.load import clean_indication

MAX_PRIORS: Final = 5


def studies_of(
    source: str | Path | Iterable[Entry],
    *,
    priors: int = 1,
    on_seen: Callable[[int], None] | None = None,
) -> Listing:
    """List the studies of an input.

    Parameters
    ----------
    source
        A folder, a pattern of paths, a table (CSV or Parquet), a DICOMDIR, a single film, the
        address of a DICOMweb search, or entries one by one.
    priors
        How many earlier studies of the same patient give a film each; 0 to 5. Priors that a list
        names are given whatever this says.
    on_seen
        Told after every file how many were looked at: nothing is listed before the last.

    Raises
    ------
    UsageError
        ``bad_priors``, ``no_batch_input``, ``bad_table``, ``no_file_column``,
        ``misspelt_column``, ``bad_dicomweb_query``, ``bad_dicomweb_token``.
    InputError
        A single film or directory that cannot be read.
    ConfigError
        ``pyarrow_missing``, ``dicomweb_missing``.
    """
    return Listing(source, priors=priors, on_seen=on_seen)


class Listing(Iterator[Listed]):
    """An iterator over what is listed; see :func:`studies_of`.

    Studies come in the order of their first films, the same in every run. Close it when it is not
    run to its end.

    Raises
    ------
    UsageError
        ``bad_table`` while it runs, for a table that cannot be read to its end.
    RemoteError
        While it runs, when a server gave no list.
    """

    def __init__(
        self,
        source: str | Path | Iterable[Entry],
        *,
        priors: int = 1,
        on_seen: Callable[[int], None] | None = None,
    ) -> None:
        if not 0 <= priors <= MAX_PRIORS:
            raise UsageError(
                "bad_priors",
                f"{priors} is no number of priors",
                hint=f"Give 0 to {MAX_PRIORS} earlier studies.",
            )
        self.summary = Summary()
        """Complete when the iteration has ended."""
        self._priors = priors
        self._on_seen = on_seen
        self._headings = Headings()
        self._listed: Iterator[Listed] = iter(())
        try:
            if isinstance(source, str | os.PathLike):
                found = named_source(os.fspath(source), self._headings, self.summary)
            else:
                found = self._headings.read(given_candidates(source))
        except BaseException:
            self.close()
            raise
        self._listed = self._list(found)

    def __next__(self) -> Listed:
        return next(self._listed)

    def _list(self, found: Iterable[Found]) -> Iterator[Listed]:
        groups = Groups(self.summary.passed)
        try:
            for one in found:
                self.summary.seen += 1
                groups.add(one)
                if self._on_seen is not None:
                    self._on_seen(self.summary.seen)
        finally:
            self._headings.close()
        for group in groups:
            listed = self._study(group)
            if isinstance(listed, BatchStudy):
                self.summary.studies += 1
                self.summary.priors += len(listed.priors)
            else:
                self.summary.refused += 1
            yield listed

    def _study(self, group: Group) -> Listed:
        if group.given is not None:
            return group.given
        fault = group.fault or (None if group.films else group.left_out)
        if fault is not None:
            return Refused(group.name, str(fault.code), fault.message)
        currents = group.chosen(self.summary.passed)
        said = group.said
        earlier = said.priors if said is not None else ()
        if not earlier and self._priors:
            if group.nobody:
                self.summary.passed[Passed.NOBODYS_PRIORS] += 1
            elif group.patient is not None and group.patient.several:
                self.summary.passed[Passed.SEVERAL_PATIENTS] += 1
            earlier = priors_of(group, currents, self._priors)
        return BatchStudy(
            group.name,
            tuple(film.place for film in (*currents, *group.aside(currents))),
            earlier[:MAX_PRIORS],
            clean_indication(said.indication) if said is not None else "",
        )

    def close(self) -> None:
        """End the workers that read headers; nothing more is listed."""
        self._headings.close()
        self._listed = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
