"""Each metric over many pairs: values per report, values of the corpus, and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from cxr_agent.checking.model import Kind
from cxr_agent.evaluation.texts.bertscore import Baseline, BertScore, TokenEncoder, bertscore
from cxr_agent.evaluation.texts.bleu import bleu, radcliq_bleu2, sentence_bleu
from cxr_agent.evaluation.texts.chexprompt import error_means
from cxr_agent.evaluation.texts.counts import Overlap, mean_of
from cxr_agent.evaluation.texts.entailment import Entailer
from cxr_agent.evaluation.texts.green import green
from cxr_agent.evaluation.texts.judgement import SIX, Judge, Judgement, NotJudged
from cxr_agent.evaluation.texts.label_f1 import LabelF1, Uncertain, label_f1
from cxr_agent.evaluation.texts.labels import Labeler
from cxr_agent.evaluation.texts.lunguage import Lunguage, lunguage
from cxr_agent.evaluation.texts.model_labeler import ModelLabeler
from cxr_agent.evaluation.texts.pairs import ReportPair
from cxr_agent.evaluation.texts.phrases import Phrase, phrases_of
from cxr_agent.evaluation.texts.radcliq import Components, radcliq
from cxr_agent.evaluation.texts.radfact import corpus as radfact_corpus
from cxr_agent.evaluation.texts.radfact import radfact
from cxr_agent.evaluation.texts.radgraph_f1 import GraphF1, micro, radgraph_f1
from cxr_agent.evaluation.texts.rouge import KINDS, rouge
from cxr_agent.evaluation.texts.similarity import Similarity
from cxr_agent.evaluation.texts.text_graph import TextGraph, graph_by_rule
from cxr_agent.evaluation.texts.timeline import rows_of, timeline

Values = dict[str, float | None]
"""None where a report has nothing that the value could be of."""


class Missing(Exception):  # noqa: N818 - what a metric lacks, said to whoever asked for it
    """A metric lacks something and is not run."""


@dataclass(frozen=True, slots=True)
class MetricScores:
    """One metric."""

    by: str
    """What did the reading or judging: ``rule``, or a model's name."""
    corpus: Values
    reports: tuple[Values, ...]
    """In the order of the pairs."""
    details: tuple[object, ...]
    """What each report's values are made of: matches, errors, phrases."""


@dataclass(frozen=True, slots=True)
class TokenMeans:
    """How BERTScore is computed."""

    encoder: TokenEncoder
    name: str
    """Network and layer, for the record."""
    idf: bool = False
    baseline: Baseline | None = None


@dataclass(frozen=True, slots=True)
class Graphs:
    """Graphs that a model made, by the ids of the pairs."""

    name: str
    references: Mapping[str, TextGraph]
    candidates: Mapping[str, TextGraph]


@dataclass(frozen=True)
class Means:
    """What the metrics work with."""

    labeler: Labeler
    uncertain: Uncertain
    judge: Judge
    entailer: Entailer
    similarity: Similarity
    tokens: TokenMeans | None
    graphs: Graphs | None
    judged: dict[tuple[str, str], Judgement | NotJudged] = field(default_factory=dict)
    """By pair: two metrics share one judge."""

    def judgement(self, pair: ReportPair) -> Judgement | NotJudged:
        """Of a pair, asked for once."""
        key = pair.reference, pair.candidate
        if key not in self.judged:
            self.judged[key] = self.judge.judge(*key)
        return self.judged[key]

    @cached_property
    def graph_name(self) -> str:
        return self.graphs.name if self.graphs is not None else "rule"

    def graph_scores(self, pairs: Sequence[ReportPair]) -> list[GraphF1]:
        """Of every pair.

        Raises
        ------
        Missing
            When there are graphs of a model, but not of all reports.
        """
        if self.graphs is None:
            return [
                radgraph_f1(graph_by_rule(pair.reference), graph_by_rule(pair.candidate))
                for pair in pairs
            ]
        try:
            return [
                radgraph_f1(self.graphs.references[pair.id], self.graphs.candidates[pair.id])
                for pair in pairs
            ]
        except KeyError:
            raise Missing("the given graphs are not of all reports") from None

    def bert_scores(self, pairs: Sequence[ReportPair]) -> list[BertScore]:
        """Of every pair.

        Raises
        ------
        Missing
            Without an encoder.
        """
        if self.tokens is None:
            raise Missing("it needs an encoder's weights: give one as tokens")
        return bertscore(
            _texts(pairs), self.tokens.encoder, idf=self.tokens.idf, baseline=self.tokens.baseline
        )


def _texts(pairs: Sequence[ReportPair]) -> list[tuple[str, str]]:
    return [(pair.reference, pair.candidate) for pair in pairs]


