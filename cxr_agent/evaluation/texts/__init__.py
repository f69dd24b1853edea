"""Metrics of report texts: a candidate report against its reference.

Each is one module, with the arithmetic as published and, in place of the language models and
networks that most of them rest on, rules over :mod:`cxr_agent.prose`; adapters take the published
models where their weights are. What rests on rules is called so: GREEN-type is not GREEN.
``docs/report_metrics.md`` says for each what it is, what it is not, and how far it agrees with
public code.
"""

from cxr_agent.evaluation.texts.judgement import Judgement, NotJudged
from cxr_agent.evaluation.texts.label_f1 import Uncertain
from cxr_agent.evaluation.texts.metrics import Graphs, MetricScores, TokenMeans
from cxr_agent.evaluation.texts.pairs import ReportPair, read_pairs
from cxr_agent.evaluation.texts.phrases import Phrase
from cxr_agent.evaluation.texts.scores import DEFAULT, METRICS, TextScores, score_reports

__all__ = [
    "DEFAULT",
    "METRICS",
    "Graphs",
    "Judgement",
    "MetricScores",
    "NotJudged",
    "Phrase",
    "ReportPair",
    "TextScores",
    "TokenMeans",
    "Uncertain",
    "read_pairs",
    "score_reports",
]
