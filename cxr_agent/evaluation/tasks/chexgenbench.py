"""``chexgenbench``: fidelity, privacy and utility of a folder of synthetic films.

``--data`` holds ``real/`` and ``synthetic/``; ``training/``, the films that the maker of the
synthetic ones learnt from (``real/`` where it is not there), and ``holdout/``, real films that it
never saw, without which nothing is said of privacy. Each may have a table of films, which says what
they show or are meant to show. See :mod:`cxr_agent.evaluation.suites.chexgenbench`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from cxr_agent.errors import UsageError
from cxr_agent.evaluation.runs.model import Better, Outcome, Plot, Status
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, Statistic, mean_of
from cxr_agent.evaluation.suites.chexgenbench.fidelity import (
    Fidelity,
    Points,
    fidelity,
    neighbourhoods,
)
from cxr_agent.evaluation.suites.chexgenbench.files import FilmSight, films_in
from cxr_agent.evaluation.suites.chexgenbench.privacy import nearest
from cxr_agent.evaluation.suites.chexgenbench.utility import Learnt, learnt
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.film_task import content_of, drawn
from cxr_agent.imaging import Decoder
from cxr_agent.models.card import LabelCard
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf

REAL: Final = "real"
SYNTHETIC: Final = "synthetic"
TRAINING: Final = "training"
HOLDOUT: Final = "holdout"
_NEEDED: Final = (REAL, SYNTHETIC)
_FEWEST: Final = 2
_SYSTEM: Final = "cxr-agent"


def made(options: TaskOptions) -> CheXGenBench:
    """The task; see :class:`CheXGenBench`."""
    return CheXGenBench(options)


class CheXGenBench:
    """Each film becomes a point once; the measures are of the sets.

    Raises
    ------
    UsageError
        ``not_a_genbench``: a folder is missing.
    InputError
        As :func:`~cxr_agent.evaluation.suites.chexgenbench.files.films_in`.
    """

    name = "chexgenbench"
    title = "Synthetic films: fidelity, privacy, utility"
    question = "Are the synthetic films like real ones, copies of none, and of use?"
    unknown = (
        "Whether a radiologist would take them for real ones.",
        "How they compare with published figures: distances are those of this embedding.",
        "What a network trained on them would be worth: the probe is linear, on the embedding.",
        "Whether patients can be found again who are not in the training films given here.",
        "Copying, from the share that is nearer to training films than to the hold-out alone: "
        "films that are like no real one may share one neighbour (drawn chests came to 0.79).",
    )
    systems: Sequence[str] = (_SYSTEM,)

    def __init__(self, options: TaskOptions) -> None:
        self.options = options
        for name in _NEEDED:
            if not (options.data / name).is_dir():
                raise UsageError(
                    "not_a_genbench",
                    f"there is no folder {name} in what --data names",
                    hint="It holds real and synthetic, and may hold training and holdout.",
                )
        self._shelf = Shelf(Runtime.shared(options.device))
        self._decoder = Decoder()
        self._sight = FilmSight(self._shelf, self._decoder)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {
            "seed": self.options.seed,
            "limit": self.options.limit,
            "weights": {
                name: (self._shelf.weights_sha256(name) or "")[:16]
                for name in ("embedding", "findings")
            },
        }

    def cases(self) -> Sequence[Case]:
        """The films of all folders; the limit is of each."""
        return [
            Case(
                f"{name}/{film.name}",
                f"{name}/{film.patient}",
                content_of(film, sorted(film.labels.items())),
                (name, film),
            )
            for name in (*_NEEDED, TRAINING, HOLDOUT)
            if (self.options.data / name).is_dir()
            for film in drawn(films_in(self.options.data / name), self.options)
        ]

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        name, film = case.data
        seen = self._sight.see(film.path)
        values: dict[str, JsonValue] = {
            "set": name,
            "point": list(seen.point),
            "strangeness": seen.strangeness,
            "probabilities": dict(seen.probabilities),
            "labels": {code: there for code, there in film.labels.items() if there is not None},
        }
        return Answer(values)

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        sets = _Sets([one for one in outcomes if one.status is Status.DONE])
        if min(len(sets.films[REAL]), len(sets.films[SYNTHETIC])) < _FEWEST:
            return ()
        labels = [one for one in self._shelf.findings().card.labels if one.offered]
        return [
            *_fidelity(sets, self.options.seed),
            *_privacy(sets, self.options.seed),
            *_shown(sets, labels),
            *_learnt(sets, self.options.seed),
        ]

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        return ()

    def close(self) -> None:
        self._decoder.close()


class _Sets:
    """The films by folder, as points."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        names = (REAL, SYNTHETIC, TRAINING, HOLDOUT)
        self.films = {name: [one for one in outcomes if _is_in(name, one)] for name in names}

    def points(self, name: str) -> Points:
        """(N, D)."""
        return np.array([one.values["point"] for one in self.films[name]], dtype=np.float64)

    def each(self, name: str, values: NDArray[Any]) -> Statistic:
        """The mean of a number that each film of a set has, over those that are drawn."""
        known = dict(zip((one.case for one in self.films[name]), map(float, values), strict=True))

        def mean(drawn: Sequence[Outcome]) -> float | None:
            found = [known[one.case] for one in drawn]
            return sum(found) / len(found) if found else None

        return mean

    def whole(self, value: float | None) -> Statistic:
        """A number of the sets as they are.

        A set in which a film is there twice has other neighbours and another covariance, so there
        is no interval by resampling films.
        """
        every = {one.case for some in self.films.values() for one in some}

        def statistic(drawn: Sequence[Outcome]) -> float | None:
            return value if {one.case for one in drawn} == every else None

        return statistic


