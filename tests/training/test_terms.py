"""What the cards say of the sets: a set without terms must not be found out after the training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training import terms
from training.films import sets
from training.findings import data as findings

torch = pytest.importorskip("torch", reason="training is an extra")

from training.embedding import train as embedding  # noqa: E402
from training.view import data as view  # noqa: E402

SEEN = {
    "pretraining": set(sets._READERS) - set(sets.TESTS_ONLY),
    "findings": set(findings.LEARNT),
    "embedding": set(embedding.SOURCES),
    "view": {*view.FRONTAL, "chexpert", *(set(sets.OTHERS) - set(view.UNSEEN))},
}


@pytest.mark.parametrize("model", SEEN)
def test_the_terms_of_every_set_that_is_learnt_from_are_known(model: str) -> None:
    assert SEEN[model] <= set(terms.SOURCES)


def test_findings_and_embedding_never_learn_from_the_test_hospitals() -> None:
    for model in ("pretraining", "findings", "embedding"):
        assert not SEEN[model] & set(sets.TESTS_ONLY)
    assert set(findings.STRANGE) == set(sets.TESTS_ONLY)
    assert set(view.UNSEEN) < set(sets.OTHERS)


def test_one_line_per_set_and_the_patients_last() -> None:
    lines = terms.training_data({"films": {"nih": 12_345, "jsrt": 99}, "people": 77})
    assert len(lines) == 3
    assert lines[0].startswith("12345 films: ChestX-ray14")
    assert lines[1].startswith("99 films: JSRT")
    assert lines[2].startswith("77 patients in all")
    with pytest.raises(KeyError):
        terms.training_data({"films": {"unheard_of": 1}, "people": 1})


def test_the_pretraining_is_quoted_from_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "training" / "pretrain" / "logs" / "encoder.jsonl"
    log.parent.mkdir(parents=True)
    first = {"run": "encoder", "films": 30, "sources": {"nih": 20, "covid": 10}}
    log.write_text(f"{json.dumps(first)}\n{json.dumps({'step': 1})}\n")
    line = terms.pretraining()
    assert "on 30 films" in line
    assert line.endswith("nih 20, covid 10")
