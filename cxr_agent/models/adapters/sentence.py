"""Sentence encoders in the layout of sentence-transformers, through transformers (Reimers and
Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks", EMNLP 2019).

A network like BERT, whose vectors of a text's tokens are pooled to one. What the small files of the
layout say is done; a module that is none of the three below would change the vectors, so a
checkpoint with one is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

from cxr_agent.errors import ModelError
from cxr_agent.models.adapters.checkpoints import bad_layout
from cxr_agent.models.adapters.hardware import choose
from cxr_agent.models.adapters.pretrained import from_folder, tokenizer_of
from cxr_agent.models.adapters.sources import Source, folder, read_json, resolve
from cxr_agent.models.adapters.vectors import TextEncoder

_FIRST_PLACE: Final = {"bert": 0, "distilbert": 0, "mpnet": 2, "roberta": 2, "xlm-roberta": 2}
"""Where the first token's place lies among a network's: the places before it hold no token."""
_MODULES: Final = "modules.json"


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the small files say."""

    network: Path
    """Folder of the network and its tokenizer."""
    pooling: Literal["cls", "mean"] = "mean"
    longest: int | None = None
    """Tokens that are read, where a file says so."""
    lower_case: bool = False


def load(
    source: Source = "sentence-transformers/all-MiniLM-L6-v2",
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
) -> TextEncoder:
    """An encoder of texts.

    Parameters
    ----------
    source
        A folder or hub name in sentence-transformers' layout, or a plain network of transformers,
        whose tokens are then averaged.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`.

    Raises
    ------
    ModelError
        Weights or libraries missing, or another model's checkpoint.
    """
    hardware = choose(device, dtype)
    layout = _layout(resolve(source, revision=revision))
    path = folder(layout.network, needs="config.json")
    kind = read_json(path / "config.json").get("model_type")
    if kind not in _FIRST_PLACE:
        raise bad_layout("sentence", f"its config says {kind}")
    model = from_folder("AutoModel", path, hardware, family="sentence")
    tokenizer = tokenizer_of(path)
    places = int(model.config.max_position_embeddings) - _FIRST_PLACE[kind]
    longest = min(places, layout.longest or places)

    def read(texts: list[str]) -> Any:
        tokens = tokenizer(
            [text.lower() if layout.lower_case else text for text in texts],
            padding=True,
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        ).to(hardware.device)
        mask = tokens["attention_mask"]
        found = model(input_ids=tokens["input_ids"], attention_mask=mask).last_hidden_state
        if layout.pooling == "cls":
            return found[:, 0]
        weights = mask[:, :, None].to(found.dtype)
        return (found * weights).sum(1) / weights.sum(1)

    return TextEncoder(read, int(model.config.hidden_size))


def _layout(path: Path) -> _Layout:
    if not (path / _MODULES).is_file():
        return _Layout(path)
    places: dict[str, Path] = {}
    for module in _modules(path / _MODULES):
        kind = module["type"].rpartition(".")[2]
        within = PurePosixPath(module["path"])
        if kind not in ("Transformer", "Pooling", "Normalize") or kind in places:
            raise bad_layout("sentence", f"it has a module {kind[:40]} that is not read here")
        if within.is_absolute() or ".." in within.parts:
            raise _damaged(path)
        places[kind] = path / within
    if "Transformer" not in places:
        raise bad_layout("sentence", "it has no module Transformer")
    said = read_json(places["Transformer"] / "sentence_bert_config.json")
    longest = said.get("max_seq_length")
    if longest is not None and (not isinstance(longest, int) or longest < 1):
        raise _damaged(path)
    return _Layout(
        places["Transformer"],
        _pooling(read_json(places["Pooling"] / "config.json") if "Pooling" in places else {}),
        longest,
        said.get("do_lower_case") is True,
    )


def _modules(path: Path) -> list[dict[str, str]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return [{"type": str(one["type"]), "path": str(one["path"])} for one in found]
    except (OSError, ValueError, TypeError, KeyError):
        raise _damaged(path.parent) from None


def _pooling(config: dict[str, Any]) -> Literal["cls", "mean"]:
    """Older files have a switch for every way, newer ones name one; where none is, the mean."""
    named = config.get("pooling_mode")
    ways = {str(named)} if named else {key for key in config if _is_on(key, config[key])}
    if not ways or ways <= {"mean", "pooling_mode_mean_tokens"}:
        return "mean"
    if ways <= {"cls", "pooling_mode_cls_token"}:
        return "cls"
    raise bad_layout("sentence", "its vectors are pooled in a way that is not done here")


def _is_on(key: str, value: object) -> bool:
    return key.startswith("pooling_mode_") and value is True


def _damaged(path: Path) -> ModelError:
    return ModelError(
        "bad_checkpoint", f"the small files of {path} are damaged", hint="Fetch it again."
    )
