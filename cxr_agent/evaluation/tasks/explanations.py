"""``explanations``: whether the maps that are laid over a film tell the truth.

Deletion and insertion against random maps and the centre, maps of a network with redrawn weights,
maps of another finding, the anatomy that they point to, and whether each phrase has its region: see
:mod:`cxr_agent.evaluation.explaining`. Where a map fails, the figures say so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from pydantic import JsonValue

from cxr_agent.evaluation.explaining.curves import Empty, film_curves
from cxr_agent.evaluation.explaining.likeness import rank_correlation
from cxr_agent.evaluation.explaining.phrases import Phrase, Source, phrases_of
from cxr_agent.evaluation.explaining.places import boxes_of, outlined_boxes, region
from cxr_agent.evaluation.explaining.pointing import pointed
from cxr_agent.evaluation.explaining.weights import blocks, maps_of, redrawn
from cxr_agent.evaluation.films import Film
from cxr_agent.evaluation.runs.model import Better, Outcome, Plot, Series, Status
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, Statistic, Tally, ratio_of
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.over_films import OverFilms
from cxr_agent.evidence import Box, Location
from cxr_agent.models.findings import Classified, FindingsModel, over_film
from cxr_agent.models.store import verified_weights
from cxr_agent.regions.places import usual_places
from cxr_agent.study import Image
from cxr_agent.trace import read_trace

_SORTS: Final = ("map", "centre", "random")
_PHRASES: Final = "phrases"
_REDRAWN: Final = "redrawn"
_ALIKE: Final = "alike"


def made(options: TaskOptions) -> Explanations:
    """The task; see :class:`Explanations`."""
    return Explanations(options)


class Explanations(OverFilms):
    """Each film read once, and the maps of all findings that the classifier offers."""

    name = "explanations"
    title = "Truth of explanations"
    question = (
        "Do the maps laid over a film show what the classifier used, and does each phrase of the "
        "report have its region?"
    )
    limits = (
        "Whether what the classifier uses is what a radiologist would: that is another question.",
        "How maps come out with a network trained on permuted labels, as Adebayo et al. test it.",
        "Maps are 8 by 8 cells: nothing smaller than an eighth of the film's side can be told.",
        "Boxes of places are those of this program where no reader outlined the film.",
    )

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        film: Film = case.data
        reading = self.reader.read(system, [film.path], traces)
        agent = self.reader.agent(system)
        image = agent.load(film.path).images[0]
        model = agent.setup.shelf.findings()
        seen = model.classify(image.pixels)
        dice = np.random.default_rng(_seed(self.options.seed, film.name))
        boxes = boxes_of(reading.report)
        if film.masks is not None:
            boxes |= outlined_boxes(film.masks())
        phrases = phrases_of(reading.report, read_trace(reading.folder).artifact, boxes)
        values: dict[str, JsonValue] = {
            _PHRASES: [one.model_dump(mode="json") for one in phrases],
            _ALIKE: _alike(model, seen),
            _REDRAWN: _redrawn(model, seen, dice),
        }
        for code in _offered(model):
            values[code] = {
                "flagged": seen.probabilities[code] >= model.label(code).present_at,
                **{empty.value: _curves(model, seen, code, dice, empty) for empty in Empty},
                **_pointing(seen, code, boxes, image),
            }
        return Answer(values, reading.trace)

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        done = [one for one in outcomes if one.status is Status.DONE]
        codes = sorted({code for one in done for code in one.values if _judged(one, code)})
        return [
            *(measure for code in codes for measure in _of_finding(code)),
            *_of_pairs(done),
            *_of_weights(done),
            *(_of_phrases(done) if done else ()),
        ]

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        done = [one for one in outcomes if one.status is Status.DONE]
        codes = sorted({code for one in done for code in one.values if _judged(one, code)})
        curves = [
            _curve_plot(code, way, done) for code in codes for way in ("deletion", "insertion")
        ]
        return [*curves, *([_weights_plot(done)] if done else [])]


def _offered(model: FindingsModel) -> list[str]:
    return [label.code for label in model.card.labels if label.offered]


def _seed(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8])


def _curves(
    model: FindingsModel, seen: Classified, code: str, dice: np.random.Generator, empty: Empty
) -> dict[str, JsonValue]:
    """Mean curves of each sort of map on one film, and their areas."""
    found = film_curves(
        seen.tile, seen.cells[code], model.scorer(code), dice, flagged=True, empty=empty
    )
    told: dict[str, JsonValue] = {}
    for sort, some in zip(_SORTS, ((found.map,), (found.centre,), found.random), strict=True):
        told[sort] = {
            "deletion_area": float(np.mean([one.faithfulness.deletion for one in some])),
            "insertion_area": float(np.mean([one.faithfulness.insertion for one in some])),
            "deletion": np.mean([one.deletion for one in some], axis=0).round(4).tolist(),
            "insertion": np.mean([one.insertion for one in some], axis=0).round(4).tolist(),
        }
    return told


def _pointing(
    seen: Classified, code: str, boxes: Mapping[Location, Box], image: Image
) -> dict[str, JsonValue]:
    """How much of the map lies where the finding usually is; nothing where that has no box."""
    anatomy = region(usual_places(code, None)[0], boxes, image.shape)
    if anatomy is None:
        return {}
    found = pointed(over_film(seen.cells[code], seen.placement), anatomy)
    return {"hit": found.hit, "energy": found.energy, "chance": found.chance}


def _alike(model: FindingsModel, seen: Classified) -> dict[str, JsonValue]:
    """Rank correlation of the maps of each two findings on the film."""
    codes = _offered(model)
    return {
        f"{one}, {other}": rank_correlation(seen.cells[one], seen.cells[other])
        for place, one in enumerate(codes)
        for other in codes[place + 1 :]
    }


def _redrawn(
    model: FindingsModel, seen: Classified, dice: np.random.Generator
) -> dict[str, JsonValue]:
    """Mean rank correlation of the maps with those of the network with more and more redrawn."""
    content = verified_weights(model.card)
    codes = [label.code for label in model.card.labels]
    every = blocks(content)
    told: dict[str, JsonValue] = {}
    for count, block in enumerate(every, 1):
        other = maps_of(redrawn(content, every[:count], dice), model.card, seen.tile[None])[0]
        told[block.name] = float(
            np.mean(
                [
                    rank_correlation(seen.cells[code], other[codes.index(code)])
                    for code in _offered(model)
                ]
            )
        )
    return told


def _at(outcome: Outcome, *names: str) -> Any:
    """What an outcome holds under some names, one in the other; None where it does not."""
    value: Any = outcome.values
    for name in names:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value


def _judged(outcome: Outcome, code: str) -> bool:
    return _at(outcome, code, "flagged") is not None


def _shown(outcome: Outcome, code: str) -> bool:
    return _at(outcome, code, "flagged") is True


def _mean(*names: str) -> Statistic:
    return _mean_by(lambda one: _at(one, *names))


def _mean_by(value: Callable[[Outcome], float | None]) -> Statistic:
    def mean(outcomes: Sequence[Outcome]) -> float | None:
        found = [number for one in outcomes if (number := value(one)) is not None]
        return float(np.mean(found)) if found else None

    return mean


def _gain(outcome: Outcome, code: str, empty: Empty, over: str) -> float | None:
    """Insertion less deletion area of the map, less that of one that knows nothing."""
    scores = []
    for sort in ("map", over):
        areas = _at(outcome, code, empty.value, sort)
        if areas is None:
            return None
        scores.append(float(areas["insertion_area"]) - float(areas["deletion_area"]))
    return scores[0] - scores[1]


def _of_finding(code: str) -> Iterator[Measure]:
    about = code.replace("_", " ")
    counted = partial(_judged, code=code)
    for sort in _SORTS:
        for area, better in (("deletion", "lower"), ("insertion", "higher")):
            yield Measure(
                f"{area} area, {sort}",
                _mean(code, Empty.GREY, sort, f"{area}_area"),
                about,
                "",
                cast("Better", better) if sort == "map" else "neither",
                counted=counted,
            )
    for empty in Empty:
        for over in ("random", "centre"):
            gain = _mean_by(partial(_gain, code=code, empty=empty, over=over))
            for films, chosen in (
                ("", counted),
                (", maps that are shown", partial(_shown, code=code)),
            ):
                yield Measure(
                    f"gain over {over} on {empty}{films}",
                    gain,
                    about,
                    "",
                    "higher",
                    counted=chosen,
                )
    yield Measure(
        "share of the map in the anatomy", _mean(code, "energy"), about, "share", "higher"
    )
    yield Measure("the same by chance", _mean(code, "chance"), about, "share")
    yield Measure("peak in the anatomy", _mean(code, "hit"), about, "share", "higher")


def _of_pairs(done: Sequence[Outcome]) -> Iterator[Measure]:
    """Maps of two findings on one film should differ."""
    pairs = dict.fromkeys(pair for one in done for pair in (_at(one, _ALIKE) or {}))
    for pair in pairs:
        yield Measure(
            "correlation of the maps of two findings",
            _mean(_ALIKE, pair),
            pair.replace("_", " "),
            "",
            "lower",
        )


def _blocks(done: Sequence[Outcome]) -> list[str]:
    return list(dict.fromkeys(name for one in done for name in (_at(one, _REDRAWN) or {})))


def _of_weights(done: Sequence[Outcome]) -> Iterator[Measure]:
    for block in _blocks(done):
        yield Measure(
            "correlation with maps of redrawn weights",
            _mean(_REDRAWN, block),
            f"down to {block.removeprefix('encoder/blocks/').removesuffix('/Conv')}",
            "",
            "lower",
        )


def _phrases(outcome: Outcome) -> list[Phrase]:
    return [Phrase.model_validate(one) for one in _at(outcome, _PHRASES) or ()]


def _of_phrases(done: Sequence[Outcome]) -> Iterator[Measure]:
    def share(of: Callable[[Phrase], bool], test: Callable[[Phrase], bool]) -> Statistic:
        def tally(outcome: Outcome) -> Tally:
            found = [one for one in _phrases(outcome) if of(one)]
            return sum(map(test, found)), len(found)

        return ratio_of(tally)

    def overlaps(source: Source) -> Statistic:
        def tally(outcome: Outcome) -> Tally:
            found = [
                one.overlap
                for one in _phrases(outcome)
                if one.source == source and one.overlap is not None
            ]
            return sum(found), len(found)

        return ratio_of(tally)

    yield Measure(
        "phrases with a region", share(lambda _: True, _has_region), unit="share", better="higher"
    )
    yield Measure(
        "the same of what is, or may be, there",
        share(lambda one: one.asserted, _has_region),
        unit="share",
        better="higher",
    )
    yield Measure("overlap of boxes with the named place", overlaps("box"), better="higher")
    yield Measure("overlap of maps with the named place", overlaps("map"), better="higher")
    yield Measure(
        "regions apart from the named place",
        share(lambda one: one.overlap is not None, lambda one: one.overlap == 0),
        unit="share",
        better="lower",
    )


def _has_region(phrase: Phrase) -> bool:
    return phrase.source != "none"


def _curve_plot(code: str, way: str, done: Sequence[Outcome]) -> Plot:
    def line(sort: str) -> Series:
        curves = [
            curve for one in done if (curve := _at(one, code, Empty.GREY, sort, way)) is not None
        ]
        mean = np.mean(curves, axis=0)
        return Series(
            name=sort, x=tuple(np.linspace(0, 1, len(mean)).tolist()), y=tuple(mean.tolist())
        )

    return Plot(
        title=f"{way.capitalize()}: {code.replace('_', ' ')}",
        x_label=f"share of the film that is {'taken' if way == 'deletion' else 'shown'}",
        y_label="score",
        series=tuple(map(line, _SORTS)),
    )


def _weights_plot(done: Sequence[Outcome]) -> Plot:
    names = _blocks(done)
    means = [_mean(_REDRAWN, name)(done) or 0.0 for name in names]
    return Plot(
        title="Maps of a network with redrawn weights",
        x_label="blocks that are redrawn, from the output down",
        y_label="rank correlation with its own maps",
        series=(
            Series(
                name="all findings", x=tuple(map(float, range(len(names) + 1))), y=(1.0, *means)
            ),
        ),
    )
