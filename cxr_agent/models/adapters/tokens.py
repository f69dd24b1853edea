"""Vectors of a text's tokens, from any encoder that transformers loads: what BERTScore compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import UsageError
from cxr_agent.models.adapters.hardware import Hardware, choose
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.pretrained import from_folder, tokenizer_of
from cxr_agent.models.adapters.sources import Source, folder, read_json, resolve

_AT_ONCE: Final = 8
_FIRST_PLACE: Final = {"mpnet": 2, "roberta": 2, "xlm-roberta": 2}
"""Places of a network that hold no token."""
_SPACE_FIRST: Final = frozenset({"roberta", "xlm-roberta"})
"""Networks whose first word is read as others are, with a space before it."""


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """One text."""

    ids: tuple[int, ...]
    """Of the tokenizer, special tokens with them."""
    vectors: NDArray[np.float32]
    """(tokens, dimension), as the layer gives them."""


class TokenEncoder:
    """Texts to vectors of their tokens at one layer.

    Parameters
    ----------
    model, tokenizer
        Of transformers.
    hardware
        Where the model is.
    layer
        0 is what goes into the first layer, 1 what comes out of it.
    longest
        Tokens that are read.
    """

    def __init__(
        self, model: Any, tokenizer: Any, hardware: Hardware, layer: int, longest: int
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._hardware = hardware
        self.layer = layer
        self._longest = longest
        self._space = model.config.model_type in _SPACE_FIRST

    def token_ids(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """What each text is cut into; a text without a word has its special tokens alone."""
        return [
            tuple(
                self._tokenizer(self._opened(text), truncation=True, max_length=self._longest)[
                    "input_ids"
                ]
            )
            for text in texts
        ]

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Each text's tokens with their vectors; what is longer than the network reads is cut."""
        torch = library("torch")
        known = self.token_ids(texts)
        found: list[TokenVectors] = []
        with torch.inference_mode():
            for start in range(0, len(known), _AT_ONCE):
                found += self._encoded(known[start : start + _AT_ONCE])
        return found

    def _encoded(self, known: Sequence[tuple[int, ...]]) -> list[TokenVectors]:
        torch = library("torch")
        width = max(len(ids) for ids in known)
        filler = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([[*one, *[filler] * (width - len(one))] for one in known])
        mask = torch.tensor([[1] * len(one) + [0] * (width - len(one)) for one in known])
        states = self._model(
            input_ids=ids.to(self._hardware.device),
            attention_mask=mask.to(self._hardware.device),
            output_hidden_states=True,
        ).hidden_states[self.layer]
        rows = states.float().cpu().numpy()
        return [TokenVectors(one, rows[n, : len(one)]) for n, one in enumerate(known)]

    def _opened(self, text: str) -> str:
        text = text.strip()
        return f" {text}" if self._space and text else text


def load(
    source: Source,
    *,
    layer: int | None = None,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
) -> TokenEncoder:
    """An encoder of tokens.

    Parameters
    ----------
    source
        A folder or hub name of an encoder such as BERT, RoBERTa or DistilBERT. RadCliQ's is
        ``distilbert/distilroberta-base`` at layer 5.
    layer
        Which layer's vectors; the last one without it.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`.

    Raises
    ------
    UsageError
        ``bad_layer`` for a layer that the network has not.
    ModelError
        Weights or libraries missing, or another model's checkpoint.
    """
    hardware = choose(device, dtype)
    path = folder(resolve(source, revision=revision), needs="config.json")
    model = from_folder("AutoModel", path, hardware, family="tokens")
    layers = int(model.config.num_hidden_layers)
    wanted = layers if layer is None else layer
    if not 0 <= wanted <= layers:
        raise UsageError(
            "bad_layer",
            f"the network has layers 0 to {layers}, and {wanted} was asked for",
            hint="bert-score's table of models names the layer for each; RadCliQ takes 5.",
        )
    kind = str(read_json(path / "config.json").get("model_type"))
    places = int(model.config.max_position_embeddings) - _FIRST_PLACE.get(kind, 0)
    return TokenEncoder(model, tokenizer_of(path), hardware, wanted, places)
