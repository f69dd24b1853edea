"""What can be typed after a slash. A command's docstring is its help."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cxr_agent.chat import corrections
from cxr_agent.chat.chat import Chat
from cxr_agent.chat.files import write_report
from cxr_agent.chat.opening import add_prior
from cxr_agent.chat.origin import origin_of
from cxr_agent.chat.sessions import Session, keep_session
from cxr_agent.chat.sources import calls_for, tool_for
from cxr_agent.errors import UsageError
from cxr_agent.evidence import Evidence, Polarity, Side
from cxr_agent.knowledge import measurements, structures, thresholds_changed, vocabulary
from cxr_agent.language import LanguageModel, configured_model
from cxr_agent.planning.queue import Queue
from cxr_agent.questions import understand
from cxr_agent.reading import Agent
from cxr_agent.report.render import to_text
from cxr_agent.toolbox.mask_files import read_mask
from cxr_agent.toolbox.registry import lacking
from cxr_agent.trace import read_trace
from cxr_agent.trace.render import to_text as trace_to_text


@dataclass(slots=True)
class Desk:
    """What commands work on."""

    agent: Agent
    chat: Chat
    reader: str
    """Who corrects."""
    session: Session | None = None
    done: bool = field(default=False)
    """Whether the user wants to leave."""


Lines = Iterator[str]


@dataclass(frozen=True, slots=True)
class Command:
    """One command; the docstring of what it runs is its help."""

    usage: str
    """What comes behind its name."""
    run: Callable[[Desk, list[str]], Lines]

    @property
    def help(self) -> str:
        return " ".join(str(inspect.getdoc(self.run)).split())


_SIDES: Final = {side.value: side for side in (Side.RIGHT, Side.LEFT, Side.BILATERAL)}


def run_command(desk: Desk, typed: str) -> Lines:
    """Run one command.

    Parameters
    ----------
    typed
        With its slash.

    Raises
    ------
    UsageError
        ``unknown_command``, ``command_arguments``, and those of the command.
    """
    try:
        name, *words = shlex.split(typed[1:])
    except ValueError:
        name, *words = typed[1:].split() or [""]
    command = COMMANDS.get(name)
    if command is None:
        raise UsageError(
            "unknown_command", f"there is no command /{name[:30]}", hint="/help lists them."
        )
    yield from command.run(desk, words)


def help_lines() -> Lines:
    """All commands with what they do."""
    for name, command in COMMANDS.items():
        yield f"/{name} {command.usage}".rstrip()
        yield f"    {command.help}"


def completions(desk: Desk, typed: str) -> list[str]:
    """What the last word of a line may be completed to."""
    *before, last = typed.split(" ")
    if not before:
        return [f"/{name} " for name in COMMANDS if f"/{name}".startswith(last)]
    return sorted(word for word in _choices(desk, before[0][1:]) if word.startswith(last))


def _choices(desk: Desk, command: str) -> list[str]:
    run = desk.chat.run
    ids = [item.id for item in run.evidence]
    tools = [spec.name for spec in run.setup.registry]
    match command:
        case "evidence" | "why":
            return ids
        case "overlay":
            return [*ids, *{item.code for item in run.evidence}]
        case "measure":
            return list(measurements())
        case "redo":
            return ["without", *tools]
        case "correct":
            findings = [code for code, term in vocabulary().items() if term.kind == "finding"]
            movable = corrections.movable_landmarks()
            return ["mask", "landmark", "finding", *structures(), *findings, *movable]
        case "help":
            return list(COMMANDS)
        case _:
            return []


def _evidence(desk: Desk, words: list[str]) -> Lines:
    """All evidence that counts, or everything about one piece of it."""
    items = desk.chat.run.evidence
    if not words:
        yield from (f"{item.id:>4} s{item.provenance.step:<3} {item.reading}" for item in items)
        return
    for identity in words:
        yield from _told(_known(desk, identity))


def _why(desk: Desk, words: list[str]) -> Lines:
    """What a sentence of report or answer rests on."""
    text = " ".join(words)
    wanted = [item.id for item in desk.chat.run.evidence if item.id in words]
    if not wanted:
        wanted = [
            identity
            for sentence in desk.chat.report.sentences()
            if text and text.lower() in sentence.text.lower()
            for identity in sentence.evidence
        ]
    if not wanted:
        about = understand(text).subjects
        wanted = [item.id for item in desk.chat.run.evidence if item.code in about]
    if not wanted:
        raise UsageError(
            "nothing_to_explain",
            "no sentence holds these words",
            hint="Give words of a sentence, or an id as e12.",
        )
    for identity in dict.fromkeys(wanted):
        found = desk.chat.evidence(identity)
        if found is not None:
            yield from _told(found)


def _trace(desk: Desk, words: list[str]) -> Lines:
    """The steps of this run so far."""
    trace = read_trace(desk.chat.run.trace.directory)
    yield from trace_to_text(trace, full="full" in words).splitlines()[:-1]


def _tools(desk: Desk, words: list[str]) -> Lines:
    """The tools of this session and what they are for."""
    for spec in desk.chat.run.setup.registry:
        missing = "" if not lacking(spec) else "  (not available)"
        yield f"{spec.name} {spec.version}: {spec.purpose}{missing}"


def _overlay(desk: Desk, words: list[str]) -> Lines:
    """Draw evidence over its film and say where the picture is; without words, all there is."""
    run = desk.chat.run
    named = {name for word in words for name in _structures(word)}
    chosen = tuple(
        item.id for item in run.evidence if not words or item.id in named or item.code in named
    )
    pictures = desk.chat.overlays(chosen)
    if not pictures:
        raise UsageError(
            "nothing_to_draw", "nothing of that can be drawn", hint="/evidence lists what is known."
        )
    yield from map(str, pictures)


def _prior(desk: Desk, words: list[str]) -> Lines:
    """Take in an earlier film of the same patient; without FILE, list those there are."""
    run = desk.chat.run
    if not words:
        for film in run.study.priors:
            age = f", {film.days_before} days before" if film.days_before is not None else ""
            yield f"{film.handle}: view {film.view.value}{age}"
        if not run.study.priors:
            yield "There is no prior. /prior FILE takes one in."
        return
    path = Path(words[0])
    handle = add_prior(desk.agent, desk.chat, path, desk.session)
    if desk.session is not None:
        session = desk.session
        desk.session = keep_session(
            session.name, session.run, session.films, (*session.priors, path), new=False
        )
    yield from (f"{item.id:>4} {item.reading}" for item in run.evidence if item.image == handle)


def _measure(desk: Desk, words: list[str]) -> Lines:
    """Measure something that was not measured yet, or tell what was."""
    run = desk.chat.run
    known = {n: one.code for one in measurements().values() for n in (one.id, one.code)}
    if not words or any(word not in known for word in words):
        raise UsageError(
            "unknown_measurement",
            "name what is to be measured",
            hint="One of: " + ", ".join(measurements()),
        )
    codes = [known[word] for word in words]
    calls = tuple(calls_for(run, codes))
    if calls:
        with thresholds_changed(run.setup.changed):
            run.gather(Queue(calls))
    tools = {tool_for(code) for code in codes}
    found = [item for item in run.evidence if item.provenance.tool in tools]
    if not found:
        yield "No tool of this session measures that."
    yield from (f"{item.id:>4} s{item.provenance.step:<3} {item.reading}" for item in found)


def _correct(desk: Desk, words: list[str]) -> Lines:
    """Put something right; a polarity is present, absent or uncertain. What depended on it is done
    again. Put @img-2 or @prior-1 first for another film than img-1."""
    film = words.pop(0)[1:] if words and words[0].startswith("@") else "img-1"
    run, who = desk.chat.run, desk.reader
    match words:
        case ["mask", structure, path, *why]:
            plane = read_mask(Path(path))
            done = corrections.correct_mask(run, film, structure, plane, who=who, why=" ".join(why))
        case ["landmark", name, place, *why]:
            done = corrections.correct_landmark(
                run, film, name, _point(place), who=who, why=" ".join(why)
            )
        case ["finding", code, side, polarity, *why] if side in _SIDES:
            done = corrections.correct_finding(
                run, film, code, _polarity(polarity), side=_SIDES[side], who=who, why=" ".join(why)
            )
        case ["finding", code, polarity, *why]:
            done = corrections.correct_finding(
                run, film, code, _polarity(polarity), who=who, why=" ".join(why)
            )
        case _:
            raise _arguments("correct")
    yield from _corrected(done)


def _redo(desk: Desk, words: list[str]) -> Lines:
    """Run a tool again, or go on as if it had said nothing."""
    run = desk.chat.run
    match words:
        case ["without", tool]:
            yield from _corrected(corrections.leave_out(run, tool))
        case [tool]:
            yield from _corrected(corrections.redo(run, tool, run.study.images[0].handle))
        case [tool, film]:
            yield from _corrected(corrections.redo(run, tool, film))
        case _:
            raise _arguments("redo")


def _report(desk: Desk, words: list[str]) -> Lines:
    """The report as it stands."""
    yield from to_text(desk.chat.report).splitlines()


def _save(desk: Desk, words: list[str]) -> Lines:
    """Write the report: .html, .md, .json or .txt."""
    if len(words) != 1:
        raise _arguments("save")
    write_report(desk.chat, Path(words[0]))
    yield f"Written: {words[0]}"


def _model(desk: Desk, words: list[str]) -> Lines:
    """Who words answers from now on; without a name, who does."""
    chat = desk.chat
    if words:
        given = chat.run.setup.model
        settings = configured_model(words[0], given.settings.api_base if given else None)
        chat.model = LanguageModel(settings) if settings is not None else None
    yield f"Answers are worded by {chat.model.name if chat.model else 'rules'}."


def _cost(desk: Desk, words: list[str]) -> Lines:
    """Tokens and money that language models took in this session."""
    run = desk.chat.run
    yield f"{run.tokens} tokens, {run.cost:.4f} US dollars where the price is known."


def _help(desk: Desk, words: list[str]) -> Lines:
    """This list."""
    yield from help_lines()
    yield "Anything else is a question about the film."


def _quit(desk: Desk, words: list[str]) -> Lines:
    """Leave; `cxr-agent chat --continue` goes on."""
    desk.done = True
    yield from ()


COMMANDS: Final = {
    "evidence": Command("[ID]", _evidence),
    "why": Command("SENTENCE or ID", _why),
    "trace": Command("[full]", _trace),
    "tools": Command("", _tools),
    "overlay": Command("[ID, CODE or structure ...]", _overlay),
    "prior": Command("[FILE]", _prior),
    "measure": Command("NAME ...", _measure),
    "correct": Command(
        "mask STRUCTURE FILE WHY | landmark NAME X,Y WHY | finding CODE [SIDE] POLARITY WHY",
        _correct,
    ),
    "redo": Command("TOOL [FILM] | without TOOL", _redo),
    "report": Command("", _report),
    "save": Command("FILE", _save),
    "model": Command("[PROVIDER/NAME or none]", _model),
    "cost": Command("", _cost),
    "help": Command("", _help),
    "quit": Command("", _quit),
}


def _known(desk: Desk, identity: str) -> Evidence:
    item = desk.chat.evidence(identity)
    if item is None:
        raise UsageError(
            "unknown_evidence",
            f"there is no evidence {identity[:20]!r} that counts",
            hint="/evidence lists it.",
        )
    return item


def _told(item: Evidence) -> Lines:
    yield f"{item.id}: {item.reading}"
    yield from (f"     {line}" for line in origin_of(item))


def _corrected(done: corrections.Correction) -> Lines:
    if done.repeated:
        yield f"Run again: {', '.join(done.repeated)}"
    if done.withdrawn:
        yield f"No longer counts: {', '.join(done.withdrawn)}"
    yield from (f"{item.id:>4} s{item.provenance.step:<3} {item.reading}" for item in done.added)


def _structures(word: str) -> Sequence[str]:
    if word in structures() or word in vocabulary():
        return (word,)
    subjects: list[str] = [word]
    for subject in understand(word).subjects:
        subjects += ("right_lung", "left_lung") if subject == "lungs" else (subject,)
    return subjects


def _point(text: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise _arguments("correct") from None
    return x, y


def _polarity(text: str) -> Polarity:
    try:
        return Polarity(text)
    except ValueError:
        raise _arguments("correct") from None


def _arguments(command: str) -> UsageError:
    usage = COMMANDS[command].usage
    return UsageError(
        "command_arguments", f"/{command} was not understood", hint=f"/{command} {usage}"
    )
