"""Runs public code on ``examples.py`` and writes ``goldens.json``; no test runs this.

    python -m tests.evaluation.texts.make_goldens PUBLIC

PUBLIC is a folder with checkouts of the repositories below, each under ``owner+name``; the
environment has bert-score 0.3.13 and fast-bleu 0.0.90 besides what the tests need. Nothing of that
code is in this repository: it is imported from where it lies. Modules that it imports and that the
functions called here do not use are replaced by empty ones. RadCliQ's models are pickles of
scikit-learn and numpy objects: look at them with ``pickletools`` before you run this.

    Stanford-AIMI/radgraph            87f11a1   radgraph/rewards.py
    rajpurkarlab/CXR-Report-Metric    9c9ecad   CXRMetric/run_eval.py, radgraph_evaluate_model.py
    Stanford-AIMI/GREEN               d72c195   green_score/green.py
    microsoft/chexprompt              8cfddec   src/chexprompt/eval_utils.py
    microsoft/RadFact                 72463ac   src/radfact/metric/box_metrics.py
"""

from __future__ import annotations

import importlib
import json
import pickle
import sys
import tempfile
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np

from tests.evaluation.texts import examples

OUT = Path(__file__).with_name("goldens.json")


def main(public: Path) -> None:
    warnings.simplefilter("ignore")
    found = {
        "radgraph": radgraph(public / "Stanford-AIMI+radgraph"),
        **cxr_report_metric(public / "rajpurkarlab+CXR-Report-Metric"),
        "green": green(public / "Stanford-AIMI+GREEN"),
        "chexprompt": chexprompt(public / "microsoft+chexprompt" / "src"),
        "boxes": boxes(public / "microsoft+RadFact" / "src"),
        "bertscore": bertscore(),
    }
    OUT.write_text(json.dumps(found, indent=1) + "\n")


def _module(folder: Path, name: str, *absent: str) -> ModuleType:
    for one in absent:
        sys.modules.setdefault(one, MagicMock())
    sys.path.insert(0, str(folder))
    return importlib.import_module(name)


def radgraph(folder: Path) -> dict[str, Any]:
    """Rewards: simple, partial, complete."""
    # The package's __init__ loads its copy of AllenNLP; the rewards are functions on dicts.
    rewards = _module(folder / "radgraph", "rewards")
    return {
        name: rewards.compute_reward(candidate, reference, "all")
        for name, (reference, candidate) in examples.GRAPHS.items()
    }


def cxr_report_metric(folder: Path) -> dict[str, Any]:
    """F1 of entities and of relations, RadCliQ of both versions, BLEU-2."""
    graphs = _module(folder, "CXRMetric.radgraph_evaluate_model", "CXRMetric.radgraph_inference")
    run = _module(folder, "CXRMetric.run_eval", "config")
    with tempfile.TemporaryDirectory() as made:
        parsed = []
        for side in (0, 1):
            path = Path(made) / f"{side}.json"
            path.write_text(json.dumps({n: pair[side] for n, pair in examples.GRAPHS.items()}))
            parsed.append(graphs.parse_entity_relation(path))
    (entities, relations), (given, given_relations) = parsed
    return {
        "radcliq_graphs": {
            name: [
                graphs.compute_f1(entities[name], given[name]),
                graphs.compute_f1(relations[name], given_relations[name]),
            ]
            for name in examples.GRAPHS
        },
        "radcliq": _radcliq(folder / "CXRMetric", run),
        "bleu2": [_bleu2(run, *pair) for pair in examples.TEXTS],
    }


def _radcliq(folder: Path, run: ModuleType) -> dict[str, Any]:
    sys.modules["__main__"].CompositeMetric = run.CompositeMetric  # type: ignore[attr-defined]
    models = {
        name: pickle.loads((folder / f"{name}.pkl").read_bytes())
        for name in ("composite_metric_model", "normalizer", "radcliq-v1")
    }
    rows = np.array(list(examples.COMPONENTS.values()))
    first = models["composite_metric_model"].predict(models["normalizer"].transform(rows))
    second = models["radcliq-v1"].predict(rows)
    both = zip(first.tolist(), second.tolist(), strict=True)
    return dict(zip(examples.COMPONENTS, map(list, both), strict=True))


def _bleu2(run: ModuleType, reference: str, candidate: str) -> float:
    true, given = run.prep_reports([reference])[0], run.prep_reports([candidate])[0]
    return float(run.BLEU([true], run.weights).get_score([given])["bigram"][0])


def green(folder: Path) -> dict[str, Any]:
    """Score, significant errors, insignificant errors, matched findings."""
    kit = _module(
        folder,
        "green_score.green",
        *("datasets", "datasets.distributed", "green_score.utils", "matplotlib"),
    )
    scorer = kit.GREEN(cpu=True)
    found = {}
    for name, answer in examples.GREEN_ANSWERS.items():
        counts = [scorer.parse_error_counts(answer, title) for title in scorer.categories]
        found[name] = [scorer.compute_green(answer), counts[0][1], counts[1][1], counts[2][0]]
    return found


def chexprompt(folder: Path) -> dict[str, Any]:
    """Significant and insignificant errors, A to F."""
    path = folder / "chexprompt" / "eval_utils.py"
    kit = ModuleType("eval_utils")
    exec(compile(path.read_text(), str(path), "exec"), kit.__dict__)
    return {
        name: [list(part.values()) for part in kit.parse_rating_text(answer)]
        for name, answer in examples.CHEXPROMPT_ANSWERS.items()
    }


def boxes(folder: Path) -> dict[str, Any]:
    """Pixel precision on 224 x 224."""
    kit = _module(folder, "radfact.metric.box_metrics")
    box = importlib.import_module("radfact.data_utils.grounded_phrase_list").NormalizedBox
    return {
        name: float(
            kit.compute_box_metrics(*([box(*one) for one in side] for side in pair), mask_size=224)[
                "precision"
            ]
        )
        for name, pair in examples.BOXES.items()
    }


def bertscore() -> dict[str, Any]:
    """Precision, recall, F1: plain, weighted by idf, and both rescaled."""
    from bert_score import BERTScorer

    references, candidates = ([pair[side] for pair in examples.TEXTS] for side in (0, 1))
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as made:
        folder, baseline = Path(made) / "bert", Path(made) / "baseline.tsv"
        examples.write_bert(folder)
        baseline.write_text(examples.BASELINE)
        for name, idf, rescale in (("plain", False, False), ("idf", True, True)):
            scorer = BERTScorer(
                model_type=str(folder),
                num_layers=examples.LAYER,
                idf=idf,
                idf_sents=references if idf else None,
                nthreads=0,
                device="cpu",
                lang="en",
                rescale_with_baseline=rescale,
                baseline_path=str(baseline),
                use_fast_tokenizer=True,
            )
            scores = [part.tolist() for part in scorer.score(candidates, references)]
            found[name] = [list(one) for one in zip(*scores, strict=True)]
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
