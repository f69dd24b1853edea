"""CheXagent-2 (Chen et al., "CheXagent: Towards a Foundation Model for Chest X-Ray
Interpretation", arXiv 2401.12208).

Its network and its tokenizer are Python code that comes with the checkpoint, so nothing loads
unless the caller says that this code may run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import UsageError
from cxr_agent.models.adapters.answers import Answer, Decoding, check_words, generate
from cxr_agent.models.adapters.checkpoints import bad_layout
from cxr_agent.models.adapters.hardware import Hardware, choose
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.pixels import to_picture
from cxr_agent.models.adapters.pretrained import from_folder, needs_trust, tokenizer_of
from cxr_agent.models.adapters.sources import Source, folder, resolve
from cxr_agent.study import FloatImage

_FAMILY: Final = "chexagent"
_SYSTEM: Final = "You are a helpful assistant."
"""As on the model's page."""


class CheXagent:
    """Answers questions about films.

    Parameters
    ----------
    model, tokenizer
        Of the checkpoint's own code.
    hardware
        Where they run.
    """

    def __init__(self, model: Any, tokenizer: Any, hardware: Hardware) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._hardware = hardware

    def answer(
        self, films: Sequence[FloatImage], question: str, decoding: Decoding | None = None
    ) -> Answer:
        """What the model writes; arguments and errors as for
        :meth:`vlm.VisionLanguageModel.answer`."""
        if not films or not question.strip():
            raise UsageError("bad_question", "a question needs words and a film", hint="Give both.")
        check_words(question, self._tokenizer)
        # Its tokenizer takes paths, and its network opens them.
        with tempfile.TemporaryDirectory(prefix="film-") as place:
            parts: list[dict[str, str]] = []
            for number, film in enumerate(films):
                path = Path(place) / f"{number}.png"
                to_picture(film).save(path)
                parts.append({"image": str(path)})
            query = self._tokenizer.from_list_format([*parts, {"text": question}])
            words = self._tokenizer.apply_chat_template(
                [{"from": "system", "value": _SYSTEM}, {"from": "human", "value": query}],
                add_generation_prompt=True,
                return_tensors="pt",
                return_dict=False,
            ).to(self._hardware.device)
            inputs = {"input_ids": words, "attention_mask": library("torch").ones_like(words)}
            return generate(
                self._model,
                self._tokenizer,
                inputs,
                decoding or Decoding(),
                skip=words.shape[1],
            )


def load(
    source: Source = "StanfordAIMI/CheXagent-2-3b",
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> CheXagent:
    """CheXagent-2.

    Parameters
    ----------
    source
        A folder or hub name.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`; on a GPU the default is bfloat16.
    trust_remote_code
        Whether the Python code of the checkpoint may run in this process, with all its rights.

    Raises
    ------
    ModelError
        ``remote_code_not_trusted`` unless it may; ``library_missing`` where that code needs a
        library that is not here; weights missing or of another kind.
    """
    hardware = choose(device, dtype, large=True)
    path = folder(resolve(source, revision=revision), needs="config.json")
    if not trust_remote_code:
        raise needs_trust(_FAMILY)
    tokenizer = tokenizer_of(path, trust_remote_code=True)
    if not hasattr(tokenizer, "from_list_format"):
        raise bad_layout(_FAMILY, "its tokenizer does not take films")
    model = from_folder(
        "AutoModelForCausalLM", path, hardware, family=_FAMILY, trust_remote_code=True
    )
    return CheXagent(model, tokenizer, hardware)
