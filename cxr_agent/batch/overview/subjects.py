"""What of a batch is compared between groups: inputs, outcomes, measurements, findings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cxr_agent.batch.ledger import State
from cxr_agent.batch.overview.columns import Labels, Whole
from cxr_agent.batch.overview.drift import Kinds, Numbers, Subject
from cxr_agent.batch.overview.facets import OF_FILM
from cxr_agent.batch.overview.gathering import POLARITIES, Gathered
from cxr_agent.batch.overview.pace import read_studies
from cxr_agent.batch.overview.summaries import name_of


def subjects_of(gathered: Gathered) -> tuple[Subject, ...]:
    """All of them."""
    return (
        *_inputs(gathered),
        _outcomes(gathered),
        *_measurements(gathered),
        *_abstentions(gathered),
        *_findings(gathered),
    )


def _inputs(gathered: Gathered) -> Iterator[Kinds]:
    for name in OF_FILM:
        labels = gathered.labels.get(name)
        if labels is not None and name != "size" and len(labels.names) > 1:
            yield _most_common_first(name, labels)


def _most_common_first(name: str, labels: Labels) -> Kinds:
    counts = labels.counts()
    order = sorted(range(len(labels.names)), key=lambda i: -counts[labels.names[i]])
    place = np.argsort(order)
    studies = np.flatnonzero(labels.indices >= 0)
    return Kinds(
        name, tuple(labels.names[i] for i in order), place[labels.indices[studies]], studies
    )


def _outcomes(gathered: Gathered) -> Kinds:
    every = np.arange(len(gathered.studies))
    which = np.isin(every, read_studies(gathered)).astype(np.int64)
    return Kinds("outcome", ("refused or failed", State.READ.value), which, every)


def _measurements(gathered: Gathered) -> Iterator[Numbers]:
    for key, values in sorted(gathered.measured.items()):
        name = named(key.code, key.side)
        yield Numbers(name, values.values, values.studies, key.unit)


def _abstentions(gathered: Gathered) -> Iterator[Kinds]:
    """Of every measurement, whether it was given where it was tried."""
    for code in sorted({key.code for key in gathered.measured}):
        if code not in gathered.abstained:
            continue
        given: Whole = np.unique(
            np.concatenate(
                [one.studies for key, one in gathered.measured.items() if key.code == code]
            )
        )
        not_given = np.setdiff1d(np.array(gathered.abstained[code]), given)
        yield Kinds(
            f"{name_of(code)}: given or not",
            ("not given", "given"),
            np.repeat([0, 1], [len(not_given), len(given)]),
            np.concatenate([not_given, given]),
        )


def _findings(gathered: Gathered) -> Iterator[Subject]:
    for key, said in sorted(gathered.judged.items()):
        name = f"{named(key.code, key.side)}, by {key.tool}"
        yield Kinds(name, POLARITIES, said.polarity.values.astype(np.int64), said.polarity.studies)
        if len(said.probability):
            yield Numbers(
                f"probability of {name}", said.probability.values, said.probability.studies, "1"
            )


def named(code: str, side: str) -> str:
    """A code's name with its side."""
    return f"{name_of(code)} ({side})" if side else name_of(code)