def _three(overlap: Overlap, prefix: str = "") -> Values:
    return {
        f"{prefix}precision": overlap.precision,
        f"{prefix}recall": overlap.recall,
        f"{prefix}f1": overlap.f1,
    }


def _means(reports: Sequence[Values]) -> Values:
    names = dict.fromkeys(name for values in reports for name in values)
    return {name: mean_of(values.get(name) for values in reports) for name in names}


def labels(pairs: Sequence[ReportPair], means: Means) -> MetricScores:
    """CheXbert-type F1 over 14 labels and 5; a report's own F1 is over its 14 labels."""
    found = label_f1(_texts(pairs), means.labeler, means.uncertain)
    corpus: Values = {}
    for name, part in (("14", found.fourteen), ("5", found.five)):
        corpus |= _label_values(name, part)
    for one in found.fourteen.labels:
        corpus[f"f1 {one.label}"] = one.overlap.f1
    return MetricScores(
        by=f"{found.labeler}, uncertain as {found.uncertain}",
        corpus=corpus,
        reports=tuple(_three(one.overlap) for one in found.reports),
        details=found.reports,
    )


def _label_values(name: str, part: LabelF1) -> Values:
    return {
        **_three(part.micro, f"micro_{name}_"),
        f"macro_{name}_f1": part.macro,
        f"macro_of_present_{name}_f1": part.macro_of_present,
        f"weighted_{name}_f1": part.weighted,
    }


def graphs(pairs: Sequence[ReportPair], means: Means) -> MetricScores:
    """RadGraph-type F1; of the corpus means over reports, as published, and micro."""
    found = means.graph_scores(pairs)
    reports: list[Values] = [
        {
            "simple": one.simple.f1,
            "partial": one.partial.f1,
            "complete": one.complete.f1,
            "relations": one.relations.f1,
            "combined": one.combined,
        }
        for one in found
    ]
    pooled = {f"micro_{name}": overlap.f1 for name, overlap in micro(found).items()}
    return MetricScores(
        means.graph_name, {**_means(reports), **pooled}, tuple(reports), tuple(found)
    )


def greens(pairs: Sequence[ReportPair], means: Means) -> MetricScores:
    """GREEN-type score; None for a pair in which the judge found nothing at all."""
    found = [means.judgement(pair) for pair in pairs]
    reports = tuple(_green_values(one) for one in found)
    judged = [one for one in found if isinstance(one, Judgement)]
    corpus: Values = {
        **_means(reports),
        **{f"mean {kind.value}": mean_of(one.significant[kind] for one in judged) for kind in SIX},
        "not_judged": float(len(found) - len(judged)),
    }
    return MetricScores(means.judge.name, corpus, reports, tuple(found))


def _green_values(one: Judgement | NotJudged) -> Values:
    if isinstance(one, NotJudged):
        return {"green": None, "matched": None, "significant_errors": None}
    return {
        "green": None if one.empty else green(one),
        "matched": float(one.matched),
        "significant_errors": float(one.significant_errors),
    }


def chexprompts(pairs: Sequence[ReportPair], means: Means) -> MetricScores:
    """CheXprompt-type counts of errors."""
    found = [means.judgement(pair) for pair in pairs]
    over = error_means(found)
    corpus: Values = {
        "significant": over.significant,
        "insignificant": over.insignificant,
        "total": over.total,
        "error_free": over.error_free,
        "not_judged": float(over.not_judged),
    }
    for kind, major, minor in over.by_kind:
        corpus[f"significant {kind.value}"] = major
        corpus[f"insignificant {kind.value}"] = minor
    return MetricScores(
        means.judge.name, corpus, tuple(_error_values(one) for one in found), tuple(found)
    )


_SPREAD: Final[tuple[tuple[str, Kind], ...]] = tuple((kind.value, kind) for kind in SIX)


def _error_values(one: Judgement | NotJudged) -> Values:
    judged = one if isinstance(one, Judgement) else None
    values: Values = {
        "significant": float(judged.significant_errors) if judged else None,
        "insignificant": float(judged.insignificant_errors) if judged else None,
    }
    for name, kind in _SPREAD:
        values[f"significant {name}"] = float(judged.significant[kind]) if judged else None
        values[f"insignificant {name}"] = float(judged.insignificant[kind]) if judged else None
    return values


def radfacts(pairs: Sequence[ReportPair], means: Means) -> MetricScores:
    """RadFact-type scores, spatial and grounded ones where phrases with boxes are given."""
    found = [
        radfact(
            _phrases(pair.reference, pair.reference_phrases),
            _phrases(pair.candidate, pair.candidate_phrases),
            means.entailer,
        )
        for pair in pairs
    ]
    corpus: Values = {
        **radfact_corpus(found),
        "phrases_not_judged": float(sum(one.not_judged for one in found)),
    }
    return MetricScores(
        means.entailer.name, corpus, tuple(one.values() for one in found), tuple(found)
    )


