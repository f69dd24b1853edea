"""All metrics by name: one entry for a command, a run or a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cxr_agent.errors import UsageError
from cxr_agent.evaluation.texts import metrics
from cxr_agent.evaluation.texts.entailment import Entailer, RuleEntailer
from cxr_agent.evaluation.texts.judgement import Judge
from cxr_agent.evaluation.texts.label_f1 import Uncertain
from cxr_agent.evaluation.texts.labels import Labeler
from cxr_agent.evaluation.texts.metrics import MetricScores, Missing
from cxr_agent.evaluation.texts.pairs import ReportPair
from cxr_agent.evaluation.texts.rule_judge import RuleJudge
from cxr_agent.evaluation.texts.rule_labeler import RuleLabeler
from cxr_agent.evaluation.texts.similarity import Similarity, WordOverlap

METRICS: Final[dict[str, Callable[[Sequence[ReportPair], metrics.Means], MetricScores]]] = {
    "label_f1": metrics.labels,
    "radgraph_type_f1": metrics.graphs,
    "green_type": metrics.greens,
    "chexprompt_type": metrics.chexprompts,
    "radfact_type": metrics.radfacts,
    "lunguage_type": metrics.lunguages,
    "rouge": metrics.rouges,
    "bleu": metrics.bleus,
    "bertscore": metrics.bertscores,
    "radcliq": metrics.radcliqs,
}
DEFAULT: Final = tuple(name for name in METRICS if name not in ("bertscore", "radcliq"))
"""What runs without any network's weights."""


@dataclass(frozen=True, slots=True)
class TextScores:
    """What came of all metrics that were asked for."""

    reports: int
    ids: tuple[str, ...]
    metrics: dict[str, MetricScores] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)
    """Metrics that could not be computed, and what they lack; never a 0 in their place."""

    def per_report(self) -> list[dict[str, Any]]:
        """A row per report: ``id``, and each value as ``metric.value``."""
        return [
            {
                "id": identity,
                **{
                    f"{name}.{value}": number
                    for name, scores in self.metrics.items()
                    for value, number in scores.reports[place].items()
                },
            }
            for place, identity in enumerate(self.ids)
        ]

    def as_json(self) -> dict[str, Any]:
        """For ``--json``: corpus values, values per report, and what was not run."""
        return {
            "reports": self.reports,
            "corpus": {
                name: {"by": scores.by, **scores.corpus} for name, scores in self.metrics.items()
            },
            "per_report": self.per_report(),
            "not_run": self.not_run,
        }


def score_reports(
    pairs: Iterable[ReportPair],
    wanted: Sequence[str] = DEFAULT,
    *,
    labeler: Labeler | None = None,
    uncertain: Uncertain = Uncertain.POSITIVE,
    judge: Judge | None = None,
    entailer: Entailer | None = None,
    similarity: Similarity | None = None,
    tokens: metrics.TokenMeans | None = None,
    graphs: metrics.Graphs | None = None,
) -> TextScores:
    """Score candidates against their references.

    Parameters
    ----------
    pairs
        At least one.
    wanted
        Names in :data:`METRICS`. BERTScore and RadCliQ need weights: see ``tokens``.
    labeler
        Gives labels; by rule without it. RadCliQ needs
        :class:`~cxr_agent.evaluation.texts.model_labeler.ModelLabeler`.
    uncertain
        What an uncertain label counts as.
    judge
        Counts errors, for ``green_type`` and ``chexprompt_type``; by rule without it.
    entailer
        Judges phrases, for ``radfact_type``; by rule without it.
    similarity
        Compares short texts, for ``lunguage_type``; by words in common without it.
    tokens
        The encoder of BERTScore and how it is used.
    graphs
        RadGraph's own graphs of references and candidates; by rule without them.

    Returns
    -------
    TextScores
        With the metrics that ran, and for each other one what it lacks.

    Raises
    ------
    UsageError
        ``unknown_metric``, ``no_reports``, ``report_too_long``.
    """
    found = list(pairs)
    unknown = [name for name in wanted if name not in METRICS]
    if unknown:
        raise UsageError(
            "unknown_metric",
            f"there is no metric {unknown[0][:60]}",
            hint=f"One of: {', '.join(METRICS)}.",
        )
    if not found:
        raise UsageError("no_reports", "there is no pair of reports", hint="Give at least one.")
    means = metrics.Means(
        labeler=labeler or RuleLabeler(),
        uncertain=uncertain,
        judge=judge or RuleJudge(),
        entailer=entailer or RuleEntailer(),
        similarity=similarity or WordOverlap(),
        tokens=tokens,
        graphs=graphs,
    )
    done: dict[str, MetricScores] = {}
    not_run: dict[str, str] = {}
    for name in dict.fromkeys(wanted):
        try:
            done[name] = METRICS[name](found, means)
        except Missing as lacking:
            not_run[name] = str(lacking)
    return TextScores(len(found), tuple(pair.id for pair in found), done, not_run)
