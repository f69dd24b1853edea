"""What a page needs of a run: its lines, and the files that they name, each once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from cxr_agent.errors import TraceError
from cxr_agent.report.render.drawn import Drawn, Film, OverlayError, draw, film_picture
from cxr_agent.trace import (
    Corrected,
    Event,
    EvidenceAdded,
    ImageRecord,
    Line,
    ModelCalled,
    ReportIssued,
    RunFinished,
    StudyLoaded,
    ToolCalled,
    ToolReturned,
)
from cxr_agent.trace.line import digest
from cxr_agent.viewing.harmless import harmless
from cxr_agent.viewing.reports import read_report

Artifact = Callable[[str], bytes]
"""From a SHA-256 to the bytes of the file in the trace; may raise TraceError."""
Data = dict[str, Any]

_MOST_PICTURES: Final = 48 * 2**20
"""Characters of pictures on one page; what is beyond is named and not shown."""
_MOST_TEXTS: Final = 16 * 2**20
_LONGEST_TEXT: Final = 256 * 2**10
_ID: Final = 16


class Gathering:
    """Gathers a run piece by piece; what was given once is not given again.

    Parameters
    ----------
    artifact
        Gives the files of the run.
    """

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._records: dict[str, ImageRecord] = {}
        self._shown: dict[str, Film | None] = {}
        """Films by the hash of their display copy."""
        self._film_of: dict[int, str] = {}
        """Step to the film that its tool was called on."""
        self._drawn: dict[tuple[str, str, str], str | None] = {}
        """(film, name, SHA-256) to the overlay; None where it cannot be shown."""
        self._colours = 0
        self._given: set[str] = set()
        self._room = {"pictures": _MOST_PICTURES, "texts": _MOST_TEXTS}
        self._out = _empty()

    def skip(self, lines: Iterable[Line]) -> None:
        """Take in lines that the page has already."""
        for line in lines:
            self._note(line.event)

    def take(self, lines: Iterable[Line], start: int = 0) -> Data:
        """What the page has to be given for these lines; ``start`` is the place of the first."""
        self._out = _empty()
        for place, line in enumerate(lines, start):
            self._note(line.event)
            self._out["lines"].append(harmless(line.model_dump(mode="json")))
            self._files(line.event, place)
        return self._out

    def _note(self, event: Event) -> None:
        match event:
            case StudyLoaded():
                self._records |= {record.handle: record for record in event.images}
            case ToolCalled():
                film = self._film(event.arguments)
                if film is not None:
                    self._film_of[event.step] = film

    def _film(self, arguments: Mapping[str, object]) -> str | None:
        named = (arguments.get("film"), *arguments.values())
        return next((v for v in named if isinstance(v, str) and v in self._records), None)

    def _files(self, event: Event, place: int) -> None:
        match event:
            case StudyLoaded():
                for record in event.images:
                    self._put_film(record, place)
            case ToolReturned():
                self._put_overlays(self._film_of.get(event.step), event.artifacts, place)
            case EvidenceAdded():
                evidence = event.evidence
                artifacts = evidence.get("artifacts")
                if isinstance(artifacts, dict):
                    self._put_overlays(evidence.get("image"), artifacts, place)
            case Corrected():
                self._put_overlays(event.film, event.artifacts, place)
            case ModelCalled():
                for kept in (event.sent, event.received):
                    if kept is not None:
                        self._put_text(kept, place)
            case ReportIssued(report_sha256=sha256) | RunFinished(report_sha256=str() as sha256):
                self._put_report(sha256, place)

    def _put_film(self, record: ImageRecord, place: int) -> None:
        film = self._film_shown(record, place)
        self._out["films"][harmless(record.handle)] = {
            **harmless(record.model_dump(mode="json")),
            "picture": self._keep(film.uri, place, record.handle) if film else None,
            "lossy": film.lossy if film else False,
        }

    def _film_shown(self, record: ImageRecord, place: int) -> Film | None:
        if record.display not in self._shown:
            self._shown[record.display] = None
            data = self._read(record.display, record.handle, place)
            if data is not None:
                try:
                    self._shown[record.display] = film_picture(data)
                except OverlayError as fault:
                    self._fault(place, record.handle, str(fault))
        return self._shown[record.display]

    def _put_overlays(self, handle: object, artifacts: Mapping[str, object], place: int) -> None:
        found = [
            self._overlay(handle, name, sha256, place)
            for name, sha256 in artifacts.items()
            if isinstance(sha256, str)
        ]
        kept = [identity for identity in found if identity is not None]
        if kept:
            self._out["drawn"][str(place)] = kept

    def _overlay(self, handle: object, name: str, sha256: str, place: int) -> str | None:
        if not isinstance(handle, str) or handle not in self._records:
            self._fault(place, name, "the trace does not tell its film")
            return None
        key = (handle, name, sha256)
        if key not in self._drawn:
            self._drawn[key] = None
            self._drawn[key] = self._draw(key, place)
        return self._drawn[key]

    def _draw(self, key: tuple[str, str, str], place: int) -> str | None:
        handle, name, sha256 = key
        record = self._records[handle]
        film = self._film_shown(record, place)
        data = self._read(sha256, name, place)
        if data is None or film is None:
            return None
        try:
            made = draw(name, data, (record.rows, record.columns), film.size, self._colours)
        except OverlayError as fault:
            self._fault(place, name, str(fault))
            return None
        self._colours += made.kind == "mask"
        # Named by what it is, so that a page which is given it twice holds it once.
        identity = digest("\n".join(key).encode())[:_ID]
        self._out["overlays"][identity] = {
            "film": harmless(handle),
            "name": harmless(name),
            "sha256": sha256,
            **self._pictured(made, place, name),
        }
        return identity

    def _pictured(self, made: Drawn, place: int, name: str) -> Data:
        return {
            "kind": made.kind,
            "colour": made.colour,
            "fill": self._keep(made.fill, place, name) if made.fill else None,
            "edge": self._keep(made.edge, place, name) if made.edge else None,
            "lines": [{"label": line.label, "points": line.points} for line in made.lines],
        }

    def _keep(self, uri: str, place: int, what: str) -> str | None:
        """The id of a picture on the page."""
        identity = digest(uri.encode())[:_ID]
        if identity in self._given:
            return identity
        if not self._fits("pictures", len(uri)):
            self._fault(place, what, "the page holds as many pictures as it may")
            return None
        self._given.add(identity)
        self._out["pictures"][identity] = uri
        return identity

    def _put_text(self, sha256: str, place: int) -> None:
        if sha256 in self._given:
            return
        data = self._read(sha256, "exchange with a language model", place)
        if data is None:
            return
        text = data[:_LONGEST_TEXT].decode("utf-8", "replace")
        if not self._fits("texts", len(text)):
            self._fault(place, "exchange", "the page holds as many texts as it may")
            return
        self._given.add(sha256)
        cut = len(data) > _LONGEST_TEXT
        self._out["texts"][sha256] = {"text": harmless(_readable(text, cut)), "cut": cut}

    def _put_report(self, sha256: str, place: int) -> None:
        if sha256 in self._given:
            return
        data = self._read(sha256, "report", place)
        if data is None:
            return
        report = read_report(data)
        if report is None:
            self._fault(place, "report", "it is not one that this program reads")
            return
        self._given.add(sha256)
        self._out["reports"][sha256] = harmless(report)

    def _fits(self, what: str, size: int) -> bool:
        if size > self._room[what]:
            return False
        self._room[what] -= size
        return True

    def _read(self, sha256: str, what: str, place: int) -> bytes | None:
        try:
            return self._artifact(sha256)
        except TraceError as error:
            self._fault(place, what, error.code.replace("_", " "))
            return None

    def _fault(self, place: int, what: str, why: str) -> None:
        self._out["faults"].append({"line": place, "what": harmless(what), "why": why})


def _empty() -> Data:
    return {
        "lines": [],
        "films": {},
        "drawn": {},
        "overlays": {},
        "pictures": {},
        "texts": {},
        "reports": {},
        "faults": [],
    }


def _readable(text: str, cut: bool) -> str:
    """JSON over several lines where it is whole; anything else as it stands."""
    if cut:
        return text
    try:
        return json.dumps(json.loads(text), indent=1, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
