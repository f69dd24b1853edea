"""Whether each phrase of a report has its region, and whether it is the one that it names.

After UAR (Li et al., "Unify, Align and Refine: Multi-Level Semantic Alignment for Radiology Report
Generation", ICCV 2023), which learns to align regions and words; here the report says itself which
region a phrase rests on, and what is measured is whether that is true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from cxr_agent.evaluation.explaining.places import BoolMask, boxes_of, filled, overlap, region
from cxr_agent.evaluation.explaining.pointing import HOT_FROM
from cxr_agent.evaluation.metrics.means import Mean, mean_over
from cxr_agent.evaluation.metrics.shares import Share, share
from cxr_agent.evidence import Box, Evidence, EvidenceKind, Location, Polarity
from cxr_agent.prose import read_sentence
from cxr_agent.regions.places import usual_places
from cxr_agent.report.model import Report, Sentence
from cxr_agent.report.render._drawings import read_lines
from cxr_agent.toolbox.artifacts import LINES, saliency_name

Source = Literal["box", "lines", "map", "none"]
"""What the phrase's region is: a box of its evidence, the box around the lines that were measured,
the upper half of its map, or nothing."""
_SOURCES: Final[tuple[Source, ...]] = ("box", "lines", "map", "none")
Named = Literal["words", "evidence", "usual"]
"""How the place is known: named in the sentence, given by the evidence, or where the finding
usually is."""
_ABOUT_FILM: Final = (EvidenceKind.FINDING, EvidenceKind.MEASUREMENT)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Phrase(_Part):
    """One sentence of Findings or Impression that says something of the film."""

    text: str
    codes: tuple[str, ...]
    """Of the findings and measurements that it rests on."""
    asserted: bool
    """It says that something is, or may be, there: what is not there has no region of its own."""
    source: Source
    places: tuple[Location, ...]
    named: Named | None
    overlap: float | None = None
    """Intersection over union of region and place; None where one of them is missing."""
    inside: float | None = None
    """Share of the region that lies within the place."""


class PhraseAlignment(_Part):
    """All phrases of some reports."""

    reports: int
    phrases: int
    with_region: Share
    asserted_with_region: Share
    """Of the sentences that say that something is, or may be, there."""
    by_source: dict[Source, int]
    overlap_of_boxes: Mean
    overlap_of_maps: Mean
    inside_of_maps: Mean
    apart: Share
    """Regions that do not meet the place at all, of those that can be held against one."""
    without_region: dict[str, int]
    """What phrases without a region are about, by code of their evidence."""


Artifact = Callable[[str], bytes]
"""A file of the reading's trace by its SHA-256."""


def phrases_of(
    report: Report, artifact: Artifact, boxes: Mapping[Location, Box] | None = None
) -> tuple[Phrase, ...]:
    """The phrases of a report on one film.

    Parameters
    ----------
    artifact
        Gives maps and measured lines.
    boxes
        Of places, (left, top, right, bottom) in film pixels, by a reader; without them those of
        the report itself, against which a box out of the report is always right.
    """
    film = report.films[0]
    shape = (film.rows, film.columns)
    known = boxes_of(report) if boxes is None else boxes
    found = []
    for sentence in dict.fromkeys((*report.findings, *report.impression)):
        cited = [report.cited(identity) for identity in sentence.evidence]
        about = [item for item in cited if item.kind in _ABOUT_FILM and not item.of_prior]
        if not about:
            continue
        source, own = _region(about, shape, artifact)
        places, named = _place(sentence, about)
        place = region(places, known, shape)
        phrase = Phrase(
            text=sentence.text,
            codes=tuple(dict.fromkeys(item.code for item in about)),
            asserted=any(item.polarity is not Polarity.ABSENT for item in about),
            source=source,
            places=tuple(places),
            named=named,
        )
        if own is not None and place is not None:
            inside = float((own & place).sum() / own.sum())
            phrase = phrase.model_copy(update={"overlap": overlap(own, place), "inside": inside})
        found.append(phrase)
    return tuple(found)


def _region(
    about: Sequence[Evidence], shape: tuple[int, int], artifact: Artifact
) -> tuple[Source, BoolMask | None]:
    boxes = [item.box for item in about if item.box is not None]
    if boxes:
        plane = np.zeros(shape, dtype=np.bool_)
        for box in boxes:
            plane |= filled(box, shape)
        return "box", plane
    for item in about:
        if LINES in item.artifacts:
            return "lines", _around_lines(artifact(item.artifacts[LINES]), shape)
    for item in about:
        sha256 = item.artifacts.get(saliency_name(item.code))
        if sha256 is not None:
            return "map", _hot(artifact(sha256), shape)
    return "none", None


def _around_lines(data: bytes, shape: tuple[int, int]) -> BoolMask:
    """The box around all lines, over the film."""
    points = [point for line in read_lines(data, *shape) for point in line.points]
    across, down = zip(*points, strict=True)
    return filled(
        (int(min(across)), int(min(down)), int(max(across)) + 1, int(max(down)) + 1), shape
    )


def _hot(data: bytes, shape: tuple[int, int]) -> BoolMask:
    """The upper half of a map, over the film."""
    import io

    from PIL import Image

    rows, columns = shape
    with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
        wide = picture.convert("L").resize((columns, rows), Image.Resampling.BILINEAR)
    values = np.asarray(wide) / 255
    hot: BoolMask = values >= min(HOT_FROM, float(values.max()))
    return hot


def _place(sentence: Sentence, about: Sequence[Evidence]) -> tuple[list[Location], Named | None]:
    claims = read_sentence(sentence.text).claims
    told = [place for claim in claims for place in claim.locations]
    if told:
        return list(dict.fromkeys(told)), "words"
    given = [item.location for item in about if item.location is not None]
    if given:
        return list(dict.fromkeys(given)), "evidence"
    usual = [
        place
        for item in about
        if item.kind is EvidenceKind.FINDING
        for place in usual_places(item.code, item.side)[0]
    ]
    return list(dict.fromkeys(usual)), "usual" if usual else None


def alignment(reports: Iterable[Sequence[Phrase]]) -> PhraseAlignment:
    """Put the phrases of several reports together."""
    every = list(reports)
    phrases = [phrase for report in every for phrase in report]
    asserted = [one for one in phrases if one.asserted]
    held = [one for one in phrases if one.overlap is not None]
    return PhraseAlignment(
        reports=len(every),
        phrases=len(phrases),
        with_region=_with_region(phrases),
        asserted_with_region=_with_region(asserted),
        by_source={source: sum(one.source == source for one in phrases) for source in _SOURCES},
        overlap_of_boxes=mean_over([one.overlap or 0.0 for one in held if one.source == "box"]),
        overlap_of_maps=mean_over([one.overlap or 0.0 for one in held if one.source == "map"]),
        inside_of_maps=mean_over([one.inside or 0.0 for one in held if one.source == "map"]),
        apart=share(sum(one.overlap == 0 for one in held), len(held)),
        without_region=dict(
            Counter(code for one in phrases if one.source == "none" for code in one.codes)
        ),
    )


def _with_region(phrases: Sequence[Phrase]) -> Share:
    return share(sum(one.source != "none" for one in phrases), len(phrases))
