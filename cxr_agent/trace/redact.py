"""A run without what may say who, when or where: its events and its artifacts, to be passed on.

What is not known to be harmless is masked: a field or a kind of file that this module has never
heard of goes through the mask or stays here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cxr_agent.errors import TraceError
from cxr_agent.trace.events import (
    EVENT,
    Asked,
    Corrected,
    Event,
    ModelCalled,
    ReportIssued,
    RunFinished,
    StudyLoaded,
    artifacts_of,
)
from cxr_agent.trace.line import digest
from cxr_agent.trace.plain_files import coloured, is_png, plain_png, plain_svg
from cxr_agent.trace.reader import Trace


@dataclass(frozen=True, slots=True)
class Keeping:
    """What may be passed on."""

    placeholder: str
    """Stands for what may not, as ``[masked]``."""
    typed: Callable[[str], str]
    """What is kept of a text that a person typed or that is quoted."""
    stated: Callable[[str], str]
    """What is kept of a sentence of the program: it may have been worded by a language model."""
    film: Callable[[bytes], bytes] | None
    """A picture of a film as it may go, from PNG to PNG, or ValueError; None where none may."""


_TYPED: Final = frozenset(("history", "indication", "quote", "who", "why"))
"""Fields that hold a person's words, wherever they stand."""
_NAMES: Final = frozenset((
    "action", "against", "arguments", "basis", "category", "code", "codes", "decision", "device",
    "evidence", "film", "gate", "handle", "heading", "id", "image", "intent", "kind", "language",
    "location", "model", "notices", "outcome", "planner", "polarity", "prior",
    "program_version", "projection", "prompt_id", "purpose", "rationale", "reason", "reasons",
    "rule", "section", "severity", "side", "spacing_kind", "status", "subjects", "target", "tool",
    "tool_version", "tools", "type", "unit", "versions", "view", "view_source", "weights_sha256",
    "worded_by",
))  # fmt: skip
"""Fields whose values the program chose out of its own, as far as they look like it."""
_NAME: Final = re.compile(r"[A-Za-z0-9][\w.:+-]{0,127}(?:/[\w.:+-]{1,127})?(?: \d[\w.]{0,15})?")
"""One word, with its provider before it or its version behind it; never a path."""
_CODE: Final = re.compile(
    r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?: \d{1,4}(?:\.\d{1,4}){0,2})?|(?:img|prior)-\d{1,2}|e\d{1,5}"
)
"""What stands alone as a code, a tool with its version, a handle or an id of evidence."""
_KEY: Final = re.compile(r"[a-z][a-z0-9_.:-]{0,63}")
"""Names of fields, libraries and artifacts."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class Redactor:
    """Takes what may identify out of one run."""

    def __init__(self, trace: Trace, keeping: Keeping, run_id: str) -> None:
        self._trace = trace
        self._keeping = keeping
        self._run_id = run_id
        """What the run is called from here on."""
        self._renamed: dict[str, str] = {}
        """SHA-256 of each artifact to that of what takes its place."""
        self.replaced: set[str] = set()
        """What a placeholder took the place of."""

    def artifacts(self) -> dict[str, bytes]:
        """SHA-256 to content of every artifact that the redacted events name; call it first.

        Raises
        ------
        TraceError
            As :meth:`Trace.artifact`.
        """
        made: dict[str, bytes] = {}
        reports = []
        for event in self._trace.events:
            for what, sha256 in artifacts_of(event):
                if isinstance(event, RunFinished | ReportIssued):
                    reports.append((what, sha256))  # names the others, so these go first
                elif sha256 not in self._renamed:
                    data = self._file(event, self._trace.artifact(sha256))
                    # Tools and films name theirs; exchanges are named by this program alone.
                    shown = what if isinstance(event, ModelCalled) else self._leaf(what)
                    self._keep(made, shown, sha256, data)
        for what, sha256 in reports:
            self._keep(made, what, sha256, self._document(self._trace.artifact(sha256)))
        return made

    def event(self, event: Event) -> Event:
        """The event as it may be passed on."""
        record = self._object(event.model_dump(mode="json"))
        match event:
            case StudyLoaded():
                # The hash of a text that can be guessed gives it away.
                record["indication_sha256"] = None
            case Asked():
                record["text"] = None if event.text is None else self._typed(event.text)
                record["sha256"] = digest((record["text"] or self._keeping.placeholder).encode())
            case Corrected():
                record["who"] = self._keeping.placeholder
            case _:
                pass
        try:
            return EVENT.validate_python(record)
        except ValueError as error:
            # Not shown: it would quote the event.
            raise TraceError(
                "trace_not_shareable",
                f"a {event.type} event of run {self._trace.run_id} holds a name that may not go",
                hint="export it with --privacy full, if it may be shared as it is",
            ) from error

    def _keep(self, made: dict[str, bytes], what: str, sha256: str, data: bytes | None) -> None:
        if data is None:
            self.replaced.add(what)
            data = json.dumps(self._keeping.placeholder).encode() + b"\n"
        self._renamed[sha256] = digest(data)
        made[digest(data)] = data

    def _file(self, event: Event, data: bytes) -> bytes | None:
        """A file as it may go; None where it may not."""
        film = self._keeping.film
        if film is None or isinstance(event, ModelCalled):
            return None
        try:
            if is_png(data):
                shows_film = isinstance(event, StudyLoaded) or coloured(data)
                return plain_png(film(data) if shows_film else data)
            return plain_svg(data, self._leaf)
        except ValueError:
            return None

    def _document(self, data: bytes) -> bytes | None:
        try:
            report = json.loads(data)
        except (ValueError, RecursionError):
            return None
        if not isinstance(report, dict):
            return None
        return json.dumps(self._object(report), indent=2, ensure_ascii=False).encode()

    def _object(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {self._key(key): self._value(key, value) for key, value in values.items()}

    def _value(self, key: str, value: Any) -> Any:
        match value:
            case dict():
                # Names of libraries and weights say nothing; what else is nested speaks for itself.
                return {
                    self._key(name): self._value(key if key == "versions" else name, item)
                    for name, item in value.items()
                }
            case list():
                return [self._value(key, item) for item in value]
            case str():
                return self._string(key, value)
            case _:
                return value

    def _string(self, key: str, text: str) -> str | None:
        if key == "run_id":
            return self._run_id
        if key == "trace":
            return None
        if key in _TYPED:
            return self._typed(text)
        if key in _NAMES and _NAME.fullmatch(text):
            return text
        return self._leaf(text)

    def _key(self, name: str) -> str:
        return name if _KEY.fullmatch(name) else self._keeping.stated(name)

    def _typed(self, text: str) -> str:
        return self._keeping.typed(text) if text else text

    def _leaf(self, text: str) -> str:
        if _SHA256.fullmatch(text):
            return self._renamed.get(text, text)
        return text if not text or _CODE.fullmatch(text) else self._keeping.stated(text)
