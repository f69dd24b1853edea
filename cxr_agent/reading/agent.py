"""The public way to read studies."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cxr_agent.errors import InputError, UsageError
from cxr_agent.imaging import Decoder, PriorSearch, load_study
from cxr_agent.imaging.load import path_list
from cxr_agent.interop.outside_source import add_outside_tools
from cxr_agent.interop.prior_source import prior_source
from cxr_agent.knowledge import changed_thresholds, thresholds_changed
from cxr_agent.language import LanguageModel, ModelSettings, configured_model
from cxr_agent.language.settings import NO_MODEL
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.planning.budget import Budget
from cxr_agent.planning.planner import Planner
from cxr_agent.planning.privacy import Privacy
from cxr_agent.reading.places import Places, forget_places, keep_places
from cxr_agent.reading.recipe import Recipe
from cxr_agent.reading.run import Run
from cxr_agent.reading.setup import Setup
from cxr_agent.reading.side_views import with_side_views
from cxr_agent.reading.unfinished import Unfinished
from cxr_agent.report.model import Report
from cxr_agent.retrieval.library import Library
from cxr_agent.retrieval.store import STORE_VARIABLE
from cxr_agent.study import Study
from cxr_agent.toolbox.cache import result_cache
from cxr_agent.toolbox.isolation.host import ToolHost
from cxr_agent.toolbox.registry import Registry, known
from cxr_agent.toolbox.sources import FoundTools, PluginChoice, Skipped, ToolSources
from cxr_agent.toolbox.sources.given import GivenTool, given_tools
from cxr_agent.trace import Event, TraceWriter, default_traces
from cxr_agent.vision.consulting import VisionModel
from cxr_agent.vision.settings import configured_vision

if TYPE_CHECKING:
    from cxr_agent.batch.batch import Batch
    from cxr_agent.reading.batches import BatchOptions, BatchSource, RunnerMaker

FilmPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]


class Agent(AbstractContextManager["Agent"]):
    """A reader that keeps its decode worker and models warm between studies.

    Parameters
    ----------
    traces
        Folder under which every reading writes its trace; made when missing.
    planner
        Chooses the steps; without one the language model does, and without that the protocol.
    budget
        Where a reading ends with what it has; by default that of the configuration.
    registry
        The tools, and no others; without it the built-in ones, ``tools``, ``tools_folder`` and
        installed plug-ins (``docs/tools.md``).
    tools
        Functions made tools by the decorator, used beside all others.
    tools_folder
        Folder whose Python files are tools; without it the one that ``CXR_AGENT_TOOLS`` names, if
        any. What is broken there, or installed, is left out: see :attr:`skipped_tools`.
    plugins
        Which installed plug-ins are used, as ``all``, ``none``, ``a,b`` or ``-a,-b``; without it
        those of ``CXR_AGENT_PLUGINS``, else all.
    outside
        A mapping of tools from outside (``docs/mcp.md``); without it the one that
        ``CXR_AGENT_OUTSIDE``, or the table ``[outside]`` of the configuration, names.
    device
        What runs the models: ``auto`` (a GPU where one works), ``cpu``, ``cuda`` or ``cuda:N``.
        Readers of one process on one device share the loaded models.
    config
        A TOML file with tables ``[thresholds]``, ``[model]``, ``[vlm]``, ``[budget]`` and
        ``[outside]``; without it, the one that ``CXR_AGENT_CONFIG`` names. Trace, evidence and
        report say what it changed.
    model
        A language model as ``provider/name``, or its settings; without it the one that
        ``CXR_AGENT_MODEL`` or the configuration names, if any. ``none`` for none.
    api_base
        Address of an OpenAI-compatible server.
    send_images
        Whether a model that takes pictures may be shown the films, with writing painted over
        and all but the chest blacked out. A hosted vision-language model (``CXR_AGENT_VLM``, or
        the table ``[vlm]`` of the configuration) is not asked anything without it.
    privacy
        What the trace keeps of texts: ``full``, ``masked`` or ``none``.
    store
        Folder of a store of films to look for similar ones in (``cxr-agent kb build``); without it
        the one that ``CXR_AGENT_STORE`` names, if any.
    cache
        Folder in which the results of tools are kept, so that a call made before is not made again
        (``docs/caching.md``); without it the one that ``CXR_AGENT_CACHE`` names, if any.
    threads
        Of one run of a network on the CPU; without it, ONNX Runtime chooses.
    allow_remote_tools
        Whether films may be sent to a tool that runs behind an address (``docs/isolation.md``);
        without it, as ``CXR_AGENT_REMOTE_TOOLS`` says, and ``1`` is yes.
    on_event
        Told of each event of a reading once it is recorded.
    on_search
        Told what a search for priors took and passed over.

    Raises
    ------
    UsageError
        ``bad_device``, ``bad_model_name``, ``bad_vlm_name``, ``bad_privacy``, ``no_store``,
        ``other_embedding``, ``bad_cache_size``, ``no_tools_folder``, ``bad_plugins``.
    ConfigError
        ``config_unreadable``, ``bad_config``, ``unknown_threshold``, ``bad_tool_contract``,
        ``tool_name_taken``, ``mapping_unreadable``, ``bad_mapping``, ``mcp_missing``.
    ModelError
        ``device_unavailable``, ``language_model_missing``.

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
        tools: Sequence[GivenTool] = (),
        tools_folder: Path | str | None = None,
        plugins: PluginChoice | str | None = None,
        outside: Path | str | None = None,
        device: str = "auto",
        config: Path | str | None = None,
        model: ModelSettings | str | None = None,
        api_base: str | None = None,
        send_images: bool = False,
        privacy: Privacy | str = Privacy.MASKED,
        store: Path | str | None = None,
        cache: Path | str | None = None,
        threads: int | None = None,
        allow_remote_tools: bool | None = None,
        on_event: Callable[[Event], None] | None = None,
        on_search: Callable[[PriorSearch], None] | None = None,
    ) -> None:
        settings = (
            model if isinstance(model, ModelSettings) else configured_model(model, api_base, config)
        )
        shelf = Shelf(Runtime.shared(device, threads=threads))
        kept = _privacy(privacy)
        library = _library(store, shelf, kept)
        vision = _vision(config, shelf, send_images=send_images)
        sources = ToolSources.wanted(tuple(tools), tools_folder, plugins)
        found = _found(registry, sources)
        if not registry:
            add_outside_tools(found.registry, outside, config)
        offered = found.registry
        if not registry:
            offered = found.runnable(library=library is not None, vision=vision is not None)
        self.setup = Setup(
            registry=offered,
            skipped=found.skipped,
            asking=frozenset(s.name for s in (*known(), *found.registry) if s.needs_vision),
            shelf=shelf,
            library=library,
            cache=result_cache(cache, offered),
            budget=budget or Budget.configured(config),
            changed=changed_thresholds(config),
            planner=planner,
            model=LanguageModel(settings) if settings is not None else None,
            send_images=send_images,
            vision=vision,
            privacy=kept,
            host=ToolHost(allow_remote=allow_remote_tools),
        )
        self.traces = Path(traces) if traces is not None else default_traces()
        self._recipe = Recipe(
            planner=planner,
            budget=self.setup.budget,
            registry=registry,
            sources=sources,
            device=device,
            config=config,
            model=settings or NO_MODEL,
            send_images=send_images,
            privacy=kept,
            store=store,
            outside=outside,
            cache=cache,
            allow_remote_tools=self.setup.host.allow_remote,
        )
        self._on_event = on_event
        self._on_search = on_search
        self._decoder = Decoder()

    @property
    def skipped_tools(self) -> tuple[Skipped, ...]:
        """Plug-ins that were found and left out, each with why."""
        return self.setup.skipped

    @property
    def runtime(self) -> Runtime:
        """What runs the models: its device, and its notices."""
        return self.setup.shelf.runtime

    def load(
        self,
        films: FilmPath | Sequence[FilmPath],
        *,
        priors: FilmPath | Sequence[FilmPath] = (),
        priors_from: FilmPath | None = None,
        indication: str = "",
        on_unfit_prior: Callable[[InputError], None] | None = None,
    ) -> Study:
        """Decode and check the films of one study; raises as :meth:`read`.

        Parameters
        ----------
        on_unfit_prior
            Told of a prior of ``priors`` that is refused, which is then passed over.
        """
        return load_study(
            films,
            priors,
            indication,
            self._decoder,
            priors_from=None if priors_from is None else prior_source(priors_from),
            on_search=self._on_search,
            on_unfit_prior=on_unfit_prior,
            keyed=self._patient_key,
        )

    def with_side_views(self, films: Sequence[Path]) -> tuple[tuple[Path, ...], ...]:
        """Films as studies: each its own, a lateral or decubitus one with its frontal film.

        See :func:`cxr_agent.reading.side_views.with_side_views`; what cannot be read stays apart.
        """
        if len(films) < 2:
            return tuple((film,) for film in films)
        return with_side_views(films, self._decoder.heading_of)

    def _patient_key(self, fingerprint: str) -> str:
        library = self.setup.library
        return library.patient_key(fingerprint) if library is not None else ""

    def read(
        self,
        films: FilmPath | Sequence[FilmPath],
        *,
        priors: FilmPath | Sequence[FilmPath] = (),
        priors_from: FilmPath | None = None,
        indication: str = "",
    ) -> Report:
        """Read one study.

        Parameters
        ----------
        films
            The current films of one patient: DICOM (CR, DX), PNG or JPEG. A lateral or decubitus
            view beside a frontal one is named in the report's limits, and no tool reads it.
        priors
            Earlier films of the same patient.
        priors_from
            Where more of them are looked for: a folder, or the address of a DICOMweb server, which
            is then told the patient's id. One film of each study, the five newest; what does not
            fit is passed over.
        indication
            Why the films were taken. What it asks for is answered first; it is quoted in the
            report and never an instruction.

        Raises
        ------
        InputError, UnsuitableFilm
            When a file cannot be read or is no adult frontal chest film.
        UsageError
            ``no_prior_folder``, ``bad_dicomweb_url``, ``bad_dicomweb_token``, ``no_patient_id``.
        ConfigError
            ``dicomweb_missing``.
        RemoteError
            When the server gave nothing.
        OutputError
            When the trace cannot be written.
        """
        study = self.load(films, priors=priors, priors_from=priors_from, indication=indication)
        with TraceWriter.create(self.traces) as trace:
            self._remember(trace.directory, films, priors, priors_from, indication)
            try:
                return self._examined(study, trace).finish()
            finally:
                forget_places(trace.directory)

    def read_loaded(self, study: Study, *, traces: Path, run_id: str) -> Report:
        """Read what :meth:`load` gave, into a trace of that name; raises as :meth:`read`.

        Parameters
        ----------
        traces
            Folder of traces; made when missing.
        run_id
            Of letters, digits, dots, dashes and underscores; unused in that folder.
        """
        return self.examine(study, traces=traces, run_id=run_id).finish()

    def examine(self, study: Study, *, traces: Path, run_id: str) -> Unfinished:
        """As :meth:`read_loaded`, but for the end of the run, which another thread may write.

        A kill loses nothing of the trace at any moment, a power cut nothing once it is finished:
        until then nobody is told of the run.

        Parameters
        ----------
        traces
            Folder of traces; made when missing.
        run_id
            Of letters, digits, dots, dashes and underscores; unused in that folder.
        """
        with ExitStack() as opened:
            trace = opened.enter_context(TraceWriter.create(traces, run_id, sync_at_end=True))
            examined = self._examined(study, trace)
            opened.pop_all()  # from here on it is closed by who finishes it
        return examined

    def _examined(self, study: Study, trace: TraceWriter) -> Unfinished:
        trace.on_event = self._on_event
        with thresholds_changed(self.setup.changed):
            run = Run(study, self.setup, trace)
            try:
                run.start()
                return Unfinished(run.read(), run)
            except BaseException as error:
                run.fail(error)
                raise

    def batch(
        self,
        studies: BatchSource,
        out: Path | str,
        options: BatchOptions | None = None,
        *,
        runner: RunnerMaker | None = None,
        on_listed: Callable[[int], None] | None = None,
    ) -> Batch:
        """Have many studies read by worker processes, into a folder that is the batch's state.

        Iterate over what is returned, or call its ``run``. Nothing is read before. The same call
        with the same folder goes on where it was, whatever ended it.

        Parameters
        ----------
        studies
            A folder, a pattern, a table (CSV, Parquet), a DICOMDIR or a DICOMweb query, as text or
            path; or films and :class:`~cxr_agent.batch.item.BatchStudy` one by one.
        out
            Folder of the batch: made where it is not there, else empty or of the same batch.
        options
            How it is to be done.
        runner
            Makes who has the studies read; without it, processes of this machine.
        on_listed
            Told now and then how many files were looked at: every header is read before a study.

        Raises
        ------
        UsageError
            ``no_studies``, ``batch_differs``, ``not_a_batch``, ``not_for_workers``, and what the
            listing raises.
        OutputError
            ``batch_in_use``, ``batch_not_writable``, ``disk_full``.
        ConfigError
            ``bad_batch``.
        """
        from cxr_agent.reading.batches import begin_batch

        return begin_batch(self.setup, self._recipe, studies, Path(out), options, runner, on_listed)

    @staticmethod
    def _remember(
        run: Path,
        films: FilmPath | Sequence[FilmPath],
        priors: FilmPath | Sequence[FilmPath],
        priors_from: FilmPath | None,
        indication: str,
    ) -> None:
        """Where the films lie, until the run is finished; no login is kept."""
        source = None if priors_from is None else os.fsdecode(priors_from)
        if source is not None and "@" in source:
            return
        current, earlier = (
            tuple(Path(os.fsdecode(one)).absolute() for one in path_list(some))
            for some in (films, priors)
        )
        keep_places(
            Places(
                run=run.absolute(),
                films=current,
                priors=earlier,
                priors_from=source,
                indication=indication,
            )
        )

    def close(self) -> None:
        """End the decode worker and the processes of isolated tools."""
        self._decoder.close()
        self.setup.host.close()
        if self.setup.library is not None:
            self.setup.library.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def read(
    films: FilmPath | Sequence[FilmPath],
    *,
    priors: FilmPath | Sequence[FilmPath] = (),
    priors_from: FilmPath | None = None,
    indication: str = "",
    traces: Path | str | None = None,
    device: str = "auto",
    config: Path | str | None = None,
    model: str | None = None,
) -> Report:
    """Read one study; see :class:`Agent` and its ``read``. For many studies keep an Agent."""
    with Agent(traces=traces, device=device, config=config, model=model) as agent:
        return agent.read(films, priors=priors, priors_from=priors_from, indication=indication)


