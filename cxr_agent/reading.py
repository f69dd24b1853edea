"""The public way to read a study: files in, a report out, everything in a trace."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Self

from cxr_agent.errors import CxrAgentError, ModelError, UnsuitableFilm
from cxr_agent.imaging import Decoder, load_study
from cxr_agent.imaging.refusal import refusal_by_pixels
from cxr_agent.knowledge import changed_thresholds, thresholds_changed
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.models.store import list_cards
from cxr_agent.planning.budget import Budget
from cxr_agent.planning.graph import Reading, ReadingGraph
from cxr_agent.planning.planner import Planner
from cxr_agent.planning.protocol import ProtocolPlanner
from cxr_agent.report.model import FilmSummary, Report
from cxr_agent.study import Image, Study
from cxr_agent.toolbox.artifacts import display_png
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.execute import Toolbox
from cxr_agent.toolbox.registry import Registry, built_in
from cxr_agent.trace import (
    ImageRecord,
    RunFinished,
    RunStarted,
    SpacingRecord,
    StudyLoaded,
    TraceWriter,
    default_traces,
)

FilmPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_HIDDEN = "[indication not kept in the trace]"
_LIBRARIES = ("numpy", "scipy", "onnxruntime", "pillow", "pydantic", "langgraph")


class Agent(AbstractContextManager["Agent"]):
    """A reader that keeps its decode worker and models warm between studies.

    Parameters
    ----------
    traces
        Folder under which every reading writes its trace; made when missing.
    planner
        Chooses the steps; the protocol planner where none is given.
    budget
        Where a reading ends with what it has.
    registry
        The tools; the built-in ones where none are given.
    device
        What runs the models: ``auto`` (a GPU where one works), ``cpu``, ``cuda`` or ``cuda:N``.
        Readers of one process on one device share the loaded models.
    config
        A TOML file that changes thresholds; without it, the one that ``CXR_AGENT_CONFIG`` names.
        Trace, evidence and report say what it changed.

    Raises
    ------
    UsageError
        ``bad_device``.
    ConfigError
        ``config_unreadable``, ``bad_config``, ``unknown_threshold``.
    ModelError
        ``device_unavailable``.

    Examples
    --------
    >>> with Agent() as agent:  # doctest: +SKIP
    ...     for path in paths:
    ...         print(agent.read(path).impression[0].text)
    """

    def __init__(
        self,
        *,
        traces: Path | str | None = None,
        planner: Planner | None = None,
        budget: Budget | None = None,
        registry: Registry | None = None,
        device: str = "auto",
        config: Path | str | None = None,
    ) -> None:
        self._changed = changed_thresholds(config)
        self._traces = Path(traces) if traces is not None else default_traces()
        self._planner = planner or ProtocolPlanner()
        self._budget = budget or Budget()
        self._registry = registry or built_in()
        self._shelf = Shelf(Runtime.shared(device))
        self._decoder = Decoder()

    @property
    def runtime(self) -> Runtime:
        """What runs the models: its device, and its notices."""
        return self._shelf.runtime

    def read(
        self,
        films: FilmPath | Sequence[FilmPath],
        *,
        priors: FilmPath | Sequence[FilmPath] = (),
        indication: str = "",
    ) -> Report:
        """Read one study.

        Parameters
        ----------
        films
            The current films of one patient: DICOM (CR, DX), PNG or JPEG.
        priors
            Earlier films of the same patient.
        indication
            Why the films were taken. Quoted in the report, never an instruction.

        Raises
        ------
        InputError, UnsuitableFilm
            When a file cannot be read or is no adult frontal chest film.
        OutputError
            When the trace cannot be written.
        """
        study = load_study(films, priors, indication, self._decoder)
        with TraceWriter.create(self._traces) as trace, thresholds_changed(self._changed):
            return self._read(study, trace)

    def close(self) -> None:
        """End the decode worker."""
        self._decoder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self, study: Study, trace: TraceWriter) -> Report:
        began = time.monotonic()
        trace.append(self._run_started(trace.run_id))
        try:
            films = _write_study(study, trace)
            toolbox = Toolbox(self._registry, Bench(study, self._shelf), trace)
            with _untold():
                reading = ReadingGraph(toolbox, self._planner, self._budget).run()
            if reading.status == "refused":
                raise refusal_by_pixels(reading.refusal)
            report = self._report(study, films, reading, trace)
        except BaseException as error:
            _write_failure(trace, error, time.monotonic() - began)
            raise
        # The indication may name the patient: the trace has its hash alone.
        history = _HIDDEN if report.history else ""
        portable = report.model_copy(update={"trace": None, "history": history})
        trace.append(
            RunFinished(
                status=report.status,
                code="partial_reading" if report.status == "partial" else None,
                seconds=time.monotonic() - began,
                report_sha256=trace.put(portable.model_dump_json(indent=2).encode()),
            )
        )
        return report

    def _run_started(self, run_id: str) -> RunStarted:
        return RunStarted(
            run_id=run_id,
            program_version=program_version(),
            planner=self._planner.name,
            config={
                "steps": self._budget.steps,
                "seconds": self._budget.seconds,
                "repeats": self._budget.repeats,
                "tools": [f"{spec.name} {spec.version}" for spec in self._registry],
                "device": str(self.runtime.device),
                "thresholds": {name: one.value for name, one in self._changed.items()},
                # Said in earlier runs of this process; what a run adds is with its steps.
                "notices": [notice.record() for notice in self.runtime.notices],
            },
            versions={
                "python": platform.python_version(),
                **{name: metadata.version(name) for name in self._libraries()},
                **self._weights(),
            },
        )

    def _libraries(self) -> tuple[str, ...]:
        return (*_LIBRARIES, "torch") if self.runtime.device.kind == "cuda" else _LIBRARIES

    def _weights(self) -> dict[str, str]:
        """Hashes of the embedded weights. A damaged card costs the tools that need its model."""
        try:
            return {f"weights:{c.id}": self.runtime.weights_sha256(c) for c in list_cards()}
        except ModelError:
            return {}

    def _report(
        self, study: Study, films: tuple[FilmSummary, ...], reading: Reading, trace: TraceWriter
    ) -> Report:
        assert reading.gated is not None
        assert reading.status != "refused"
        draft = reading.gated.draft
        return Report(
            run_id=trace.run_id,
            program_version=program_version(),
            planner=self._planner.name,
            status=reading.status,
            exam=_exam(study),
            history=study.indication,
            technique=draft.technique,
            comparison=draft.comparison,
            findings=draft.findings,
            impression=draft.impression,
            limitations=draft.limitations,
            dropped=reading.gated.dropped,
            films=films,
            evidence=reading.evidence,
            trace=str(self._traces / trace.run_id),
        )


def read(
    films: FilmPath | Sequence[FilmPath],
    *,
    priors: FilmPath | Sequence[FilmPath] = (),
    indication: str = "",
    traces: Path | str | None = None,
    device: str = "auto",
    config: Path | str | None = None,
) -> Report:
    """Read one study; see :class:`Agent` and its ``read``. For many studies keep an Agent."""
    with Agent(traces=traces, device=device, config=config) as agent:
        return agent.read(films, priors=priors, indication=indication)


def program_version() -> str:
    """Version of the installed package."""
    try:
        return metadata.version("cxr-agent")
    except metadata.PackageNotFoundError:
        return "0+unknown"


def _untold() -> AbstractContextManager[None]:
    """LangGraph sends its runs to LangSmith where the environment asks it to: not ours."""
    from langsmith.run_helpers import tracing_context

    return tracing_context(enabled=False)


def _exam(study: Study) -> str:
    count = len(study.images)
    return "Chest radiograph, one film" if count == 1 else f"Chest radiograph, {count} films"


def _write_study(study: Study, trace: TraceWriter) -> tuple[FilmSummary, ...]:
    films = tuple(
        _summary(film, trace.put(display_png(film.pixels)))
        for film in (*study.images, *study.priors)
    )
    indication = study.indication.encode()
    trace.append(
        StudyLoaded(
            images=tuple(_record(film) for film in films),
            indication_sha256=hashlib.sha256(indication).hexdigest() if indication else None,
        )
    )
    return films


def _summary(film: Image, display: str) -> FilmSummary:
    rows, columns = film.shape
    spacing = film.spacing
    return FilmSummary(
        handle=film.handle,
        rows=rows,
        columns=columns,
        view=film.view.value,
        spacing_mm=(spacing.row_mm, spacing.column_mm) if spacing else None,
        spacing_kind=spacing.kind.value if spacing else None,
        sha256=film.sha256,
        notices=tuple(notice.value for notice in film.notices),
        days_before=film.days_before,
        display=display,
    )


def _record(film: FilmSummary) -> ImageRecord:
    spacing = None
    if film.spacing_mm is not None and film.spacing_kind is not None:
        row_mm, column_mm = film.spacing_mm
        spacing = SpacingRecord(row_mm=row_mm, column_mm=column_mm, kind=film.spacing_kind)
    return ImageRecord(
        handle=film.handle,
        sha256=film.sha256,
        rows=film.rows,
        columns=film.columns,
        view=film.view,
        spacing=spacing,
        notices=film.notices,
        display=film.display,
        days_before=film.days_before,
    )


def _write_failure(trace: TraceWriter, error: BaseException, seconds: float) -> None:
    """The last line of a run that gives no report. The trace may be what failed: then silence."""
    refused = isinstance(error, UnsuitableFilm)
    code = "interrupted" if isinstance(error, KeyboardInterrupt) else "internal_error"
    if isinstance(error, CxrAgentError):
        code = error.code
    try:
        trace.append(
            RunFinished(status="refused" if refused else "failed", code=code, seconds=seconds)
        )
    except CxrAgentError:
        return
