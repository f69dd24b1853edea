"""``cxr-agent read``: films in, reports out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.options import (
    ApiBase,
    Config,
    FilmsOrStudy,
    Indication,
    Language,
    Model,
    Outside,
    Prior,
    PriorsFrom,
    PrivacyMode,
    SendImages,
    Store,
    Tools,
    Traces,
)
from cxr_agent.cli.searched import print_search
from cxr_agent.cli.skipped import skipped_told
from cxr_agent.errors import EXIT_OK, CxrAgentError, UsageError

if TYPE_CHECKING:
    from cxr_agent.reading import Agent
    from cxr_agent.report.model import Report


def read(
    films: FilmsOrStudy,
    prior: Prior = None,
    priors_from: PriorsFrom = None,
    indication: Indication = "",
    study: Annotated[
        bool,
        typer.Option(
            "--study",
            help="All FILEs are one study. Default: one study per FILE, where a lateral view goes "
            "with the frontal film of its study.",
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print JSON: one report, or of several FILEs without --study a list with one "
            "entry per study, in order.",
        ),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(help="Write an HTML report: a file, or with several studies a folder."),
    ] = None,
    scene_graph: Annotated[
        Path | None,
        typer.Option(
            help="Write the scene graph as JSON: a file, or with several studies a folder."
        ),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    ris: Annotated[
        bool, typer.Option("--ris", help="Print plain ASCII text for a RIS: the report alone.")
    ] = False,
    lang: Language = "en",
    traces: Traces = None,
    model: Model = None,
    api_base: ApiBase = None,
    send_images: SendImages = False,
    privacy: PrivacyMode = "masked",
    store: Store = None,
    tools: Tools = None,
    outside: Outside = None,
    config: Config = None,
    device: Device = "auto",
) -> int:
    """Read films and report what is seen. About 2 s for the first film, 0.5 s for each other."""
    from cxr_agent.cli.output import Names
    from cxr_agent.cli.problems import internal_error
    from cxr_agent.knowledge import checked_language
    from cxr_agent.reading import Agent
    from cxr_agent.report.translate import in_language

    named = _groups(films, study)
    checked_language(lang)
    style = "" if as_json else _style(markdown, ris)
    status, pages, graphs = EXIT_OK, Names(".html"), Names(".json")
    with (
        Agent(
            traces=traces,
            device=device,
            config=config,
            model=model,
            api_base=api_base,
            send_images=send_images,
            privacy=privacy,
            store=store,
            tools_folder=tools,
            outside=outside,
            on_search=print_search,
        ) as agent,
        skipped_told(agent.skipped_tools),
        notices_told(device, agent.runtime),
    ):
        groups = _with_side_views(named, agent)
        several = len(groups) > 1
        if several and (prior or priors_from is not None):
            option = "--prior" if prior else "--priors-from"
            raise UsageError(
                "prior_of_which",
                f"{option} goes with one study, and there are several",
                hint="Give one FILE, or --study when all FILEs are of one patient.",
            )
        # The form of the JSON follows from the command line alone, not from what is in the files.
        show = _json_printer(len(named) > 1) if as_json else _text_printer(style, several)
        with show as emit:
            for group in groups:
                try:
                    with group.local() as paths:
                        report = agent.read(
                            paths,
                            priors=prior or (),
                            priors_from=priors_from,
                            indication=indication,
                        )
                    report = in_language(report, lang)
                    if html is not None:
                        folder = several or html.is_dir()
                        _write_html(report, html / pages.take(group.name) if folder else html)
                    if scene_graph is not None:
                        folder = several or scene_graph.is_dir()
                        place = scene_graph / graphs.take(group.name) if folder else scene_graph
                        _write_scene_graph(report, place)
                except Exception as error:
                    if len(groups) == 1 and not as_json:
                        raise
                    told = error if isinstance(error, CxrAgentError) else internal_error(error)
                    emit(group.name, None, told)
                    if len(groups) == 1:  # JSON is for a program, the line that follows for people
                        raise
                    status = status or told.exit_status
                else:
                    emit(group.name, report, None)
    return status


@dataclass(frozen=True, slots=True)
class _Group:
    """A study as the user gave it."""

    name: Path
    """What its results are called."""
    films: tuple[Path, ...] = ()
    address: str = ""
    """At a server, in place of films."""

    def local(self) -> AbstractContextManager[tuple[Path, ...]]:
        """The films as files."""
        from cxr_agent.reading.remote import study_films

        return study_films(self.address) if self.address else nullcontext(self.films)


def _groups(films: list[str], study: bool) -> list[_Group]:
    """The studies; the address of one is a study by itself, and its UID is no name."""
    from cxr_agent.reading.remote import is_address

    if study and any(map(is_address, films)):
        raise UsageError(
            "study_of_addresses",
            "--study goes with files, and an address is a study already",
            hint="Leave --study out.",
        )
    if study:
        paths = tuple(map(Path, films))
        return [_Group(paths[0], paths)]
    return [
        _Group(Path(f"study-{number}"), address=film)
        if is_address(film)
        else _Group(Path(film), (Path(film),))
        for number, film in enumerate(films, 1)
    ]


def _with_side_views(groups: list[_Group], agent: Agent) -> list[_Group]:
    """Single films with the further views of their studies, by their headers."""
    single = [group.films[0] for group in groups if len(group.films) == 1]
    studies = {films[0]: films for films in agent.with_side_views(single)}
    beside = {film for films in studies.values() for film in films[1:]}
    return [
        group if len(group.films) != 1 else replace(group, films=studies[group.films[0]])
        for group in groups
        if len(group.films) != 1 or group.films[0] not in beside
    ]


_Emit = Callable[[Path, "Report | None", "CxrAgentError | None"], None]


@contextmanager
def _json_printer(several: bool) -> Iterator[_Emit]:
    """One JSON document; with several studies a list that grows as they are read."""
    from cxr_agent.cli.output import shown_name
    from cxr_agent.cli.problems import error_record
    from cxr_agent.report.render import to_json

    count = 0

    def emit(film: Path, report: Report | None, error: CxrAgentError | None) -> None:
        nonlocal count
        record: dict[str, Any]
        if report is not None:
            record = json.loads(to_json(report))
        else:
            assert error is not None
            record = error_record(error)
        if not several:
            print(json.dumps(record, indent=2, ensure_ascii=False))
            return
        line = json.dumps({"file": shown_name(film), **record}, ensure_ascii=False)
        print(("," if count else "") + "\n" + line, end="", flush=True)
        count += 1

    if not several:
        yield emit
        return
    print("[", end="")
    try:
        yield emit
    finally:
        print("\n]")  # also where the user stops in the middle: what was read stays readable


def _style(markdown: bool, ris: bool) -> str:
    if markdown and ris:
        raise UsageError(
            "one_style", "--markdown and --ris go not together", hint="Choose one of them."
        )
    return "markdown" if markdown else "ris" if ris else "text"


@contextmanager
def _text_printer(style: str, several: bool) -> Iterator[_Emit]:
    from cxr_agent.cli.output import shown_name
    from cxr_agent.cli.problems import print_error
    from cxr_agent.cli.show import print_report
    from cxr_agent.report.render import to_markdown, to_ris

    def emit(film: Path, report: Report | None, error: CxrAgentError | None) -> None:
        name = shown_name(film)
        if error is not None:
            print_error(error, name)
            return
        assert report is not None
        if several:
            print(f"\n# {name}" if style == "markdown" else f"\n=== {name} ===")
        if style == "text":
            print_report(report)
        else:
            print(to_markdown(report) if style == "markdown" else to_ris(report))

    yield emit


def _write_html(report: Report, path: Path) -> None:
    from cxr_agent.cli.output import shown_name
    from cxr_agent.output import write_whole
    from cxr_agent.report.render import to_html
    from cxr_agent.trace import read_trace

    assert report.trace is not None
    page = to_html(report, read_trace(Path(report.trace)).artifact)
    write_whole(path, page.encode())
    print(f"HTML report: {shown_name(path)}", file=sys.stderr)


def _write_scene_graph(report: Report, path: Path) -> None:
    from cxr_agent.cli.output import shown_name
    from cxr_agent.output import write_whole
    from cxr_agent.report.render import to_scene_graph_json

    write_whole(path, to_scene_graph_json(report).encode())
    print(f"Scene graph: {shown_name(path)}", file=sys.stderr)
