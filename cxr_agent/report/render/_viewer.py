"""What the film viewer of the HTML report shows: per film its picture and what lies over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.report.model import FilmSummary, Report
from cxr_agent.report.render._artifacts import Artifact, fetched
from cxr_agent.report.render._drawings import Line, OverlayError, Point, read_lines
from cxr_agent.report.render._heatmaps import heatmap_picture
from cxr_agent.report.render._palette import OTHER_COLOURS, STRUCTURE_COLOURS, rgb
from cxr_agent.report.render._pictures import (
    PNG_MAGIC,
    Film,
    MaskPictures,
    film_picture,
    mask_pictures,
)
from cxr_agent.report.render._wording import Words

_SCALE_MM: Final = 50


@dataclass(frozen=True, slots=True)
class Overlay:
    """Something drawn over a film that can be switched off."""

    key: str
    label: str
    evidence: tuple[str, ...]
    """Ids that light it up; the first is the one that made it."""
    value: str = ""


@dataclass(frozen=True, slots=True)
class MaskOverlay(Overlay):
    """A mask in its colour."""

    colour: str = ""
    pictures: MaskPictures = field(default_factory=lambda: MaskPictures("", ""))


@dataclass(frozen=True, slots=True)
class LineOverlay(Overlay):
    """The lines that one measurement was made on."""

    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class HeatOverlay(Overlay):
    """What a classifier used for one finding; ``value`` is its probability. Off at first."""

    picture: str = ""
    score: str = ""


@dataclass(frozen=True, slots=True)
class Viewer:
    """One film with all that is drawn over it."""

    key: str
    film: FilmSummary
    picture: Film | None
    masks: tuple[MaskOverlay, ...]
    lines: tuple[LineOverlay, ...]
    maps: tuple[HeatOverlay, ...]
    boxes: tuple[Evidence, ...]
    evidence: tuple[Evidence, ...]
    """All evidence about this film."""
    faults: tuple[str, ...]
    """What could not be shown, and why."""

    @property
    def tick(self) -> float:
        """Length of the strokes at a line's ends, in film pixels."""
        return max(self.film.rows, self.film.columns) / 40

    @property
    def scale_share(self) -> float | None:
        """Length of 5 cm as a share of the film's width; None without a spacing."""
        if self.film.spacing_mm is None:
            return None
        share = _SCALE_MM / (self.film.spacing_mm[1] * self.film.columns)
        return share if share < 0.5 else None

    def label_at(self, line: Line) -> Point:
        """Where a line's label goes, as percentages of the film's width and height.

        In the middle; for a line across much of the film near its left end, where it does not
        meet the labels of shorter lines.
        """
        columns = [x for x, _ in line.points]
        x, y = line.middle
        reach = max(columns) - min(columns)
        if reach > self.film.columns / 2:
            x = min(columns) + reach / 6
        return 100 * x / self.film.columns, 100 * y / self.film.rows


def viewers(report: Report, artifact: Artifact) -> tuple[Viewer, ...]:
    """One viewer per film, current films first.

    A file that is missing, damaged or not made for its film is left out and named in
    ``faults``: the text of a report has to stay readable without its pictures.
    """
    say = Words(report.language)
    films = sorted(report.films, key=say.is_prior)
    return tuple(
        _Builder(report, film, f"f{place}", artifact, say).build()
        for place, film in enumerate(films, start=1)
    )


class _Builder:
    """Gathers one viewer; the state is the list of faults and the colours not yet used."""

    def __init__(
        self, report: Report, film: FilmSummary, key: str, artifact: Artifact, say: Words
    ) -> None:
        self._say = say
        self._film = film
        self._key = key
        self._artifact = artifact
        self._evidence = tuple(item for item in report.evidence if item.image == film.handle)
        self._faults: list[str] = []
        self._spare = iter(OTHER_COLOURS * 16)

    def build(self) -> Viewer:
        picture = self._picture()
        overlays = [
            self._overlay(digest, name, owners, picture, f"{self._key}-{place}")
            for place, ((name, digest), owners) in enumerate(self._files().items(), start=1)
        ]
        return Viewer(
            self._key,
            self._film,
            picture,
            tuple(overlay for overlay in overlays if isinstance(overlay, MaskOverlay)),
            tuple(overlay for overlay in overlays if isinstance(overlay, LineOverlay)),
            tuple(overlay for overlay in overlays if isinstance(overlay, HeatOverlay)),
            tuple(item for item in self._evidence if item.box is not None),
            self._evidence,
            tuple(self._faults),
        )

    def _picture(self) -> Film | None:
        data = self._read(self._film.display, "the film")
        if data is None:
            return None
        try:
            return film_picture(data)
        except OverlayError as fault:
            self._faults.append(f"the film: {fault}")
            return None

    def _files(self) -> dict[tuple[str, str], list[Evidence]]:
        """Every artifact once, by name and digest, with the evidence that it belongs to.

        Two findings may have equal maps, and each needs its own switch. What a comparison drew is
        a picture of its own and lies over no film.
        """
        files: dict[tuple[str, str], list[Evidence]] = {}
        for item in self._evidence:
            if item.kind is EvidenceKind.COMPARISON:
                continue
            for named in item.artifacts.items():
                files.setdefault(named, []).append(item)
        return files

    def _overlay(
        self, digest: str, name: str, owners: list[Evidence], picture: Film | None, key: str
    ) -> Overlay | None:
        from cxr_agent.toolbox.artifacts import saliency_name

        first = owners[0]
        label = self._say.outline(name) or self._say.what(first)
        is_map = name == saliency_name(first.code)
        told = f"the map of {label}" if is_map else label
        data = self._read(digest, told)
        if data is None or picture is None:
            return None
        shape = (self._film.rows, self._film.columns)
        evidence = tuple(item.id for item in owners)
        try:
            if is_map:
                coloured, score = heatmap_picture(data, shape), self._say.map_score(first)
                return HeatOverlay(key, label, evidence, self._say.verdict(first), coloured, score)
            if not data.startswith(PNG_MAGIC):
                return LineOverlay(
                    key, label, evidence, self._say.rounded(first), read_lines(data, *shape)
                )
            colour = STRUCTURE_COLOURS.get(name) or next(self._spare)
            pictures = mask_pictures(data, shape, picture.size, rgb(colour))
            return MaskOverlay(key, label, tuple(self._lit_by(owners)), "", colour, pictures)
        except OverlayError as fault:
            self._faults.append(f"{told}: {fault}")
            return None

    def _lit_by(self, owners: list[Evidence]) -> Iterator[str]:
        """Evidence that made a mask, then what is stated about the very same place."""
        yield from (item.id for item in owners)
        places = {item.location for item in owners if item.kind is EvidenceKind.REGION}
        made = {item.id for item in owners}
        for item in self._evidence:
            if item.location is not None and item.location in places and item.id not in made:
                yield item.id

    def _read(self, digest: str, label: str) -> bytes | None:
        try:
            return fetched(self._artifact, digest)
        except OverlayError as fault:
            self._faults.append(f"{label}: {fault}")
            return None
