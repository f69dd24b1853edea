"""``retrieval``: are the films most alike also alike in what is on them.

Each film is left out in turn with all others of its patient, and the rest is ordered by likeness.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import UsageError
from cxr_agent.evaluation.films import films_of
from cxr_agent.evaluation.runs.model import Outcome, Plot
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, Statistic
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.film_task import content_of, drawn
from cxr_agent.imaging import Decoder
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.models.tile import make_tile
from cxr_agent.retrieval.encoders import find_encoder
from cxr_agent.study import FloatImage

OURS: Final = "embedding"
PIXELS: Final = "small-picture"
RANDOM: Final = "random"
AT: Final = (1, 5, 10)
_SAME: Final = "same patient"
_SMALL: Final = 16
"""Side in pixels of the pictures that the baseline compares."""
Vectors = NDArray[np.float32]


def made(options: TaskOptions) -> Retrieval:
    """The task; see :class:`Retrieval`."""
    return Retrieval(options)


class Retrieval:
    """The embedded embedding, and a pulled one that ``--model`` names, beside two baselines.

    ``small-picture`` compares the films themselves, at 16 by 16 pixels; ``random`` draws an order.
    """

    name = "retrieval"
    title = "Retrieval of similar films"
    question = "Do the films that come first have the findings of the film that was asked with?"
    unknown = (
        "Whether a radiologist would call them similar: likeness here is having the same labels.",
        "Labels that go with the place where a film was taken can be found by the place alone.",
        "Films of the training sets of the embedding are among those at hand; its card says which.",
    )

    def __init__(self, options: TaskOptions) -> None:
        self.options = options
        self.set = films_of(options.data, options.films)
        able = [film for film in self.set.films if any(film.labels.values())]
        if not able:
            raise UsageError(
                "nothing_to_evaluate",
                "the data set has no film with a finding",
                hint="Choose another --data.",
            )
        self.films = drawn(self.set.films, options)
        self.systems: Sequence[str] = (
            OURS,
            *([f"embedding {Path(options.model).name}"] if options.model else []),
            PIXELS,
            RANDOM,
        )
        self._vectors: dict[str, Vectors] = {}

    @property
    def settings(self) -> Mapping[str, Any]:
        return {
            "data": self.set.name,
            "limit": self.options.limit,
            "seed": self.options.seed,
            "model": "" if not self.options.model else find_encoder(self.options.model).identity,
            "weights": Shelf(Runtime.shared("cpu")).embedding().card.weights_sha256[:16],
        }

    def cases(self) -> Sequence[Case]:
        return [
            Case(film.name, film.patient, content_of(film, sorted(film.labels.items())), place)
            for place, film in enumerate(self.films)
            if any(film.labels.values())
        ]

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        own = self.films[case.data]
        every = [place for place in range(len(self.films)) if place != case.data]
        scores = self._scores(system, case.data, every)
        order = [every[place] for place in np.argsort(-scores, kind="stable")]
        others = [place for place in order if self.films[place].patient != own.patient]
        values: dict[str, Any] = {
            code: _ranks([self.films[place].labels.get(code) for place in others])
            for code, present in sorted(own.labels.items())
            if present
        }
        values[_SAME] = _ranks([self.films[place].patient == own.patient for place in order])
        return Answer(values)

    def _scores(self, system: str, place: int, others: Sequence[int]) -> NDArray[np.float64]:
        if system == RANDOM:
            seed = hashlib.sha256(f"{self.options.seed} {self.films[place].name}".encode())
            random = np.random.default_rng(int.from_bytes(seed.digest()[:8]))
            return random.random(len(others))
        if system not in self._vectors:
            self._vectors[system] = self._encode(system)
        vectors = self._vectors[system]
        return np.asarray(vectors[list(others)] @ vectors[place], dtype=np.float64)

    def _encode(self, system: str) -> Vectors:
        """(films, dimensions), of unit length."""
        if system == OURS:
            model = Shelf(Runtime.shared(self.options.device)).embedding()
            return self._each(lambda pixels: model.embed([pixels]).vectors[0])
        if system == PIXELS:
            return self._each(_small)
        assert self.options.model is not None
        device = "cpu" if self.options.device == "auto" else self.options.device
        encoder = find_encoder(self.options.model).of_films(device)
        return self._each(lambda pixels: encoder.encode([pixels])[0])

    def _each(self, vector_of: Callable[[FloatImage], NDArray[np.float32]]) -> Vectors:
        with Decoder() as decoder:
            found = [vector_of(decoder.decode(film.path).pixels) for film in self.films]
        vectors = np.stack(found).astype(np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        codes = sorted({code for one in outcomes for code in one.values} - {_SAME})
        found = [
            Measure(f"precision at {k}", _precision(k), unit="share", better="higher") for k in AT
        ]
        found += [
            Measure(
                "another film of the patient found",
                _first_within(k),
                about=f"among the first {k}",
                unit="share",
                counted=lambda one: bool(_of(one, _SAME)),
            )
            for k in AT
        ]
        for code in codes:
            label = code.replace("_", " ")
            found += [
                Measure(
                    name,
                    statistic,
                    about=label,
                    unit="share",
                    better="higher",
                    counted=lambda one, code=code: code in one.values,  # type: ignore[misc]
                )
                for name, statistic in (
                    ("precision at 5", _precision(5, code)),
                    ("average precision", _average_precision(code)),
                    ("share of films with it", _prevalence(code)),
                )
            ]
        return found

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        return ()

    def close(self) -> None:
        self._vectors.clear()


def _small(pixels: FloatImage) -> NDArray[np.float32]:
    tile = make_tile(pixels, _SMALL)[0].ravel()
    return np.asarray(tile - tile.mean(), dtype=np.float32)


def _ranks(labels: Sequence[bool | None]) -> list[int]:
    """How many are labelled either way, then the ranks among them, from 1, of those that have it.

    ``labels`` are in the order of likeness.
    """
    labelled = [label for label in labels if label is not None]
    return [len(labelled), *(rank for rank, label in enumerate(labelled, 1) if label)]


def _of(outcome: Outcome, code: str | None) -> list[tuple[int, list[int]]]:
    found = []
    for name, value in outcome.values.items():
        if (name == code if code else name != _SAME) and isinstance(value, list):
            total, *ranks = (int(str(one)) for one in value)
            if ranks and len(ranks) < total:  # else every order is as good
                found.append((total, ranks))
    return found


def _mean_over(code: str | None, score: Callable[[int, list[int]], float]) -> Statistic:
    def mean(outcomes: Sequence[Outcome]) -> float | None:
        scores = [score(*one) for outcome in outcomes for one in _of(outcome, code)]
        return sum(scores) / len(scores) if scores else None

    return mean


def _precision(k: int, code: str | None = None) -> Statistic:
    return _mean_over(code, lambda total, ranks: sum(r <= k for r in ranks) / min(k, total))


def _first_within(k: int) -> Statistic:
    return _mean_over(_SAME, lambda _, ranks: float(ranks[0] <= k))


def _average_precision(code: str) -> Statistic:
    return _mean_over(
        code, lambda _, ranks: sum(i / r for i, r in enumerate(ranks, 1)) / len(ranks)
    )


def _prevalence(code: str) -> Statistic:
    return _mean_over(code, lambda total, ranks: len(ranks) / total)
