"""Any vision-language model of transformers: film(s) and a question in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cxr_agent.errors import UsageError
from cxr_agent.models.adapters.answers import Answer, Decoding, check_words, generate
from cxr_agent.models.adapters.hardware import Hardware, choose
from cxr_agent.models.adapters.pixels import to_picture
from cxr_agent.models.adapters.pretrained import check_trust, from_folder, processor_of
from cxr_agent.models.adapters.sources import Source, folder, resolve
from cxr_agent.study import FloatImage


class VisionLanguageModel:
    """Answers questions about films.

    Parameters
    ----------
    model
        With transformers' ``generate``.
    processor
        Its own preprocessing of pictures and text.
    hardware
        Where it runs.
    """

    def __init__(self, model: Any, processor: Any, hardware: Hardware) -> None:
        self._model = model
        self._processor = processor
        self._hardware = hardware

    def answer(
        self, films: Sequence[FloatImage], question: str, decoding: Decoding | None = None
    ) -> Answer:
        """What the model writes.

        Parameters
        ----------
        films
            (rows, columns) float32 in [0, 1], bone white; at least one, in the order in which the
            question speaks of them.
        question
            Plain words.
        decoding
            Greedy without it.

        Raises
        ------
        UsageError
            ``bad_question`` when the question is empty, has a token that steers the model, or has
            no film to it.
        """
        if not films or not question.strip():
            raise UsageError("bad_question", "a question needs words and a film", hint="Give both.")
        image = str(getattr(self._processor, "image_token", ""))
        check_words(question, self._processor.tokenizer, (image,))
        inputs = self._processor(
            text=[self._prompt(question, len(films), image)],
            images=[[to_picture(film) for film in films]],  # those of the one text
            return_tensors="pt",
        ).to(self._hardware.device, self._hardware.dtype)
        return generate(
            self._model,
            self._processor.tokenizer,
            dict(inputs),
            decoding or Decoding(),
            skip=inputs["input_ids"].shape[1],
        )

    def _prompt(self, question: str, films: int, image: str) -> str:
        if not self._processor.chat_template:
            return image * films + "\n" + question
        parts = [{"type": "image"} for _ in range(films)]
        message = {"role": "user", "content": [*parts, {"type": "text", "text": question}]}
        prompt: str = self._processor.apply_chat_template([message], add_generation_prompt=True)
        return prompt


def load(
    source: Source,
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> VisionLanguageModel:
    """A vision-language model.

    Parameters
    ----------
    source
        A folder or hub name that ``AutoModelForImageTextToText`` reads.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`; on a GPU the default is bfloat16.
    trust_remote_code
        Whether Python code that comes with the checkpoint may run in this process.

    Raises
    ------
    ModelError
        ``remote_code_not_trusted``; ``library_missing``, also where a processor needs torchvision;
        weights missing or of another kind.
    """
    hardware = choose(device, dtype, large=True)
    path = folder(resolve(source, revision=revision), needs="config.json")
    check_trust(path, trust_remote_code, family="vlm")
    trust = {"trust_remote_code": trust_remote_code}
    processor = processor_of(path, family="vlm", **trust)
    model = from_folder("AutoModelForImageTextToText", path, hardware, family="vlm", **trust)
    return VisionLanguageModel(model, processor, hardware)
