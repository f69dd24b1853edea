"""Sentence encoders: what the layout's small files say is done, what cannot be done is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models.adapters import load_adapter
from cxr_agent.models.adapters.quiet import quiet
from tests.models.adapters import tiny

TEXTS = ["the heart is large", "no effusion", "clear lung . chest radiograph normal"]


@pytest.fixture
def sentence(tmp_path: Path) -> Path:
    tiny.sentence(tmp_path)
    return tmp_path


def states(path: Path, texts: list[str], longest: int = 24) -> tuple[Any, Any]:
    """Vectors of the tokens and the mask, by the library itself."""
    import torch
    from transformers import AutoTokenizer, BertModel

    with quiet("transformers"):
        model = BertModel.from_pretrained(path)
        tokenizer = AutoTokenizer.from_pretrained(path)
    tokens = tokenizer(
        texts, padding=True, truncation=True, max_length=longest, return_tensors="pt"
    )
    with torch.inference_mode():
        return model(**tokens).last_hidden_state, tokens["attention_mask"]


def test_the_mean_is_over_a_texts_own_tokens(sentence: Path) -> None:
    import torch

    encoder = load_adapter("sentence", sentence)
    vectors = encoder.encode_text(TEXTS)
    assert vectors.shape == (3, encoder.dimension) == (3, 16)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    found, mask = states(sentence, TEXTS)
    wanted = torch.stack([one[: int(n)].mean(0) for one, n in zip(found, mask.sum(1), strict=True)])
    assert np.allclose(vectors, torch.nn.functional.normalize(wanted).numpy(), atol=1e-5)
    for text, vector in zip(TEXTS, vectors, strict=True):  # padding has no part in it
        assert np.allclose(encoder.encode_text([text])[0], vector, atol=1e-5)
    assert encoder.encode_text([]).shape == (0, 16)
    with pytest.raises(UsageError, match="bad_text"):
        encoder.encode_text(["heart", " "])


@pytest.mark.parametrize("newer", [False, True])
def test_the_class_token_where_the_checkpoint_says_so(tmp_path: Path, newer: bool) -> None:
    import torch

    tiny.sentence(tmp_path, pooling="cls_token")
    if newer:
        (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "cls"}))
    found, _ = states(tmp_path, TEXTS)
    wanted = torch.nn.functional.normalize(found[:, 0]).numpy()
    assert np.allclose(load_adapter("sentence", tmp_path).encode_text(TEXTS), wanted, atol=1e-5)


def test_a_long_text_is_cut_where_the_checkpoint_says(sentence: Path) -> None:
    encoder = load_adapter("sentence", sentence)
    long = " ".join(["heart"] * 22)  # and two tokens of the frame
    assert np.array_equal(encoder.encode_text([long]), encoder.encode_text([long + " large" * 40]))
    shorter = " ".join(["heart"] * 21)
    assert not np.allclose(encoder.encode_text([long]), encoder.encode_text([shorter]), atol=1e-6)
    (sentence / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 9999}))
    assert load_adapter("sentence", sentence).encode_text([long * 9]).shape == (1, 16)


def test_a_plain_network_is_averaged(sentence: Path) -> None:
    wanted = load_adapter("sentence", sentence).encode_text(TEXTS)
    for name in ("modules.json", "sentence_bert_config.json", "1_Pooling/config.json"):
        (sentence / name).unlink()
    assert np.allclose(load_adapter("sentence", sentence).encode_text(TEXTS), wanted, atol=1e-6)


def test_a_network_in_a_folder_of_its_own(sentence: Path) -> None:
    wanted = load_adapter("sentence", sentence).encode_text(TEXTS)
    inner = sentence / "0_Transformer"
    inner.mkdir()
    kept = {"modules.json", "1_Pooling", "0_Transformer"}
    for path in sorted(sentence.iterdir()):
        if path.name not in kept:
            path.rename(inner / path.name)
    modules = json.loads((sentence / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (sentence / "modules.json").write_text(json.dumps(modules))
    assert np.array_equal(load_adapter("sentence", sentence).encode_text(TEXTS), wanted)


def _modules(change: Any) -> Any:
    def write(path: Path) -> None:
        modules = json.loads((path / "modules.json").read_text())
        (path / "modules.json").write_text(json.dumps(change(modules)))

    return write


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: (path / "modules.json").write_text("{"),
        lambda path: (path / "modules.json").write_text("[1]"),
        lambda path: (path / "sentence_bert_config.json").write_text('{"max_seq_length": 0}'),
        lambda path: tiny.change(path / "1_Pooling" / "config.json", pooling_mode="max"),
        lambda path: tiny.change(path / "1_Pooling" / "config.json", pooling_mode_max_tokens=True),
        lambda path: tiny.change(path / "config.json", model_type="clip"),
        _modules(lambda modules: [*modules, {"path": "3", "type": "sentence_transformers.Dense"}]),
        _modules(lambda modules: [{**modules[0], "path": "../elsewhere"}, *modules[1:]]),
        _modules(lambda modules: modules[1:]),
    ],
)
def test_what_cannot_be_done_as_said_is_refused(sentence: Path, spoil: Any) -> None:
    spoil(sentence)
    with pytest.raises(ModelError) as caught:
        load_adapter("sentence", sentence)
    assert caught.value.code == "bad_checkpoint"
