"""Checks of what a tool must leave alone: the network, and who the patient is."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from cxr_agent.testing.checks.outcome import Broken
from cxr_agent.testing.checks.scene import Bank, phantom

_CALLS: Final = ("connect", "connect_ex", "sendto", "bind")
_IDENTIFYING: Final = {
    "a path": re.compile(r"(?:^|[\s\"'])(?:~|[A-Za-z]:)?[/\\][\w.-]+[/\\]"),
    "a UID": re.compile(r"\b[0-2](?:\.\d+){4,}\b"),
    "a date": re.compile(r"\b(?:19|20)\d\d-?[01]\d-?[0-3]\d\b"),
    "a long number": re.compile(r"(?<![\d.])\d{7,}(?![\d.])"),
    "an e-mail address": re.compile(r"\b[\w.]+@[\w.]+\b"),
}


def no_network(bank: Bank) -> None:
    """A call opens no connection and asks for no address."""
    film = phantom()
    with _watched() as asked:
        bank.trial(film)
    if asked:
        raise Broken(f"it uses the network: {asked[0]}")


@contextmanager
def _watched() -> Iterator[list[str]]:
    """The network of this process closed; what is asked of it is listed."""
    asked: list[str] = []

    def refusing(name: str) -> Any:
        def refuse(*_: Any, **__: Any) -> None:
            asked.append(name)
            raise OSError("a tool may not use the network")

        return refuse

    lookup, kind = socket.getaddrinfo, socket.socket
    refused = {name: refusing(f"socket.{name}") for name in _CALLS}
    socket.getaddrinfo = refusing("socket.getaddrinfo")
    socket.socket = type("socket", (kind,), refused)  # type: ignore[misc, assignment]
    try:
        yield asked
    finally:
        socket.getaddrinfo, socket.socket = lookup, kind  # type: ignore[misc]


def no_identifier(bank: Bank) -> None:
    """Nothing in a result looks like a path, a UID, a date or a number of a patient."""
    answer = bank.trial(phantom()).answered()
    # As the tool gives it: what is recorded of it was masked.
    texts = [*_texts(answer.result.model_dump(mode="json"))]
    texts += [text for _, text in answer.statements]
    texts += [text for one, _ in answer.statements for text in (one.quote, one.threshold_source)]
    texts += [*answer.result.pictures, *answer.result.masks]
    for text in texts:
        for what, pattern in _IDENTIFYING.items():
            if pattern.search(text):
                raise Broken(f"its result holds {what}: {text[:60]!r}")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (str(name) for name in value)
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
