"""``cxr-agent eval imagenome``: what changed where, between two films of a patient."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import UnsuitableFilm, UsageError
from cxr_agent.evaluation.runs.model import Outcome, Plot, Status
from cxr_agent.evaluation.runs.task import Answer, Case, Measure
from cxr_agent.evaluation.suites.changes import changes_of
from cxr_agent.evaluation.suites.imagenome import CHANGES, Gold, Pair, read
from cxr_agent.evaluation.suites.question import limited
from cxr_agent.evaluation.suites.text_scores import macro_f1
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.asking import RANDOM, programs
from cxr_agent.evaluation.tasks.reader import FilmReader

NO_CHANGE: Final = "no-change"
_NOT_TOLD: Final = (
    "Whether a change was told of the right finding: places are compared, as people marked them.",
    "Changes at places that nobody marked.",
    "How it does on pairs whose films are not there.",
)


class LocatedChanges:
    """Each pair read with its prior; beside it ``no-change``, which never looks and never tells of
    a change, and ``random``.

    Raises
    ------
    InputError
        ``not_a_benchmark``, ``bad_question``.
    UsageError
        ``nothing_to_evaluate``, ``no_model``.
    """

    name = "imagenome"
    title = "Chest ImaGenome, changes by place"
    question = "Does it tell what improved, worsened or stayed, place by place?"

    def __init__(self, options: TaskOptions) -> None:
        self._options = options
        self._reader = FilmReader(options)
        self._planners = programs(self._reader)
        self._gold: Gold = read(options.data, options.films)
        if not self._gold.pairs:
            raise UsageError(
                "nothing_to_evaluate",
                "no pair of the data set has its films",
                hint="Give the folder of MIMIC-CXR-JPG with --films.",
            )
        self._pairs = limited(self._gold.pairs, options.limit, options.seed)

    @property
    def unknown(self) -> Sequence[str]:
        left = self._gold.left_out.items()
        return (*(f"Left out: {n} ({why.replace('_', ' ')})." for why, n in left), *_NOT_TOLD)

    @property
    def systems(self) -> Sequence[str]:
        return (*self._planners, NO_CHANGE, RANDOM)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {
            **self._reader.settings,
            "left_out": dict(self._gold.left_out),
            "limit": self._options.limit,
        }

    def cases(self) -> Sequence[Case]:
        return [Case(one.name, one.group, str(dict(one.changes)), one) for one in self._pairs]

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        pair: Pair = case.data
        if system == NO_CHANGE:
            return _told(pair, dict.fromkeys(pair.changes, "no change"))
        if system == RANDOM:
            draw = random.Random(f"{self._options.seed} {pair.name}")
            return _told(pair, {place: draw.choice(CHANGES) for place in pair.changes})
        try:
            reading = self._reader.read(
                self._planners[system], [pair.current], traces, priors=[pair.previous]
            )
        except UnsuitableFilm as refusal:
            return _told(pair, {}, refusal.code)
        return _told(pair, changes_of(reading.report), trace=reading.trace)

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        """Over places; one at which nothing was told counts as wrong."""
        done = [one for one in outcomes if one.status is Status.DONE]
        places = sorted({place for place, _, _ in _places(done)})
        return [
            Measure("accuracy", _accuracy(), "all places", better="higher"),
            Measure("accuracy of answered", _accuracy(told=True), "all places", better="higher"),
            Measure("answered", _answered, "all places", better="higher"),
            Measure("macro F1", _macro, "all places", better="higher"),
            *(
                Measure("accuracy", _accuracy(place), place, better="higher", counted=_has(place))
                for place in places
            ),
        ]

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        return ()

    def close(self) -> None:
        self._reader.close()


def made(options: TaskOptions) -> LocatedChanges:
    """The task, as the command line asks for it."""
    return LocatedChanges(options)


def _told(pair: Pair, said: Mapping[str, str], why: str = "", trace: str = "") -> Answer:
    places: list[Any] = [[place, true, said.get(place)] for place, true in pair.changes.items()]
    return Answer({"places": places, "why": why}, trace)


def _places(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, str, str | None]]:
    for outcome in outcomes:
        listed = outcome.values.get("places")
        for one in listed if isinstance(listed, list) else ():
            assert isinstance(one, list)
            place, true, said = one
            yield str(place), str(true), None if said is None else str(said)


def _accuracy(
    wanted: str | None = None, *, told: bool = False
) -> Callable[[Sequence[Outcome]], float | None]:
    def accuracy(outcomes: Sequence[Outcome]) -> float | None:
        hits = [
            true == said
            for place, true, said in _places(outcomes)
            if wanted in (None, place) and not (told and said is None)
        ]
        return sum(hits) / len(hits) if hits else None

    return accuracy


def _answered(outcomes: Sequence[Outcome]) -> float | None:
    told = [said is not None for _, _, said in _places(outcomes)]
    return sum(told) / len(told) if told else None


def _macro(outcomes: Sequence[Outcome]) -> float | None:
    return macro_f1([(true, said) for _, true, said in _places(outcomes)])


def _has(place: str) -> Callable[[Outcome], bool]:
    return lambda outcome: any(name == place for name, _, _ in _places([outcome]))
