"""``cxr-agent eval ms-cxr``: where the phrases of reports point to."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_agent.errors import UnsuitableFilm, UsageError
from cxr_agent.evaluation.runs.model import Outcome, Plot, Status
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, mean_of, number, share_of
from cxr_agent.evaluation.suites.grounding import (
    IOU_LEVELS,
    Heat,
    Pointed,
    contrast,
    point,
    random_box,
    rescaled,
    standard_places,
    united_iou,
)
from cxr_agent.evaluation.suites.ms_cxr import Phrase, read
from cxr_agent.evaluation.suites.question import limited
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.asking import QUESTION_ONLY, RANDOM, programs
from cxr_agent.evaluation.tasks.reader import FilmReader, Reading
from cxr_agent.evidence import Box, Location
from cxr_agent.report.scene_graph import scene_graphs
from cxr_agent.toolbox.artifacts import saliency_name
from cxr_agent.trace import read_artifact

_UNKNOWN: Final = (
    "Whether the finding of a phrase is seen at all: the task takes for granted that it is there.",
    "How a phrase is grounded whose words the rules do not read: such phrases are not answered.",
)


class PhraseGrounding:
    """The program points by its outlines and maps; ``question-only`` points by the phrase alone, on
    a film as films usually are, and ``random`` anywhere.

    Raises
    ------
    InputError
        ``not_a_benchmark``, ``bad_question``.
    UsageError
        ``nothing_to_evaluate``, ``no_model``.
    """

    name = "ms-cxr"
    title = "MS-CXR phrase grounding"
    question = "Does it find the place on the film that a phrase of a report is about?"
    unknown = _UNKNOWN

    def __init__(self, options: TaskOptions) -> None:
        self._options = options
        self._reader = FilmReader(options)
        self._planners = programs(self._reader)
        self._phrases = limited(read(options.data, options.films), options.limit, options.seed)
        if not self._phrases:
            raise UsageError(
                "nothing_to_evaluate", "the data set has no phrase", hint="docs/benchmarks.md"
            )

    @property
    def systems(self) -> Sequence[str]:
        return (*self._planners, QUESTION_ONLY, RANDOM)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {**self._reader.settings, "limit": self._options.limit}

    def cases(self) -> Sequence[Case]:
        return [
            Case(one.name, one.group, f"{one.text}\n{one.boxes}\n{one.shape}", one)
            for one in self._phrases
        ]

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        phrase: Phrase = case.data
        if system == RANDOM:
            box = random_box(phrase.name, self._options.seed, phrase.shape)
            return Answer(_values(phrase, Pointed((box,), "random"), phrase.shape))
        if system == QUESTION_ONLY:
            places = standard_places(phrase.shape)
            pointed = point(phrase.text, places, lambda _: None, phrase.shape)
            return Answer(_values(phrase, pointed, phrase.shape))
        try:
            reading = self._reader.read(self._planners[system], [phrase.film], traces)
        except UnsuitableFilm as refusal:
            return Answer(_values(phrase, Pointed(why=refusal.code), phrase.shape))
        (film,) = (one for one in reading.report.films if not one.handle.startswith("prior-"))
        shape = (film.rows, film.columns)
        pointed = point(phrase.text, _places(reading), _maps(reading), shape)
        return Answer(_values(phrase, pointed, shape), reading.trace)

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        """What is not answered has an IoU of 0."""
        found = [
            Measure("mIoU", mean_of("iou"), "all", better="higher"),
            *(
                Measure(f"IoU at {level:g}", share_of(_reaches(level)), "all", better="higher")
                for level in IOU_LEVELS
            ),
            Measure("answered", share_of(_answered), "all", better="higher"),
            Measure("mIoU of answered", mean_of("iou"), "all", better="higher", counted=_answered),
            Measure("CNR", mean_of("cnr"), "with a map", better="higher", counted=_mapped),
        ]
        done = [one for one in outcomes if one.status is Status.DONE]
        categories = sorted({str(one.values["category"]) for one in done} - {""})
        return found + [
            Measure("mIoU", mean_of("iou"), category, better="higher", counted=_in(category))
            for category in categories
        ]

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        return ()

    def close(self) -> None:
        self._reader.close()


def made(options: TaskOptions) -> PhraseGrounding:
    """The task, as the command line asks for it."""
    return PhraseGrounding(options)


def _values(phrase: Phrase, pointed: Pointed, shape: tuple[int, int]) -> dict[str, Any]:
    true = rescaled(phrase.boxes, phrase.shape, shape)
    cnr = None if pointed.heat is None else contrast(pointed.heat, true, shape)
    return {
        "category": phrase.category,
        "answered": bool(pointed.boxes),
        "why": pointed.why,
        "iou": united_iou(pointed.boxes, true, shape) if pointed.boxes else 0.0,
        "cnr": cnr,
        "boxes": [list(box) for box in pointed.boxes],
    }


def _places(reading: Reading) -> dict[Location, Box]:
    graph = scene_graphs(reading.report)[0]
    return {
        one.bbox_name: (one.original_x1, one.original_y1, one.original_x2, one.original_y2)
        for one in graph.objects
    }


def _maps(reading: Reading) -> Callable[[str], Heat | None]:
    """The maps that the reading's classifier left in the trace."""

    def map_of(code: str) -> Heat | None:
        name = saliency_name(code)
        for item in reading.report.evidence:
            if not item.of_prior and item.code == code and name in item.artifacts:
                return _plane(read_artifact(reading.folder, item.artifacts[name]))
        return None

    return map_of


def _plane(png: bytes) -> Heat:
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
        return np.asarray(picture.convert("L"), dtype=np.float64) / 255


def _answered(outcome: Outcome) -> bool:
    return outcome.values.get("answered") is True


def _mapped(outcome: Outcome) -> bool:
    return outcome.values.get("cnr") is not None


def _reaches(level: float) -> Callable[[Outcome], bool]:
    return lambda outcome: (number(outcome, "iou") or 0.0) >= level


def _in(category: str) -> Callable[[Outcome], bool]:
    return lambda outcome: outcome.values.get("category") == category
