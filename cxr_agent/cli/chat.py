"""``cxr-agent chat``: a study that stays open on a terminal."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.options import (
    ApiBase,
    Config,
    Indication,
    Model,
    Outside,
    Prior,
    PrivacyMode,
    SendImages,
    Store,
    Tools,
    Traces,
)
from cxr_agent.cli.skipped import skipped_told
from cxr_agent.errors import EXIT_OK, CxrAgentError, OutputError, UsageError

if TYPE_CHECKING:
    from cxr_agent.chat import Chat
    from cxr_agent.chat.commands import Desk
    from cxr_agent.chat.sessions import Session
    from cxr_agent.reading import Agent


def chat(
    films: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE...]", help="Films of one study.", show_default=False),
    ] = None,
    prior: Prior = None,
    indication: Indication = "",
    go_on: Annotated[
        bool, typer.Option("--continue", "-c", help="Go on with the last session, or --session.")
    ] = False,
    session: Annotated[str | None, typer.Option(help="Name of the session.")] = None,
    reader: Annotated[
        str | None, typer.Option(help="Who corrects, for the trace. Default: the user's name.")
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One line of JSON per line of input, nothing else."),
    ] = False,
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
    """Read films, then answer questions about them. /help lists the commands."""
    from cxr_agent.chat.commands import Desk
    from cxr_agent.chat.sessions import find_session
    from cxr_agent.reading import Agent

    if not films and not go_on:
        raise UsageError(
            "no_film", "there is no film", hint="Give FILE, or --continue for an earlier session."
        )
    if go_on and indication:
        raise UsageError("indication_stands", "a session keeps its indication")
    found = find_session(session) if go_on else None
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
        ) as agent,
        skipped_told(agent.skipped_tools),
        notices_told(device, agent.runtime),
        _opened(agent, films or [], prior or [], indication, session, found) as open_chat,
    ):
        kept = found or _session(open_chat, session)
        desk = Desk(agent, open_chat, reader or _user(), kept)
        _answer_lines(desk) if as_json else _converse(desk)
    return EXIT_OK


def _opened(
    agent: Agent,
    films: list[Path],
    priors: list[Path],
    indication: str,
    name: str | None,
    session: Session | None,
) -> AbstractContextManager[Chat]:
    from cxr_agent.chat.opening import new_chat, resumed_chat
    from cxr_agent.cli.progress import step_line

    if session is not None:
        return resumed_chat(agent, session, films, priors, heard=step_line)
    return new_chat(agent, films, priors=priors, indication=indication, name=name, heard=step_line)


def _session(open_chat: Chat, name: str | None) -> Session:
    from cxr_agent.chat.sessions import find_session

    return find_session(name or open_chat.run.trace.run_id)


def _converse(desk: Desk) -> None:
    """Question after question, until the user leaves. Ctrl-C ends a turn, Ctrl-D the session."""

    run = desk.chat.run
    name = desk.session.name if desk.session else run.trace.run_id
    print(f"\n{desk.chat.report.notice}")
    _print_report(desk.chat)
    if not len(run.setup.registry):
        print("(The films are not where they were: nothing new can be looked at.)")
    by = desk.chat.model.name if desk.chat.model else "rules"
    print(f"Session {name}; answers by {by}. /help lists the commands, Ctrl-D leaves.")
    for typed in _typed(desk):
        try:
            _turn(desk, typed)
        except KeyboardInterrupt:
            print("\n(interrupted; the session goes on)")
        if desk.done:
            break


def _answer_lines(desk: Desk) -> None:
    """For programs: a question or command per line of input, an object per line of output."""
    from cxr_agent.chat.commands import run_command
    from cxr_agent.cli.problems import error_record
    from cxr_agent.cli.said import answer_record

    for typed in map(str.strip, sys.stdin):
        if not typed:
            continue
        record: dict[str, Any]
        try:
            if typed.startswith("/"):
                record = {"lines": list(run_command(desk, typed))}
            else:
                record = answer_record(desk.chat.ask(typed), desk.chat)
        except OutputError:
            raise
        except CxrAgentError as error:
            record = error_record(error)
        print(
            json.dumps({**record, "notice": desk.chat.report.notice}, ensure_ascii=False),
            flush=True,
        )
        if desk.done:
            break


def _turn(desk: Desk, typed: str) -> None:
    from cxr_agent.chat.commands import run_command
    from cxr_agent.cli.problems import internal_error, print_error
    from cxr_agent.cli.said import closing_lines, print_line, sentence_line
    from cxr_agent.report.model import Sentence
    from cxr_agent.trace.render import clean

    chat = desk.chat
    try:
        if typed.startswith("/"):
            for line in run_command(desk, typed):
                print_line(clean(line))
            return

        def told(sentence: Sentence) -> None:
            steps = {item.id: item.provenance.step for item in chat.run.evidence}
            print_line(sentence_line(sentence, steps))

        answer = chat.ask(typed, told)
        for line in closing_lines(answer, chat):
            print_line(line)
    except OutputError:
        raise  # what is not recorded must not go on
    except CxrAgentError as error:
        print_error(error)
    except Exception as error:
        print_error(internal_error(error))


def _print_report(chat: Chat) -> None:
    from cxr_agent.cli.said import print_line, sentence_line

    report = chat.report
    steps = {item.id: item.provenance.step for item in report.evidence}
    for title, sentences in (
        ("Clinical question", report.answer),
        ("Impression", report.impression),
    ):
        if sentences:
            print(f"\n{title}")
            for place, sentence in enumerate(sentences, 1):
                print_line(f"  {place}. {sentence_line(sentence, steps)}")
    print()


def _typed(desk: Desk) -> Iterator[str]:
    """Lines of the user, edited where there is a terminal; they end with the input."""
    from cxr_agent.cli.prompting import read_lines

    for line in read_lines(desk) if sys.stdin.isatty() else sys.stdin:
        typed = line.strip()
        if typed:
            yield typed


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "reader"
