"""What a watch does with a study: an agent reads it, and its objects are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cxr_agent.errors import InputError, SourceCode, UsageError
from cxr_agent.output import write_whole
from cxr_agent.reading import Agent
from cxr_agent.study import Study
from cxr_agent.watching.layout import TRACES, report_file
from cxr_agent.watching.sources import Films

ObjectMaker = Callable[[Path, Sequence[Path]], tuple[bytes, ...]]
"""DICOM files of a run, given the folder of its trace and the films that it read."""


@dataclass(frozen=True, slots=True)
class Results:
    """What came of a study."""

    objects: tuple[bytes, ...]
    code: str = ""
    """What is to be said of it: ``partial_reading``, or why there are no objects."""


class StudyReader(Protocol):
    """Who reads."""

    def read(self, films: Films, folder: Path, run: str) -> Results:
        """Read a study into the folder of the watch; raises as the agent does.

        Parameters
        ----------
        run
            Name of the run; unused.
        """


@dataclass(frozen=True, slots=True)
class AgentReader:
    """An agent, and who makes objects of its runs."""

    agent: Agent
    maker: ObjectMaker

    def read(self, films: Films, folder: Path, run: str) -> Results:
        """As :meth:`StudyReader.read`."""
        from cxr_agent.report.render import to_json

        study = self._loaded(films)
        report = self.agent.read_loaded(study, traces=folder / TRACES, run_id=run)
        write_whole(report_file(folder, run), to_json(report).encode())
        try:
            objects = self.maker(folder / TRACES / run, films.paths)
        except InputError as error:
            if error.code not in set(SourceCode):
                raise
            return Results((), error.code)  # of a film that is no DICOM file there is none
        return Results(objects, "partial_reading" if report.status == "partial" else "")

    def _loaded(self, films: Films) -> Study:
        def passed_over(error: InputError) -> None:
            """A prior that does not fit is no reason not to read the study."""

        try:
            return self.agent.load(
                films.paths,
                priors=films.priors,
                priors_from=films.priors_from,
                on_unfit_prior=passed_over,
            )
        except UsageError as error:
            if error.code != "no_patient_id":
                raise
            return self.agent.load(films.paths)  # it names nobody whose priors could be asked for