def _phrases(text: str, given: tuple[Phrase, ...] | None) -> tuple[Phrase, ...]:
    return phrases_of(text) if given is None else given


def lunguages(pairs: Sequence[ReportPair], means: Means) -> MetricScores:
    """LunguageScore-type F1 of each report; and, of patients with several, across their dates."""
    found = [
        lunguage(rows_of(pair.reference), rows_of(pair.candidate), means.similarity)
        for pair in pairs
    ]
    reports = tuple(_lunguage_values(one) for one in found)
    across = {patient: _across(mine, means) for patient, mine in _patients(pairs).items()}
    corpus: Values = _means(reports)
    if across:
        summed = _means([_lunguage_values(one) for one in across.values()])
        corpus |= {f"across_{name}": value for name, value in summed.items()}
        corpus["patients_across"] = float(len(across))
    return MetricScores(
        f"rule, {means.similarity.name}", corpus, reports, (*found, *across.values())
    )


def _across(pairs: Sequence[ReportPair], means: Means) -> Lunguage | None:
    reference = timeline([pair.reference for pair in pairs])
    candidate = timeline([pair.candidate for pair in pairs])
    return lunguage(reference, candidate, means.similarity, across=True)


def _patients(pairs: Sequence[ReportPair]) -> dict[str, list[ReportPair]]:
    """Patients with reports of several days, in the order of the days."""
    found: dict[str, list[tuple[int, ReportPair]]] = {}
    for pair in pairs:
        if pair.patient is not None and pair.day is not None:
            found.setdefault(pair.patient, []).append((pair.day, pair))
    return {
        patient: [pair for _, pair in sorted(mine, key=lambda one: one[0])]
        for patient, mine in found.items()
        if len(mine) > 1
    }


def _lunguage_values(one: Lunguage | None) -> Values:
    names = ("precision", "recall", "f1")
    return {name: None if one is None else getattr(one, name) for name in names}


def rouges(pairs: Sequence[ReportPair], _: Means) -> MetricScores:
    """ROUGE F1, and recall as the name has it."""
    found = rouge(_texts(pairs))
    reports: list[Values] = [
        {
            **{kind: one[kind].f1 for kind in KINDS},
            **{f"{kind}_recall": one[kind].recall for kind in KINDS},
        }
        for one in found
    ]
    return MetricScores("rouge-score", _means(reports), tuple(reports), tuple(found))


def bleus(pairs: Sequence[ReportPair], _: Means) -> MetricScores:
    """BLEU of the corpus, which is no mean of its reports' BLEU."""
    texts = _texts(pairs)
    whole = bleu(texts)
    details = [sentence_bleu(*pair) for pair in texts]
    return MetricScores(
        by=whole.signature,
        corpus=_by_order(whole.scores),
        reports=tuple(
            {**_by_order(one.scores), "radcliq_bleu2": radcliq_bleu2(*pair)}
            for one, pair in zip(details, texts, strict=True)
        ),
        details=tuple(details),
    )


def _by_order(scores: Sequence[float]) -> Values:
    return {f"bleu{order}": score for order, score in enumerate(scores, start=1)}


def bertscores(pairs: Sequence[ReportPair], means: Means) -> MetricScores:
    """BERTScore by the encoder that is given."""
    found = means.bert_scores(pairs)
    reports: list[Values] = [
        {"precision": one.precision, "recall": one.recall, "f1": one.f1} for one in found
    ]
    name = means.tokens.name if means.tokens is not None else ""
    return MetricScores(name, _means(reports), tuple(reports), tuple(found))


def radcliqs(pairs: Sequence[ReportPair], means: Means) -> MetricScores:
    """RadCliQ of both versions; never with a component that it was not fitted on left out."""
    if not isinstance(means.labeler, ModelLabeler):
        raise Missing("it needs CheXbert's embeddings: give a ModelLabeler as labeler")
    bert = means.bert_scores(pairs)
    graph = means.graph_scores(pairs)
    cosine = means.labeler.likeness(_texts(pairs))
    parts = [
        Components(one.combined, other.f1, like, radcliq_bleu2(pair.reference, pair.candidate))
        for one, other, like, pair in zip(graph, bert, cosine, pairs, strict=True)
    ]
    reports: list[Values] = [
        {
            "v0": radcliq(one, "v0"),
            "v1": radcliq(one, "v1"),
            "radgraph": one.radgraph,
            "bertscore": one.bertscore,
            "s_emb": one.s_emb,
            "bleu2": one.bleu,
        }
        for one in parts
    ]
    tokens: Any = means.tokens
    by = f"graphs by {means.graph_name}; {tokens.name}; {means.labeler.name}"
    return MetricScores(by, _means(reports), tuple(reports), tuple(parts))
