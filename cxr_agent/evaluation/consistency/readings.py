"""What a reading says of a film, in the few terms that two readings are compared in."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict

from cxr_agent.errors import InputError
from cxr_agent.evidence import Evidence, EvidenceKind, Interval, Polarity
from cxr_agent.imaging import Decoder
from cxr_agent.reading import Agent
from cxr_agent.study import Image, Study

_CLASSIFIED = "classified"


class FindingState(StrEnum):
    """What is said of a finding; the first three are in order."""

    UNLIKELY = "unlikely"
    UNDECIDED = "undecided"
    FLAGGED = "flagged"
    REFUSED = "refused"
    """Nothing is said of it: the film, or the tool that would judge it, was not read."""


_STATES = {
    Polarity.ABSENT: FindingState.UNLIKELY,
    Polarity.UNCERTAIN: FindingState.UNDECIDED,
    Polarity.PRESENT: FindingState.FLAGGED,
}


class Value(BaseModel):
    """One measurement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    interval: Interval | None


class FilmReading(BaseModel):
    """One film: what is said of each finding, and what was measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    states: dict[str, FindingState]
    """By finding: ``pleural_effusion`` where the classifier judged it, ``cardiomegaly (measured)``
    where a measurement did, and with its side where it has one."""
    probabilities: dict[str, float]
    """Calibrated, of what the classifier judged."""
    values: dict[str, Value]
    """By measurement, with its side where it has one."""
    refused: str | None = None
    """Code of the refusal of the whole film."""

    def state(self, finding: str) -> FindingState:
        """Of one finding; refused where nothing is said of it."""
        return self.states.get(finding, FindingState.REFUSED)


def reading_of(evidence: Iterable[Evidence]) -> FilmReading:
    """The terms of a reading, from what it rests on; priors are left out."""
    states: dict[str, FindingState] = {}
    probabilities: dict[str, float] = {}
    values: dict[str, Value] = {}
    for item in evidence:
        if item.of_prior:
            continue
        if item.kind is EvidenceKind.FINDING and item.polarity is not None:
            states[_finding(item)] = _STATES[item.polarity]
            if item.probability is not None:
                probabilities[_finding(item)] = item.probability
        if item.kind is EvidenceKind.MEASUREMENT and item.value is not None:
            values[_sided(item.code, item)] = Value(value=item.value, interval=item.interval)
    return FilmReading(states=states, probabilities=probabilities, values=values)


def refusal_of(error: InputError) -> FilmReading:
    """A film of which nothing is said at all."""
    return FilmReading(states={}, probabilities={}, values={}, refused=error.code)


def _finding(item: Evidence) -> str:
    code = item.code if item.category == _CLASSIFIED else f"{item.code} (measured)"
    return _sided(code, item)


def _sided(name: str, item: Evidence) -> str:
    return name if item.side is None else f"{name}, {item.side}"


class Rereader(AbstractContextManager["Rereader"]):
    """Reads one film again and again, by all that a reading does; its traces are thrown away.

    Parameters
    ----------
    agent
        The reader; its tools, thresholds and device are what is tested.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._decoder = Decoder()
        self._folder = Path(tempfile.mkdtemp(prefix="cxr-agent-"))
        self._count = 0

    def load(self, film: Path) -> Image:
        """Decode a film and check it.

        Raises
        ------
        InputError, UnsuitableFilm
            As for a reading.
        """
        return self._agent.load(film).images[0]

    def read(self, image: Image) -> FilmReading:
        """Read a film; a refusal is a reading too."""
        self._count += 1
        traces = self._folder / "traces"
        try:
            report = self._agent.read_loaded(
                Study((replace(image, handle="img-1"),)), traces=traces, run_id=f"n{self._count}"
            )
        except InputError as error:
            return refusal_of(error)
        finally:
            shutil.rmtree(traces, ignore_errors=True)
        return reading_of(report.evidence)

    def read_file(self, content: bytes, like: Image) -> FilmReading:
        """Read a file in place of a film, with what the film's own file said of it.

        View, age group and pixel spacing are those of ``like``: a perturbation changes pixels, and
        a PNG could not say them.
        """
        path = self._folder / "film"
        path.write_bytes(content)
        try:
            film = self._decoder.decode(path)
        except InputError as error:
            return refusal_of(error)
        return self.read(replace(like, pixels=film.pixels, sha256=film.sha256))

    def close(self) -> None:
        """End its decode worker; the agent is its owner's."""
        self._decoder.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


Readings = Mapping[str, FilmReading]
"""By film."""
