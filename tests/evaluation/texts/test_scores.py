"""All metrics at once: on files, on nonsense, and on real reports."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.errors import InputError, UsageError
from cxr_agent.evaluation.structuring import read_reports, report_text
from cxr_agent.evaluation.texts import (
    DEFAULT,
    METRICS,
    NotJudged,
    Phrase,
    ReportPair,
    read_pairs,
    score_reports,
)
from cxr_agent.evaluation.texts.entailment import Entailment
from tests.builders import SHARED

PAGE = Path(__file__).resolve().parents[3] / "docs" / "report_metrics.md"
OPENI = SHARED / "data" / "openi" / "reports.jsonl.gz"
needs_openi = pytest.mark.skipif(not OPENI.exists(), reason="../shared/data/openi is not here")
BEST = {
    "label_f1": ("f1",),
    "radgraph_type_f1": ("simple", "partial", "complete"),
    "green_type": ("green",),
    "radfact_type": ("logical_precision", "logical_recall", "logical_f1"),
    "lunguage_type": ("precision", "recall", "f1"),
    "rouge": ("rouge1", "rouge2", "rougeL"),
    "bleu": ("bleu1", "bleu4", "radcliq_bleu2"),
}
SYMMETRIC = ("label_f1.f1", "radgraph_type_f1.complete", "radfact_type.logical_f1", "rouge.rougeL")


def sample(step: int) -> list[str]:
    """Every so many of the reports that have a text."""
    texts = [report_text(one) for one in read_reports(OPENI)[::step]]
    return [text for text in texts if "FINDINGS" in text or "IMPRESSION" in text]


@needs_openi
def test_a_copy_has_the_best_of_every_score() -> None:
    texts = sample(90)
    assert len(texts) > 35
    found = score_reports(ReportPair(str(n), one, one) for n, one in enumerate(texts))
    read = 0
    for text, row in zip(texts, found.per_report(), strict=True):
        for metric, values in BEST.items():
            for value in values:
                number = row[f"{metric}.{value}"]
                # None: there is nothing that it could be of.
                assert number is None or number == pytest.approx(1.0), (metric, value, text)
        assert row["chexprompt_type.significant"] == row["chexprompt_type.insignificant"] == 0
        read += row["green_type.green"] is not None
    assert read > 0.95 * len(texts)


@needs_openi
def test_two_reports_compared_both_ways() -> None:
    texts = sample(120)
    ways = [
        score_reports(
            ReportPair(str(n), *(pair[::-1] if back else pair))
            for n, pair in enumerate(pairwise(texts))
        ).per_report()
        for back in (False, True)
    ]
    worse = 0
    for there, back in zip(*ways, strict=True):
        for name in SYMMETRIC:
            assert there[name] == pytest.approx(back[name]), name
        said = "chexprompt_type.significant"
        assert there[f"{said} false_finding"] == back[f"{said} omission"]
        assert there["lunguage_type.precision"] == pytest.approx(back["lunguage_type.recall"])
        worse += there["rouge.rougeL"] < 1
    assert worse > len(texts) // 2


def test_corpus_values_and_where_they_come_from() -> None:
    pairs = [
        ReportPair("a", "Left effusion.", "Left effusion."),
        ReportPair("b", "Left effusion.", "Clear lungs."),
    ]
    found = score_reports(pairs)
    assert tuple(found.metrics) == DEFAULT
    corpus = {name: scores.corpus for name, scores in found.metrics.items()}
    assert corpus["label_f1"]["micro_5_f1"] == pytest.approx(2 / 3)
    assert corpus["label_f1"]["f1 Pleural Effusion"] == pytest.approx(2 / 3)
    assert corpus["green_type"]["green"] == 0.5
    assert corpus["green_type"]["mean omission"] == 0.5
    assert corpus["chexprompt_type"]["error_free"] == 0.5
    assert corpus["radfact_type"]["logical_recall"] == 0.5
    assert corpus["radfact_type"]["spatial_f1"] is None
    assert found.metrics["green_type"].by == found.metrics["radfact_type"].by == "rule"
    told = json.loads(json.dumps(found.as_json()))
    assert told["per_report"][1]["green_type.green"] == 0.0
    assert told["corpus"]["rouge"]["by"] == "rouge-score"


class Silent:
    """A judge and an entailer that never answer."""

    name = "silent"

    def judge(self, reference: str, candidate: str) -> NotJudged:
        return NotJudged("model_timeout")

    def entail(self, phrases: Sequence[Phrase], premises: Sequence[Phrase]) -> list[Entailment]:
        return [Entailment(False, judged=False) for _ in phrases]


def test_a_judge_that_never_answers_gives_no_score() -> None:
    pairs = [ReportPair("a", "Left effusion.", "Left effusion.")]
    found = score_reports(pairs, judge=Silent(), entailer=Silent())  # type: ignore[arg-type]
    (row,) = found.per_report()
    assert row["green_type.green"] is None
    assert row["chexprompt_type.significant"] is None
    corpus = {name: one.corpus for name, one in found.metrics.items()}
    assert corpus["green_type"]["green"] is None
    assert corpus["green_type"]["not_judged"] == corpus["chexprompt_type"]["not_judged"] == 1.0
    assert corpus["radfact_type"]["phrases_not_judged"] == 2.0
    assert found.metrics["green_type"].by == "silent"


def test_saying_it_again_gains_nothing_but_length() -> None:
    reference, said = "Left effusion. Enlarged heart.", "Left effusion. "
    once, thrice = score_reports(
        [ReportPair("1", reference, said), ReportPair("3", reference, said * 3)]
    ).per_report()
    for metric, values in BEST.items():
        if metric not in ("rouge", "bleu"):
            assert all(once[f"{metric}.{one}"] == thrice[f"{metric}.{one}"] for one in values)
    assert (once["length.ratio"], thrice["length.ratio"]) == (0.5, 1.5)


def test_the_pages_example_runs_and_its_table_names_every_metric() -> None:
    text = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(block, str(PAGE), "exec"), names)
    assert names["scores"].metrics["green_type"].corpus["green"] == 0.0
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(METRICS)


def test_what_needs_weights_is_not_run_and_never_0() -> None:
    found = score_reports([ReportPair("a", "Clear.", "Clear.")], tuple(METRICS))
    assert set(found.not_run) == {"bertscore", "radcliq_type"}
    assert set(found.metrics) == set(DEFAULT)
    assert not any("radcliq_type." in name for name in found.per_report()[0])


def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rouge_score.rouge_scorer", None)
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.bleu", None)
    found = score_reports([ReportPair("a", "Clear.", "Clear.")], ["rouge", "bleu", "length"])
    assert set(found.metrics) == {"length"}
    assert "pip install 'cxr-agent[eval]'" in found.not_run["rouge"]
    assert "sacrebleu" in found.not_run["bleu"]


def test_a_patients_dates_are_compared_together() -> None:
    told = ["Left effusion.", "Left effusion, decreased.", "No effusion."]
    pairs = [
        ReportPair(str(day), text, text, patient="p", day=day)
        for day, text in sorted(zip((9, 3, 0), told[::-1], strict=True))
    ]
    swapped = [
        ReportPair(pair.id, pair.reference, other.candidate, "p", pair.day)
        for pair, other in zip(pairs, pairs[::-1], strict=True)
    ]
    alone = [ReportPair(pair.id, pair.reference, pair.candidate, "p") for pair in pairs]
    best, worse, none = (
        score_reports(one, ["lunguage_type"]).metrics["lunguage_type"].corpus
        for one in (pairs, swapped, alone)
    )
    assert (best["across_f1"], best["patients_across"]) == (1.0, 1.0)
    assert worse["across_f1"] < 0.9  # type: ignore[operator]
    assert "across_f1" not in none


@pytest.mark.parametrize(
    ("pairs", "wanted", "code"),
    [
        ([], DEFAULT, "no_reports"),
        ([ReportPair("a", "", "")], ["best"], "unknown_metric"),
        ([ReportPair("a", "x" * 200_001, "")], ["green_type"], "report_too_long"),
    ],
)
def test_what_cannot_be_scored(pairs: list[ReportPair], wanted: list[str], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        score_reports(pairs, wanted)
    assert caught.value.code == code


def test_nothing_heavy_is_imported_until_a_metric_needs_it() -> None:
    code = (
        "import sys; from cxr_agent.evaluation.texts import ReportPair, score_reports as s;"
        "s([ReportPair('a', 'Clear.', 'Clear.')], ['label_f1', 'green_type', 'radfact_type']);"
        "print([m for m in ('torch','transformers','litellm','sacrebleu','rouge_score','sklearn')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Files.

GOOD: dict[str, Any] = {"id": "a", "reference": "Clear.", "candidate": "Left effusion."}


def written(tmp_path: Path, content: str, name: str = "pairs.jsonl") -> Path:
    path = tmp_path / name
    path.write_text(content)
    return path


def test_pairs_from_lines_of_json(tmp_path: Path) -> None:
    boxes = [{"text": "left effusion", "boxes": [[0.5, 0.5, 0.9, 1.0]]}, {"text": "clear"}]
    rows = [
        {**GOOD, "patient": 7, "day": 30, "candidate_phrases": boxes},
        {"reference": "", "candidate": ""},
    ]
    path = written(tmp_path, "\n\n".join(map(json.dumps, rows)))
    first, second = read_pairs(path)
    assert (first.patient, first.day) == ("7", 30)
    assert first.candidate_phrases is not None
    assert first.candidate_phrases[0].boxes == ((0.5, 0.5, 0.9, 1.0),)
    assert first.candidate_phrases[1].boxes is None
    assert first.reference_phrases is None
    assert (second.id, second.day) == ("2", None)


def test_pairs_from_a_table(tmp_path: Path) -> None:
    table = 'id,reference,candidate,patient,day\na,"Clear.\nNo effusion.",Clear.,p,\n'
    (pair,) = read_pairs(written(tmp_path, table, "pairs.csv"))
    assert pair == ReportPair("a", "Clear.\nNo effusion.", "Clear.", "p", None)


@pytest.mark.parametrize(
    "change",
    [
        {"reference": None},
        {"candidate": ["Clear."]},
        {"day": "yesterday"},
        {"candidate_phrases": 3},
        {"candidate_phrases": [{"boxes": None}]},
        {"candidate_phrases": [{"text": "x", "boxes": []}]},
        {"candidate_phrases": [{"text": "x", "boxes": [[0, 0, 1]]}]},
        {"candidate_phrases": [{"text": "x", "boxes": [[0, 0, 1, True]]}]},
        {"candidate_phrases": [{"text": "x", "boxes": [[0.5, 0, 0.4, 1]]}]},
        {"candidate_phrases": [{"text": "x", "boxes": [[0, 0, 200, 100]]}]},
        {"candidate_phrases": [{"text": "x" * 2001}]},
        {"candidate_phrases": [{"text": "x"}] * 501},
    ],
)
def test_a_line_that_is_no_pair(tmp_path: Path, change: dict[str, Any]) -> None:
    path = written(tmp_path, json.dumps({**GOOD, **change}))
    with pytest.raises(InputError) as caught:
        read_pairs(path)
    assert caught.value.code == "unreadable_report"


def test_files_that_are_none(tmp_path: Path) -> None:
    for content in ("[1]", "{", "[" * 100_000):
        with pytest.raises(InputError, match="unreadable_report"):
            read_pairs(written(tmp_path, content))
    with pytest.raises(InputError, match="unreadable_report"):
        read_pairs(written(tmp_path, 'id,reference\na,"x', "bad.csv"))
    with pytest.raises(InputError, match="unreadable_report"):
        read_pairs(tmp_path / "missing.jsonl")
    long = json.dumps({**GOOD, "candidate": "x" * 200_001})
    with pytest.raises(InputError, match="report_too_long"):
        read_pairs(written(tmp_path, long))


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=120), st.text(alphabet="noeffusianlrt .,;\n", max_size=120))
def test_no_text_breaks_a_metric(one: str, other: str) -> None:
    for row in score_reports([ReportPair("a", one, other)]).per_report():
        bounded = {name: value for name, value in row.items() if name.endswith("f1")}
        assert all(value is None or 0 <= value <= 1 + 1e-9 for value in bounded.values())
