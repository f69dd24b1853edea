"""BERTScore and CheXbert on tiny networks in the layouts of the published ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import InputError, ModelError, UsageError
from cxr_agent.evaluation.texts import ReportPair, TokenMeans, score_reports
from cxr_agent.evaluation.texts.bertscore import bertscore, read_baseline
from cxr_agent.evaluation.texts.labels import LABELS, Mark
from cxr_agent.evaluation.texts.model_labeler import ModelLabeler
from cxr_agent.models.adapters import chexbert, tokens
from cxr_agent.models.adapters.quiet import quiet
from tests.evaluation.texts import examples
from tests.models.adapters.conftest import no_network, one_thread

__all__ = ["no_network", "one_thread"]  # fixtures that hold here too

GOLDENS: dict[str, Any] = json.loads(Path(__file__).with_name("goldens.json").read_text())
REPORTS = ["the heart is large .", "no effusion", "clear lung . the heart is normal ."]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    examples.write_bert(folder)
    return folder


def test_bertscore_is_the_packages(bert: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.tsv"
    baseline.write_text(examples.BASELINE)
    encoder = tokens.load(bert, layer=examples.LAYER)
    plain = bertscore(examples.TEXTS, encoder)
    rescaled = bertscore(
        examples.TEXTS, encoder, idf=True, baseline=read_baseline(baseline, examples.LAYER)
    )
    for name, found in (("plain", plain), ("idf", rescaled)):
        ours = [[one.precision, one.recall, one.f1] for one in found]
        assert np.allclose(ours, GOLDENS["bertscore"][name], atol=1e-5)


def test_layers_batches_and_padding(bert: Path) -> None:
    last, second = tokens.load(bert), tokens.load(bert, layer=2)
    texts = [*REPORTS, " ", *["heart lung " * n for n in range(1, 8)], "heart " * 200]
    together = last.encode_tokens(texts)
    for text, one in zip(texts, together, strict=True):
        (alone,) = second.encode_tokens([text])
        assert alone.ids == one.ids
        assert np.allclose(alone.vectors, one.vectors, atol=1e-5)
    assert len(together[3].ids) == 2
    assert len(together[-1].ids) == 64
    with pytest.raises(UsageError, match="bad_layer"):
        tokens.load(bert, layer=3)


def test_a_text_without_a_word_scores_nothing(bert: Path) -> None:
    encoder = tokens.load(bert)
    for pair in (("", "heart"), ("heart", " "), ("", "")):
        assert bertscore([pair], encoder)[0].f1 == 0.0
    assert bertscore([("heart", "heart")], encoder, idf=True)[0].f1 == 0.0  # in every document
    assert bertscore([], encoder) == []


@pytest.mark.parametrize("text", ["", "LAYER,P,R,F\n0,1,1,1\n", "LAYER\n1\n", "a,b\n1,2\n"])
def test_a_file_that_is_no_baseline(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baseline.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match="layer 1"):
        read_baseline(path, 1)


# CheXbert.


def _first_tokens(bert: Path) -> tuple[Any, Any]:
    """The network by the library itself, and its vectors of the reports' first tokens."""
    import torch
    from transformers import AutoTokenizer, BertModel

    with quiet("transformers"):
        model = BertModel.from_pretrained(bert).eval()
    kit = AutoTokenizer.from_pretrained(bert)
    with torch.inference_mode():
        rows = [model(**kit(one, return_tensors="pt")).last_hidden_state[0, 0] for one in REPORTS]
    return model, torch.stack(rows).clone()


def write_chexbert(bert: Path, path: Path, **changed: Any) -> dict[str, Any]:
    """As published: under ``model_state_dict``, from data-parallel training.

    The heads are centred on the three reports, which so get different labels.
    """
    import torch

    model, vectors = _first_tokens(bert)
    state = {f"bert.{name}": one for name, one in model.state_dict().items()}
    state["bert.embeddings.position_ids"] = torch.arange(64)[None]
    for head in range(14):
        size = (4 if head < 13 else 2, 16)
        values = 3 * np.sin(np.arange(size[0] * size[1]) * (head + 1.3) + head)
        state[f"linear_heads.{head}.weight"] = torch.from_numpy(values.reshape(size)).float()
        state[f"linear_heads.{head}.bias"] = -state[f"linear_heads.{head}.weight"] @ vectors.mean(0)
    state |= changed
    kept = {f"module.{name}": one for name, one in state.items() if one is not None}
    torch.save({"model_state_dict": kept, "epoch": 3}, path)
    return state


def test_chexbert_labels_and_embeds(bert: Path, tmp_path: Path) -> None:
    path = tmp_path / "chexbert.pth"
    state = write_chexbert(bert, path)
    network = chexbert.load(path, bert)
    found = network.label([*REPORTS, *REPORTS[:1] * 9])
    for first, one in zip(_first_tokens(bert)[1], found, strict=False):
        assert np.allclose(one.embedding, first.numpy(), atol=1e-5)
        heads = [
            (state[f"linear_heads.{n}.weight"], state[f"linear_heads.{n}.bias"]) for n in range(14)
        ]
        wanted = tuple(chexbert.CLASSES[int((w @ first + b).argmax())] for w, b in heads)
        assert one.classes == wanted
    assert found[0].classes == found[-1].classes
    labeler = ModelLabeler(network)
    marks = labeler.label(REPORTS)
    assert len({tuple(one.values()) for one in marks}) > 1
    assert all(set(one) == set(LABELS) for one in marks)
    assert all(one["No Finding"] in (Mark.POSITIVE, Mark.NOT_MENTIONED) for one in marks)
    likeness = labeler.likeness([(REPORTS[0], REPORTS[0]), (REPORTS[0], REPORTS[1])])
    assert likeness[0] == pytest.approx(1.0)
    assert likeness[1] < 0.99


@pytest.mark.parametrize(
    "changed",
    [
        {"linear_heads.13.weight": None},
        {"linear_heads.14.weight": "extra"},
        {"linear_heads.0.weight": "extra"},
        {"bert.embeddings.word_embeddings.weight": None},
    ],
)
def test_another_models_checkpoint_is_refused(
    bert: Path, tmp_path: Path, changed: dict[str, str | None]
) -> None:
    import torch

    path = tmp_path / "chexbert.pth"
    tensors = {name: None if one is None else torch.zeros(3, 5) for name, one in changed.items()}
    write_chexbert(bert, path, **tensors)
    with pytest.raises(ModelError, match="bad_checkpoint"):
        chexbert.load(path, bert)


def test_radcliq_and_bertscore_with_all_that_they_need(bert: Path, tmp_path: Path) -> None:
    path = tmp_path / "chexbert.pth"
    write_chexbert(bert, path)
    pairs = [
        ReportPair("copy", REPORTS[0], REPORTS[0]),
        ReportPair("other", REPORTS[0], REPORTS[1]),
    ]
    found = score_reports(
        pairs,
        ["radcliq_type", "bertscore", "label_f1"],
        labeler=ModelLabeler(chexbert.load(path, bert)),
        tokens=TokenMeans(tokens.load(bert), "tiny, layer 2"),
    )
    assert not found.not_run
    copy, other = found.metrics["radcliq_type"].reports
    assert copy["s_emb"] == pytest.approx(1.0)
    assert copy["bertscore"] == pytest.approx(1.0)
    assert copy["v1"] < other["v1"]  # type: ignore[operator]
    assert "CheXbert" in found.metrics["radcliq_type"].by
