"""What a run came to know, one typed record per evidence, with what became of it.

Evidence is plain JSON in a trace, so that old runs stay readable: what is not there, or is not of
its kind, reads as None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, overload

from cxr_agent.trace.events import EvidenceAdded, Withdrawn
from cxr_agent.trace.said import said_in

if TYPE_CHECKING:
    from cxr_agent.trace.reader import Trace

_PRESENT: Final = "present"


@dataclass(frozen=True, slots=True)
class Known:
    """One piece of evidence; the names are those of :class:`cxr_agent.evidence.Evidence`."""

    run_id: str
    id: str
    film: str | None
    kind: str | None
    code: str | None
    location: str | None
    side: str | None
    polarity: str | None
    value: float | None
    unit: str | None
    interval: tuple[float, float] | None
    interval_level: float | None
    probability: float | None
    category: str | None
    against: str | None
    reading: str
    basis: tuple[str, ...]
    """Ids of the evidence that this was concluded from."""
    step: int | None
    tool: str | None
    tool_version: str | None
    model: str | None
    weights_sha256: str | None
    image_sha256: str | None
    artifacts: Mapping[str, str] = field(repr=False)
    """Name to SHA-256 of masks and lines in the trace."""
    sentences: tuple[int, ...]
    """Numbers of the report's sentences that cite it."""
    withdrawn: str | None
    """Why it no longer counts; None while it does."""


class KnownEvidence(Sequence[Known]):
    """All evidence of a run in its order, what was withdrawn too."""

    def __init__(self, items: Iterable[Known]) -> None:
        self._items = tuple(items)

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Known: ...

    @overload
    def __getitem__(self, index: slice) -> KnownEvidence: ...

    def __getitem__(self, index: int | slice) -> Known | KnownEvidence:
        if isinstance(index, slice):
            return KnownEvidence(self._items[index])
        return self._items[index]

    def __iter__(self) -> Iterator[Known]:
        return iter(self._items)

    def __repr__(self) -> str:
        return f"<KnownEvidence: {len(self)}>"

    def get(self, identity: str) -> Known | None:
        """By its id."""
        return next((one for one in self if one.id == identity), None)

    def of(self, code: str) -> KnownEvidence:
        """What is about one code, as ``cardiothoracic_ratio``."""
        return KnownEvidence(one for one in self if one.code == code)

    def present(self, code: str) -> KnownEvidence:
        """What says that a finding is there, and counts."""
        return KnownEvidence(
            one for one in self.of(code) if one.polarity == _PRESENT and one.withdrawn is None
        )

    def to_frame(self) -> Any:
        """A pandas ``DataFrame`` with one row per evidence.

        Raises
        ------
        ConfigError
            ``pandas_missing``.
        """
        from cxr_agent.trace.table import to_frame

        return to_frame(self)


def known_in(trace: Trace) -> KnownEvidence:
    """The evidence of a run."""
    citing: dict[str, list[int]] = {}
    for sentence in said_in(trace):
        for identity in sentence.evidence:
            citing.setdefault(identity, []).append(sentence.number)
    withdrawn = {
        identity: event.reason
        for event in trace.events
        if isinstance(event, Withdrawn)
        for identity in event.evidence
    }
    return KnownEvidence(
        _known(trace.run_id, event.evidence, citing, withdrawn)
        for event in trace.events
        if isinstance(event, EvidenceAdded)
    )


def _known(
    run_id: str,
    record: Mapping[str, object],
    citing: Mapping[str, Sequence[int]],
    withdrawn: Mapping[str, str],
) -> Known:
    provenance = record.get("provenance")
    source = provenance if isinstance(provenance, dict) else {}
    artifacts = record.get("artifacts")
    identity = _text(record, "id") or ""
    step = source.get("step")
    return Known(
        run_id=run_id,
        id=identity,
        film=_text(record, "image"),
        kind=_text(record, "kind"),
        code=_text(record, "code"),
        location=_text(record, "location"),
        side=_text(record, "side"),
        polarity=_text(record, "polarity"),
        value=_number(record.get("value")),
        unit=_text(record, "unit"),
        interval=_interval(record.get("interval")),
        interval_level=_number(record.get("interval_level")),
        probability=_number(record.get("probability")),
        category=_text(record, "category"),
        against=_text(record, "against"),
        reading=_text(record, "reading") or "",
        basis=tuple(one for one in _list(record.get("basis")) if isinstance(one, str)),
        step=step if type(step) is int else None,
        tool=_text(source, "tool"),
        tool_version=_text(source, "tool_version"),
        model=_text(source, "model"),
        weights_sha256=_text(source, "weights_sha256"),
        image_sha256=_text(source, "image_sha256"),
        artifacts={
            name: value
            for name, value in (artifacts if isinstance(artifacts, dict) else {}).items()
            if isinstance(value, str)
        },
        sentences=tuple(citing.get(identity, ())),
        withdrawn=withdrawn.get(identity),
    )


def _text(record: Mapping[str, object], name: str) -> str | None:
    value = record.get(name)
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    return float(value) if type(value) in (int, float) else None  # type: ignore[arg-type]


def _interval(value: object) -> tuple[float, float] | None:
    numbers = [_number(one) for one in _list(value)]
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        return None
    return numbers[0], numbers[1]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
