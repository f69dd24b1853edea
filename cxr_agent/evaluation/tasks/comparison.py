"""``comparison``: is a change between two films told, told rightly, and not made up.

Pairs are drawn (``--data phantoms:N``), so that the change is known exactly, or are consecutive
dated films of one patient in a data set, where labels and a reader's ratio say what changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import JsonValue

from cxr_agent.errors import UsageError
from cxr_agent.evaluation.films import Film, films_of
from cxr_agent.evaluation.runs.model import Better, Outcome, Plot
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, Statistic
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.film_task import place_of
from cxr_agent.evaluation.tasks.reader import FilmReader, measurements_of
from cxr_agent.evidence import Change, EvidenceKind
from cxr_agent.imaging import DecodedFilm
from cxr_agent.knowledge import threshold
from cxr_agent.report.model import Report
from cxr_agent.study import AgeGroup, Image, Study, View
from cxr_agent.testing.phantom import PhantomSpec, draw, random_spec

NO_CHANGE: Final = "no-change"
DIFFERENCE: Final = "two-readings"
NOT_TOLD: Final = "not_told"
_PHANTOMS: Final = "phantoms:"
_MOST_PHANTOMS: Final = 10_000
_SIDE: Final = 512
_CTR: Final = "cardiothoracic_ratio"
_SIGNS: Final = {1: Change.WORSENED, 0: Change.NO_CHANGE, -1: Change.IMPROVED}
"""Of a measurement, worsened is larger and improved is smaller."""


@dataclass(frozen=True, slots=True)
class _Pair:
    name: str
    patient: str
    truth: Mapping[str, str]
    """Category of change by finding or measurement."""
    films: tuple[Film, Film] | None = None
    """Current and prior, where they are files."""
    drawn: tuple[PhantomSpec, PhantomSpec] | None = None
    """Current and prior, where they are to be drawn."""


def made(options: TaskOptions) -> Comparison:
    """The task; see :class:`Comparison`."""
    return Comparison(options)


@dataclass(slots=True, eq=False)
class Comparison:
    """Each pair read with its prior; beside it ``no-change``, which never tells of one, and
    ``two-readings``, which takes any difference between two separate readings for a change."""

    options: TaskOptions
    name: str = "comparison"
    title: str = "Comparison with a prior film"
    question: str = "Is a change told, with the right sign, and none told where there is none?"
    _reader: FilmReader = field(init=False)
    _pairs: Sequence[_Pair] = field(init=False)

    def __post_init__(self) -> None:
        self._reader = FilmReader(self.options)
        text = str(self.options.data)
        if text.startswith(_PHANTOMS):
            self._pairs = _drawn(text, self.options.seed)
        else:
            pairs = sorted(
                _dated(self.options), key=lambda one: place_of(one.name, self.options.seed)
            )
            self._pairs = pairs[: self.options.limit]
        if not self._pairs:
            raise UsageError(
                "nothing_to_evaluate",
                "the data set has no two dated films of one patient with labels",
                hint="Give --data phantoms:40 for pairs with a known change.",
            )

    @property
    def unknown(self) -> Sequence[str]:
        limit = threshold("repeat_cardiothoracic_ratio").value
        lines = [
            f"Changes of the cardiothoracic ratio below its repeatability of {limit:g} are called "
            "no change on purpose, and count so here.",
        ]
        if str(self.options.data).startswith(_PHANTOMS):
            lines.append("The pairs are drawn: real films of a patient differ in more than this.")
        else:
            lines.append("Labels of two dates are two opinions; nobody read both films together.")
        return lines

    @property
    def systems(self) -> Sequence[str]:
        return (*self._reader.systems, DIFFERENCE, NO_CHANGE)

    @property
    def settings(self) -> Mapping[str, Any]:
        data = str(self.options.data)
        drawn_ones = data if data.startswith(_PHANTOMS) else self.options.data.name
        return {**self._reader.settings, "data": drawn_ones, "limit": self.options.limit}

    def cases(self) -> Sequence[Case]:
        return [Case(pair.name, pair.patient, data=pair) for pair in self._pairs]

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        pair: _Pair = case.data
        truth: dict[str, JsonValue] = dict(pair.truth)
        if system == NO_CHANGE:
            return Answer({"truth": truth, "told": dict.fromkeys(truth, str(Change.NO_CHANGE))})
        if system == DIFFERENCE:
            told, trace = self._by_two_readings(pair, traces)
            return Answer({"truth": truth, "told": told}, trace)
        reading = self._reader.read_study(system, self._study(pair), traces)
        return Answer({"truth": truth, "told": _told(reading.report)}, reading.trace)

    def _study(self, pair: _Pair, *, only: int | None = None) -> Study:
        """Both films, or one of them as a study of its own."""
        if pair.drawn is not None:
            films = [_drawn_film(one) for one in pair.drawn]
            if only is not None:
                return Study((_image(films[only], "img-1"),))
            return Study((_image(films[0], "img-1"),), (_image(films[1], "prior-1"),))
        assert pair.films is not None
        agent = self._reader.agent(self._reader.systems[0])
        if only is not None:
            return _with_views(agent.load(pair.films[only].path), [pair.films[only]], [])
        current, prior = pair.films
        study = agent.load(current.path, priors=prior.path)
        return _with_views(study, [current], [prior])

    def _by_two_readings(self, pair: _Pair, traces: Path) -> tuple[dict[str, JsonValue], str]:
        planner = self._reader.systems[0]
        now, before = (
            self._reader.read_study(planner, self._study(pair, only=which), traces)
            for which in (0, 1)
        )
        ratios = [measurements_of(one.report).get(_CTR) for one in (now, before)]
        values = [one["value"] for one in ratios if isinstance(one, dict)]
        if len(values) < 2:
            return {}, now.trace
        sign = int(np.sign(float(str(values[0])) - float(str(values[1]))))
        return {_CTR: str(_SIGNS[sign])}, now.trace

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        codes = sorted({code for one in outcomes for code in _words(one, "truth")})
        found = []
        for code in codes:
            good: list[tuple[str, Statistic]] = [
                ("told", _share_told(code)),
                ("right of all", _share_right(code, told_only=False)),
                ("right where told", _share_right(code, told_only=True)),
                ("changes told with the right sign", _found(code)),
            ]
            bad = [
                ("change told where there is none", _made_up(code)),
                ("change told with the wrong sign", _reversed(code)),
            ]
            better: Better = "higher"
            for some, better in ((good, "higher"), (bad, "lower")):
                found += [
                    Measure(
                        name,
                        statistic,
                        about=code.replace("_", " "),
                        unit="share",
                        better=better,
                        counted=lambda one, code=code: code in _words(one, "truth"),  # type: ignore[misc]
                    )
                    for name, statistic in some
                ]
        return sorted(found, key=lambda one: one.name)

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        return ()

    def close(self) -> None:
        self._reader.close()


def _told(report: Report) -> dict[str, JsonValue]:
    """The category of each comparison of the whole film; that of one side or zone is no answer."""
    return {
        item.code: str(item.category)
        for item in report.evidence
        if item.kind is EvidenceKind.COMPARISON and item.side is None
    }


def _drawn(text: str, seed: int) -> tuple[_Pair, ...]:
    count = text.removeprefix(_PHANTOMS)
    if not count.isdecimal() or not 0 < int(count) <= _MOST_PHANTOMS:
        raise UsageError(
            "bad_phantoms", "--data phantoms:N takes a number of pairs", hint="phantoms:40"
        )
    return tuple(_drawn_pair(number, seed) for number in range(int(count)))


def _drawn_pair(number: int, seed: int) -> _Pair:
    """Two of three pairs have another heart, the third is the same chest exposed again."""
    rng = np.random.default_rng((seed, number))
    ratio, other = (float(rng.uniform(0.38, 0.64)) for _ in "ab")
    prior = replace(
        random_spec(rng),
        cardiothoracic_ratio=ratio,
        spine_shift=0.0,
        tilt_deg=float(rng.normal(0, 1.5)),
    )
    current = replace(
        prior,
        cardiothoracic_ratio=ratio if number % 3 == 2 else other,
        exposure=float(np.exp(rng.normal(0, 0.2))),
        tilt_deg=float(rng.normal(0, 1.5)),
    )
    delta = current.cardiothoracic_ratio - prior.cardiothoracic_ratio
    name = f"pair-{number}"
    return _Pair(name, name, {_CTR: _category(delta)}, drawn=(current, prior))


def _drawn_film(spec: PhantomSpec) -> DecodedFilm:
    pixels = np.ascontiguousarray(draw(spec, _SIDE).pixels, dtype=np.float32)
    pixels.setflags(write=False)
    # A prior of unknown projection is not held against another's size.
    return DecodedFilm(pixels, View.PA, "header", AgeGroup.ADULT)


def _image(film: DecodedFilm, handle: str) -> Image:
    return Image(handle, film.pixels, film.sha256, film.view, film.view_source, film.age_group)


def _category(delta: float) -> str:
    limit = threshold("repeat_cardiothoracic_ratio").value
    return str(_SIGNS[0 if abs(delta) <= limit else int(np.sign(delta))])


def _with_views(study: Study, current: Sequence[Film], priors: Sequence[Film]) -> Study:
    """The study with the projections that the set tells of and the files do not."""

    def known(images: Sequence[Image], films: Sequence[Film]) -> tuple[Image, ...]:
        return tuple(
            replace(image, view=film.view, view_source="data set")
            if image.view is View.UNKNOWN
            else image
            for image, film in zip(images, films, strict=True)
        )

    return replace(study, images=known(study.images, current), priors=known(study.priors, priors))


def _dated(options: TaskOptions) -> Iterator[_Pair]:
    by_patient: dict[str, list[Film]] = {}
    for film in films_of(options.data, options.films).films:
        if film.days is not None:
            by_patient.setdefault(film.patient, []).append(film)
    for patient, films in sorted(by_patient.items()):
        ordered = sorted(films, key=lambda one: (one.days or 0, one.name))
        for prior, current in pairwise(ordered):
            truth = _truth(prior, current)
            if truth and prior.days != current.days:
                yield _Pair(current.name, patient, truth, films=(current, prior))


def _truth(prior: Film, current: Film) -> dict[str, str]:
    truth = {}
    if prior.ctr is not None and current.ctr is not None:
        truth[_CTR] = _category(current.ctr - prior.ctr)
    for code, now in current.labels.items():
        before = prior.labels.get(code)
        if now is None or before is None or (now and before):
            continue  # there on both: whether there is more of it no label tells
        change = Change.NEW if now else Change.RESOLVED if before else Change.NO_CHANGE
        truth[code] = str(change)
    return truth


def _words(outcome: Outcome, key: str) -> dict[str, str]:
    value = outcome.values.get(key)
    return {k: str(v) for k, v in value.items()} if isinstance(value, dict) else {}


def _pairs(outcomes: Sequence[Outcome], code: str) -> list[tuple[str, str]]:
    """(truth, told) of each."""
    return [
        (_words(one, "truth")[code], _words(one, "told").get(code, NOT_TOLD))
        for one in outcomes
        if code in _words(one, "truth")
    ]


def _share(wanted: Sequence[bool]) -> float | None:
    return sum(wanted) / len(wanted) if wanted else None


def _share_told(code: str) -> Statistic:
    return lambda outcomes: _share([told != NOT_TOLD for _, told in _pairs(outcomes, code)])


def _share_right(code: str, *, told_only: bool) -> Statistic:
    def share(outcomes: Sequence[Outcome]) -> float | None:
        pairs = _pairs(outcomes, code)
        return _share([a == b for a, b in pairs if not told_only or b != NOT_TOLD])

    return share


def _found(code: str) -> Statistic:
    changed = Change.NO_CHANGE
    return lambda outcomes: _share([a == b for a, b in _pairs(outcomes, code) if a != changed])


def _made_up(code: str) -> Statistic:
    def share(outcomes: Sequence[Outcome]) -> float | None:
        still = [told for truth, told in _pairs(outcomes, code) if truth == Change.NO_CHANGE]
        return _share([told not in (NOT_TOLD, Change.NO_CHANGE) for told in still])

    return share


def _reversed(code: str) -> Statistic:
    def share(outcomes: Sequence[Outcome]) -> float | None:
        changed = [(a, b) for a, b in _pairs(outcomes, code) if a != Change.NO_CHANGE]
        return _share([b not in (a, NOT_TOLD, Change.NO_CHANGE) for a, b in changed])

    return share
