"""A reader kept warm, and one whole run of two films."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cxr_agent.reading import Agent
from cxr_agent.reading.places import STATE_VARIABLE
from cxr_agent.report.model import Report
from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.trace import Trace, read_trace
from tests.cli.program import dicom, levels

INDICATION = "SOB, ?effusion"


@dataclass(frozen=True)
class Films:
    """Two films of one patient, a quarter of a year apart."""

    now: Path
    before: Path


@dataclass(frozen=True)
class Whole:
    """A run that was never cut off."""

    report: Report
    trace: Trace


@pytest.fixture(scope="package", autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder of the tests' own."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(folder))
        yield folder


@pytest.fixture(scope="package")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    folder = tmp_path_factory.mktemp("films")
    for name, ratio, day in (("now", 0.62, "20240411"), ("before", 0.44, "20240105")):
        pixels = levels(draw(PhantomSpec(cardiothoracic_ratio=ratio), 256).pixels, 12)
        facts = {"StudyDate": day, "StudyInstanceUID": f"1.2.3.{day}"}
        file = dicom(pixels, PatientID="p", ViewPosition="PA", **facts)
        (folder / f"{name}.dcm").write_bytes(file)
    return Films(folder / "now.dcm", folder / "before.dcm")


@pytest.fixture(scope="package")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Agent(traces=tmp_path_factory.mktemp("traces"), model="none") as made:
        yield made


@pytest.fixture(scope="package")
def whole(agent: Agent, films: Films) -> Whole:
    report = agent.read(films.now, priors=films.before, indication=INDICATION)
    assert report.trace is not None
    return Whole(report, read_trace(Path(report.trace)))


@pytest.fixture(scope="package")
def alone(agent: Agent, films: Films) -> Whole:
    """A run of one film, which takes half the time."""
    report = agent.read(films.now, indication=INDICATION)
    assert report.trace is not None
    return Whole(report, read_trace(Path(report.trace)))
