"""Lines from a terminal: edited, remembered, completed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from cxr_agent.chat.commands import completions
from cxr_agent.reading.places import state_folder

if TYPE_CHECKING:
    from cxr_agent.chat.commands import Desk

_WITH_FILES = ("/prior", "/save", "/correct")


class _Commands(Completer):
    """Commands, what they take, and files where they take one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._paths = PathCompleter(expanduser=True)

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        typed = document.text_before_cursor
        if not typed.startswith("/"):
            return
        last = typed.rpartition(" ")[2]
        for word in completions(self._desk, typed):
            yield Completion(word, start_position=-len(last))
        if typed.split(" ")[0] in _WITH_FILES and " " in typed:
            inner = Document(last, len(last))
            yield from self._paths.get_completions(inner, complete_event)


def read_lines(desk: Desk) -> Iterator[str]:
    """What the user types, line by line; Ctrl-C empties the line, Ctrl-D ends it all."""
    session: PromptSession[str] = PromptSession(
        history=_history(), completer=_Commands(desk), complete_while_typing=False
    )
    while True:
        try:
            yield session.prompt("cxr> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def _history() -> History:
    """Of this user alone; where it cannot be kept, of this session."""
    folder = state_folder()
    file = folder / "history"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(Path(file)))
