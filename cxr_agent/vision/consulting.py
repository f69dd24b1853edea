"""Asking a vision-language model about one film, and remembering what was exchanged."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from cxr_agent.errors import ModelError
from cxr_agent.language import Exchange, LanguageModel, Message, Prompt
from cxr_agent.language.exchange import OK
from cxr_agent.models import adapters, catalogue
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.study import FloatImage
from cxr_agent.vision.settings import VisionSettings, pulled_name

_RUN_MIB: Final = 2048
"""What one answer takes beside the weights: activations and the cache of keys and values."""
_ENDED: Final = {"stop": OK, "length": "model_too_long", "time": "model_timeout"}


@dataclass(frozen=True, slots=True)
class Look:
    """One question with its picture, and what came of it."""

    prompt: Prompt
    messages: tuple[Message, ...]
    exchange: Exchange


class Answers(Protocol):
    """Whoever is shown a film and asked."""

    def ask(self, picture: bytes, question: str) -> tuple[tuple[Message, ...], Exchange]:
        """What went out, and what came of it."""


class AskedModel(Protocol):
    """A vision-language model with its name."""

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> Answers: ...


class VisionModel:
    """The model that is configured; shared by all readings.

    Parameters
    ----------
    settings
        Which one.
    runtime
        Its device runs a local one, and its memory budget keeps it loaded between films.

    Raises
    ------
    ModelError
        ``language_model_missing`` for a hosted one without LiteLLM.
    """

    def __init__(self, settings: VisionSettings, runtime: Runtime) -> None:
        self.settings = settings
        self.source: Answers = (
            _Hosted(LanguageModel(settings.as_model))
            if settings.hosted
            else _Local(settings, runtime)
        )

    @property
    def name(self) -> str:
        return self.settings.name

    def consultation(self) -> Consultation:
        """For one study."""
        return Consultation(self)


class Consultation:
    """What is asked during one reading; safe to use from several threads."""

    def __init__(self, model: AskedModel) -> None:
        self._model = model
        self._looks: list[Look] = []
        self._lock = threading.Lock()

    @property
    def model(self) -> str:
        """Its name."""
        return self._model.name

    def ask(self, picture: bytes, prompt: Prompt, subject: str) -> Exchange:
        """Put one question. Trouble with a hosted model is an outcome.

        Parameters
        ----------
        picture
            PNG as :func:`cxr_agent.imaging.burned_in.picture_to_send` prepares it.
        subject
            What fills the prompt in: the name of a finding.

        Raises
        ------
        ModelError
            When a local model cannot be loaded.
        """
        question = prompt.text.replace("{finding}", subject)
        messages, exchange = self._model.source.ask(picture, question)
        with self._lock:
            self._looks.append(Look(prompt, messages, exchange))
        return exchange

    def taken(self) -> tuple[Look, ...]:
        """What was exchanged since this was last asked for, to be recorded."""
        with self._lock:
            looks, self._looks = tuple(self._looks), []
        return looks


@dataclass(frozen=True, slots=True)
class _Hosted:
    model: LanguageModel

    def ask(self, picture: bytes, question: str) -> tuple[tuple[Message, ...], Exchange]:
        data = base64.b64encode(picture).decode("ascii")
        content = [
            {"type": "text", "text": question},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
        ]
        messages: tuple[Message, ...] = ({"role": "user", "content": content},)
        return messages, self.model.ask(messages)


@dataclass(frozen=True, slots=True)
class _Local:
    settings: VisionSettings
    runtime: Runtime

    def ask(self, picture: bytes, question: str) -> tuple[tuple[Message, ...], Exchange]:
        from cxr_agent.models.adapters.answers import Decoding

        settings = self.settings
        how = Decoding(max_new_tokens=settings.answer_tokens, seconds=settings.seconds)
        with self._held() as model:
            answer = model.answer([_film(picture)], question, how)
        outcome = _ENDED[answer.finish.value]
        if not answer.text:
            outcome = "model_empty"
        messages: tuple[Message, ...] = ({"role": "user", "content": question},)
        return messages, Exchange(
            model=settings.name,
            outcome=outcome,
            text=answer.text,
            tokens_out=answer.tokens,
            cost=0.0,
            seconds=answer.seconds,
        )

    @contextmanager
    def _held(self) -> Iterator[Any]:
        name = pulled_name(self.settings.name)
        if catalogue.find(name).trust_remote_code and not self.settings.trust_remote_code:
            raise ModelError(
                "remote_code_not_trusted",
                f"{name} brings its own Python code, which would run here",
                hint="Read that code; if you trust it, set trust_remote_code = true in [vlm].",
            )
        found = catalogue.installed(name)
        weights = sum(file.size for file in found.files) // 2**20 if found else 0

        def load() -> Any:
            return adapters.load_pulled(
                name,
                device=str(self.runtime.device),
                trust_remote_code=self.settings.trust_remote_code,
            )

        with self.runtime.memory.held(name, load, 1 + weights + _RUN_MIB) as model:
            yield model


def _film(picture: bytes) -> FloatImage:
    """The prepared picture as a film: a local model is shown no more than a hosted one."""
    from PIL import Image

    with Image.open(io.BytesIO(picture), formats=("PNG",)) as grey:
        return np.asarray(grey, dtype=np.float32) / np.float32(255)
