"""CheXbert, the labeler of radiology reports (Smit et al., "CheXbert: Combining Automatic Labelers
and Expert Annotations for Accurate Radiology Report Labeling Using BERT", EMNLP 2020).

A BERT whose first token's vector goes into 14 linear heads: four classes for 13 observations, two
for No Finding. The published checkpoint, ``chexbert.pth``, holds under ``model_state_dict`` names
such as ``module.bert.embeddings.word_embeddings.weight`` and ``module.linear_heads.0.weight``; its
tokenizer is that of bert-base-uncased and does not come with it.

It is none of :data:`~cxr_agent.models.adapters.FAMILIES`: those can be pulled with pinned size and
checksum, which could not be had for it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.models.adapters.checkpoints import bad_layout, fill, read_tensors
from cxr_agent.models.adapters.hardware import choose
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.pretrained import tokenizer_of
from cxr_agent.models.adapters.sources import Source, folder, one_file, read_json, resolve

OBSERVATIONS: Final = 13
CLASSES: Final = ("not_mentioned", "positive", "negative", "uncertain")
"""Of each observation, in the order of its head's outputs; No Finding has the first two."""
_AT_ONCE: Final = 8
_LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class ReportLabels:
    """One report."""

    classes: tuple[str, ...]
    """Of the 13 observations in CheXbert's order, and of No Finding."""
    embedding: NDArray[np.float32]
    """(dimension,): the first token's vector, which RadCliQ's s_emb compares."""


class CheXbert:
    """Labels reports.

    Parameters
    ----------
    read
        Texts to the vectors of their first tokens, (n, dimension).
    heads
        Those to 14 tensors of scores, (n, 4) and (n, 2).
    """

    name = "CheXbert"

    def __init__(self, read: Any, heads: Any) -> None:
        self._read = read
        self._heads = heads

    def label(self, reports: Sequence[str]) -> list[ReportLabels]:
        """The most likely class of each label; reports are cut after 512 word pieces."""
        with library("torch").inference_mode():
            return [
                one
                for start in range(0, len(reports), _AT_ONCE)
                for one in self._labels([*reports[start : start + _AT_ONCE]])
            ]

    def _labels(self, reports: list[str]) -> list[ReportLabels]:
        vectors = self._read([" ".join(report.split()) for report in reports])
        told = [head.argmax(dim=1).tolist() for head in self._heads(vectors)]
        rows = vectors.float().cpu().numpy()
        return [
            ReportLabels(tuple(CLASSES[head[place]] for head in told), rows[place])
            for place in range(len(reports))
        ]


def load(
    source: Source,
    tokenizer: Source = "google-bert/bert-base-uncased",
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
) -> CheXbert:
    """Load a checkpoint.

    Parameters
    ----------
    source
        ``chexbert.pth``, or a folder that holds one ``.pth`` file.
    tokenizer
        Folder or hub name of the BERT that it was trained from: its vocabulary and
        ``config.json`` are taken, its weights are not.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`; the revision is the tokenizer's.

    Raises
    ------
    ModelError
        Weights or libraries missing, or another model's checkpoint.
    """
    hardware = choose(device, dtype)
    tensors = _tensors(one_file(resolve(source, fetch=False), ("*.pth", "*.pt", "*.safetensors")))
    words = folder(resolve(tokenizer, revision=revision), needs="config.json")
    network = fill(_network(tensors, words), tensors, family="chexbert").to(
        device=hardware.device, dtype=hardware.dtype
    )
    kit = tokenizer_of(words)
    longest = min(_LONGEST, int(network.bert.config.max_position_embeddings))

    def read(texts: list[str]) -> Any:
        tokens = kit(
            texts, padding=True, truncation=True, max_length=longest, return_tensors="pt"
        ).to(hardware.device)
        mask = tokens["attention_mask"]
        return network.bert(input_ids=tokens["input_ids"], attention_mask=mask)[0][:, 0]

    def heads(vectors: Any) -> list[Any]:
        return [head(vectors) for head in network.linear_heads]

    return CheXbert(read, heads)


def _tensors(path: Path) -> dict[str, Any]:
    """Those of the checkpoint; older versions of transformers kept position numbers among them."""
    tensors = read_tensors(path)
    return {name: one for name, one in tensors.items() if not name.endswith(".position_ids")}


def _network(tensors: dict[str, Any], words: Path) -> Any:
    torch, kit = library("torch"), library("transformers")
    try:
        vocabulary, width = tensors["bert.embeddings.word_embeddings.weight"].shape
        places = tensors["bert.embeddings.position_embeddings.weight"].shape[0]
        inner = tensors["bert.encoder.layer.0.intermediate.dense.weight"].shape[0]
    except (KeyError, ValueError, IndexError):
        raise bad_layout("chexbert", "it holds no BERT") from None
    layers = {name.split(".")[3] for name in tensors if name.startswith("bert.encoder.layer.")}
    said = read_json(words / "config.json")
    if said.get("hidden_size") != width or not isinstance(said.get("num_attention_heads"), int):
        raise bad_layout("chexbert", "the tokenizer's folder is of a BERT of another size")
    config = kit.BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=len(layers),
        num_attention_heads=said["num_attention_heads"],
        intermediate_size=inner,
        max_position_embeddings=places,
    )
    network = torch.nn.Module()
    network.bert = kit.BertModel(config)
    network.linear_heads = torch.nn.ModuleList(
        torch.nn.Linear(width, len(CLASSES) if place < OBSERVATIONS else 2)
        for place in range(OBSERVATIONS + 1)
    )
    return network
