"""Classifiers of reports: the library's own numbers, with our codes; others are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models.adapters import load_adapter
from cxr_agent.models.adapters.labels import ReportLabeller, code_of
from cxr_agent.models.adapters.quiet import quiet
from tests.models.adapters import tiny

TEXTS = ["the heart is large .", "no effusion", "clear lung " * 40]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    tiny.labels(tmp_path)
    return tmp_path


def reconfigured(folder: Path, **fields: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return folder


def test_scores_are_those_of_the_library(checkpoint: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    labeller: ReportLabeller = load_adapter("labels", checkpoint)
    found = labeller.score(TEXTS)
    with quiet("transformers"):
        model = AutoModelForSequenceClassification.from_pretrained(checkpoint)
        tokens = AutoTokenizer.from_pretrained(checkpoint)
    for text, scores in zip(TEXTS, found, strict=True):
        with torch.inference_mode():
            given = tokens(text, truncation=True, max_length=32, return_tensors="pt")
            wanted = model(**given).logits.sigmoid()[0].tolist()
        assert [one.probability for one in scores] == pytest.approx(wanted, abs=1e-5)
    assert [one.code for one in found[0]] == [
        "support_devices",
        "cardiomegaly",
        "lung_lesion",
        "pleural_effusion",
        "hiatal_hernia",
    ]
    assert labeller.score([]) == []
    with pytest.raises(UsageError, match="bad_text"):
        labeller.score([" "])


def test_where_one_finding_excludes_the_others_they_sum_to_one(checkpoint: Path) -> None:
    reconfigured(checkpoint, problem_type="single_label_classification")
    (scores,) = load_adapter("labels", checkpoint).score(TEXTS[:1])
    assert sum(one.probability for one in scores) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "fields",
    [
        {"architectures": ["BertModel"]},
        {"id2label": {str(n): f"LABEL_{n}" for n in range(5)}},
    ],
)
def test_a_checkpoint_that_says_not_what_it_labels_is_refused(
    checkpoint: Path, fields: dict[str, object]
) -> None:
    with pytest.raises(ModelError) as caught:
        load_adapter("labels", reconfigured(checkpoint, **fields))
    assert caught.value.code == "bad_checkpoint"


def test_a_label_that_is_no_finding_here_has_no_code() -> None:
    assert code_of("Mosaic attenuation pattern") is None
    assert code_of("Pleural_Effusion") == "pleural_effusion"