def _is_in(name: str, outcome: Outcome) -> bool:
    return outcome.values.get("set") == name


def _fidelity(sets: _Sets, seed: int) -> Iterator[Measure]:
    real, synthetic = sets.points(REAL), sets.points(SYNTHETIC)
    found: Fidelity = fidelity(real, synthetic, seed=seed)
    near = neighbourhoods(real, synthetic)
    of_synthetic, of_real = partial(_is_in, SYNTHETIC), partial(_is_in, REAL)
    for name, value, better in _distances(found):
        yield Measure(name, sets.whole(value), "fidelity", "", better)
    for name, each in (("precision", near.among_real), ("density", near.density)):
        yield Measure(
            name, sets.each(SYNTHETIC, each), "fidelity", "", "higher", counted=of_synthetic
        )
    for name, each in (("recall", near.among_synthetic), ("coverage", near.covered)):
        yield Measure(name, sets.each(REAL, each), "fidelity", "", "higher", counted=of_real)
    for name in (REAL, SYNTHETIC):
        yield Measure(
            "distance from what the embedding learnt",
            mean_of("strangeness"),
            f"fidelity, {name}",
            counted=partial(_is_in, name),
        )


def _distances(found: Fidelity) -> tuple[tuple[str, float | None, Better], ...]:
    return (
        ("Fréchet distance", found.frechet, "lower"),
        ("Fréchet distance of halves of the real films", found.frechet_of_real, "neither"),
        ("kernel distance", found.kernel, "lower"),
        ("kernel distance of halves of the real films", found.kernel_of_real, "neither"),
    )


def _privacy(sets: _Sets, seed: int) -> Iterator[Measure]:
    training = TRAINING if sets.films[TRAINING] else REAL
    if not sets.films[HOLDOUT]:
        return
    near = nearest(sets.points(training), sets.points(SYNTHETIC), sets.points(HOLDOUT), seed=seed)
    rows: tuple[tuple[str, NDArray[Any], str, Better], ...] = (
        ("close to a training film", near.close, "share", "lower"),
        ("copies of a training film", near.copies, "share", "lower"),
        ("nearer to a training film than to the hold-out", near.nearer, "share", "neither"),
        ("distance to the nearest training film", near.to_training, "", "neither"),
        ("distance to the nearest of the hold-out", near.to_holdout, "", "neither"),
    )
    for name, each, unit, better in rows:
        yield Measure(
            name,
            sets.each(SYNTHETIC, each),
            "privacy",
            unit,
            better,
            counted=partial(_is_in, SYNTHETIC),
        )


def _labels(outcome: Outcome) -> Mapping[str, JsonValue]:
    labels = outcome.values.get("labels")
    return labels if isinstance(labels, dict) else {}


def _label(outcome: Outcome, code: str) -> bool | None:
    value = _labels(outcome).get(code)
    return value if isinstance(value, bool) else None


def _probability(outcome: Outcome, code: str) -> float:
    probabilities = outcome.values["probabilities"]
    assert isinstance(probabilities, dict)
    return float(str(probabilities[code]))


def _meant(outcome: Outcome, code: str, name: str, value: bool) -> bool:
    return _is_in(name, outcome) and _label(outcome, code) is value


def _share(test: Callable[[Outcome], bool]) -> Statistic:
    def share(drawn: Sequence[Outcome]) -> float | None:
        return sum(map(test, drawn)) / len(drawn) if drawn else None

    return share


def _shown(sets: _Sets, labels: Sequence[LabelCard]) -> Iterator[Measure]:
    """What the classifier says of films that are meant to show a finding, real ones beside them."""
    for label in labels:
        for name in (SYNTHETIC, REAL):
            known = {_label(one, label.code) for one in sets.films[name]}
            about = f"utility, {label.code.replace('_', ' ')}, {name}"
            if True in known:
                yield Measure(
                    "flagged of those that should show it",
                    _share(partial(_flagged, label)),
                    about,
                    "share",
                    "higher",
                    counted=partial(_meant, code=label.code, name=name, value=True),
                )
            if False in known:
                yield Measure(
                    "unlikely in those that should not",
                    _share(partial(_unlikely, label)),
                    about,
                    "share",
                    "higher",
                    counted=partial(_meant, code=label.code, name=name, value=False),
                )


def _flagged(label: LabelCard, outcome: Outcome) -> bool:
    return _probability(outcome, label.code) >= label.present_at


def _unlikely(label: LabelCard, outcome: Outcome) -> bool:
    return _probability(outcome, label.code) < label.absent_below


def _learnt(sets: _Sets, seed: int) -> Iterator[Measure]:
    codes = {code for one in sets.films[SYNTHETIC] for code in _labels(one)}
    for code in sorted(codes):
        found = _probed(sets, code, seed)
        if found is None:
            continue
        about = f"utility, {code.replace('_', ' ')}"
        for name, value in (
            ("AUC on real films, learnt from synthetic", found.from_synthetic),
            ("AUC on real films, learnt from real", found.from_real),
            ("AUC on real films, learnt from both", found.from_both),
        ):
            yield Measure(name, sets.whole(value), about, "", "higher")


def _probed(sets: _Sets, code: str, seed: int) -> Learnt | None:
    points, labels = [], []
    for name in (REAL, SYNTHETIC):
        told = [(_label(one, code), place) for place, one in enumerate(sets.films[name])]
        places = [place for label, place in told if label is not None]
        labels.append(np.array([label for label, _ in told if label is not None], dtype=np.bool_))
        points.append(sets.points(name)[places])
    return learnt(code, points[0], labels[0], points[1], labels[1], seed=seed)