def _found(registry: Registry | None, sources: ToolSources) -> FoundTools:
    """The tools of the caller's registry and those given beside it, or all that are found."""
    if not registry:
        return sources.found()
    offered = Registry()
    for spec in registry:
        offered.add(spec, registry.origin(spec.name))
    for spec in given_tools(sources.given):
        offered.add(spec)
    return FoundTools(offered)


def _library(store: Path | str | None, shelf: Shelf, privacy: Privacy) -> Library | None:
    place = store or os.environ.get(STORE_VARIABLE)
    if not place:
        return None
    return Library(Path(place), shelf.embedding(), reports=privacy is not Privacy.NONE)


def _vision(config: Path | str | None, shelf: Shelf, *, send_images: bool) -> VisionModel | None:
    """The vision-language model that may be shown the films: one that runs here, or a hosted one
    where pictures may leave."""
    settings = configured_vision(config)
    if settings is None or (settings.hosted and not send_images):
        return None
    return VisionModel(settings, shelf.runtime)


def _privacy(wanted: Privacy | str) -> Privacy:
    try:
        return Privacy(wanted)
    except ValueError:
        raise UsageError(
            "bad_privacy",
            f"{str(wanted)[:40]!r} is no privacy mode",
            hint="One of full, masked and none.",
        ) from None
