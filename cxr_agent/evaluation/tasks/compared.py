"""Readings of perturbed films beside those of the films as they are, as statistics of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from cxr_agent.evaluation.consistency.readings import FilmReading, FindingState
from cxr_agent.evaluation.consistency.scores import Pair, StatePair, kappa, states_of
from cxr_agent.evaluation.runs.model import Outcome
from cxr_agent.evaluation.runs.task import Statistic, Tally, ratio_of
from cxr_agent.evaluation.tasks.perturbed import original, perturbed

Counted = Callable[[FindingState, FindingState], bool]
"""Of a state before and after."""
_Key = tuple[str, str]


class Compared:
    """The readings of all films that were read.

    Parameters
    ----------
    outcomes
        Done, of all systems.
    """

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes = outcomes
        self._own = {_key(one): original(one) for one in outcomes}
        self._others = {_key(one): perturbed(one) for one in outcomes}
        readings = self._own.values()
        self.findings = sorted({name for one in readings for name in one.states})
        self.measurements = sorted({name for one in readings for name in one.values})
        self.perturbations = tuple(
            dict.fromkeys(name for some in self._others.values() for name in some)
        )

    def statements(
        self, counted: Counted, finding: str | None = None, perturbation: str | None = None
    ) -> Statistic:
        """The share of statements that are counted: on one finding, after one change, or all."""

        def tally(outcome: Outcome) -> Tally:
            changes = [
                (state, after.state(name))
                for before, after in self._pairs(outcome, perturbation)
                for name, state in before.states.items()
                if finding in (None, name)
            ]
            return sum(counted(*change) for change in changes), len(changes)

        return ratio_of(tally)

    def kappa(self, finding: str) -> Statistic:
        """Cohen's, over all changes."""
        none: Counter[StatePair] = Counter()
        known = {_key(one): states_of(self._pairs(one)).get(finding, none) for one in self.outcomes}

        def statistic(drawn: Sequence[Outcome]) -> float | None:
            states: Counter[StatePair] = Counter()
            for one in drawn:
                states.update(known[_key(one)])
            return kappa(states)

        return statistic

    def change(self, finding: str) -> Statistic:
        """Mean absolute change of a probability."""

        def tally(outcome: Outcome) -> Tally:
            changes = [
                abs(after.probabilities[finding] - before.probabilities[finding])
                for before, after in self._pairs(outcome)
                if finding in before.probabilities and finding in after.probabilities
            ]
            return sum(changes), len(changes)

        return ratio_of(tally)

    def moved(self, measurement: str) -> Statistic:
        """Mean absolute change of a value, in its unit."""
        return self._values(measurement, lambda before, after, half: abs(after - before))

    def in_widths(self, measurement: str) -> Statistic:
        """The same over half the width of the interval that the value had."""
        return self._values(measurement, lambda before, after, half: abs(after - before) / half)

    def inside(self, measurement: str) -> Statistic:
        """The share of values that stay within half that width."""
        return self._values(measurement, lambda before, after, half: abs(after - before) <= half)

    def refused(self, perturbation: str) -> Statistic:
        """The share of films that are no longer read."""

        def tally(outcome: Outcome) -> Tally:
            after = [after for _, after in self._pairs(outcome, perturbation)]
            return sum(one.refused is not None for one in after), len(after)

        return ratio_of(tally)

    def _values(self, measurement: str, score: Callable[[float, float, float], float]) -> Statistic:
        return ratio_of(partial(self._value_tally, measurement, score))

    def _value_tally(
        self, measurement: str, score: Callable[[float, float, float], float], outcome: Outcome
    ) -> Tally:
        """Over changes after which it is measured again, of values that had an interval."""
        scores = []
        for before, after in self._pairs(outcome):
            old, new = before.values.get(measurement), after.values.get(measurement)
            if old is None or new is None or old.interval is None:
                continue
            half = (old.interval[1] - old.interval[0]) / 2
            if half > 0:
                scores.append(score(old.value, new.value, half))
        return sum(scores), len(scores)

    def _pairs(self, outcome: Outcome, perturbation: str | None = None) -> Iterator[Pair]:
        own: FilmReading = self._own[_key(outcome)]
        for name, other in self._others[_key(outcome)].items():
            if perturbation in (None, name):
                yield own, other


def _key(outcome: Outcome) -> _Key:
    return outcome.system, outcome.case
