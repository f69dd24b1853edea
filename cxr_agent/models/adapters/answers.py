"""What a language model gives: text as data, with how it came to its end."""

from __future__ import annotations

import time
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cxr_agent.errors import UsageError
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.quiet import quiet


class Finish(StrEnum):
    """Why the text ends where it does."""

    STOP = "stop"
    """The model ended it."""
    LENGTH = "length"
    """It reached the most tokens allowed."""
    TIME = "time"
    """It ran out of time."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How text is made; greedy unless told otherwise, so the same film gives the same text."""

    max_new_tokens: int = 256
    seconds: float = 120.0
    """Looked at after every token; the reading of the prompt itself is not cut short."""
    temperature: float = 0.0
    """0 takes the likeliest token each time; above, tokens are drawn."""
    seed: int = 0
    """Of the draw."""

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1 or self.seconds <= 0 or self.temperature < 0:
            raise UsageError(
                "bad_decoding",
                "tokens and seconds must be above zero and the temperature not below",
                hint="Leave Decoding() as it is for greedy text of up to 256 tokens.",
            )


@dataclass(frozen=True, slots=True)
class Answer:
    """Text of a model. It is data: never run it, and never take it for a finding."""

    text: str
    finish: Finish
    tokens: int
    seconds: float


def generate(
    model: Any, tokenizer: Any, inputs: dict[str, Any], decoding: Decoding, *, skip: int
) -> Answer:
    """Let a model write.

    Parameters
    ----------
    model
        With transformers' ``generate``.
    tokenizer
        Turns its tokens into text.
    inputs
        For ``generate``, one row.
    decoding
        Limits.
    skip
        Leading tokens of the output that belong to the prompt.
    """
    torch = library("torch")
    began = time.monotonic()
    deadline = _Deadline(began + decoding.seconds)
    drawn = decoding.temperature > 0
    how = {"temperature": decoding.temperature} if drawn else {"temperature": None}
    place = model.device
    forked = torch.random.fork_rng(devices=[place] if place.type == "cuda" else [])
    with torch.inference_mode(), forked, quiet("transformers"):
        torch.manual_seed(decoding.seed)
        output = model.generate(
            **inputs,
            max_new_tokens=decoding.max_new_tokens,
            do_sample=drawn,
            num_beams=1,
            top_p=None,
            top_k=None,
            stopping_criteria=library("transformers").StoppingCriteriaList([deadline]),
            **how,
        )
    written = output[0][skip:]
    finish = Finish.STOP
    if deadline.passed:
        finish = Finish.TIME
    elif len(written) >= decoding.max_new_tokens and not _ended(model, written):
        finish = Finish.LENGTH
    text = tokenizer.decode(written, skip_special_tokens=True)
    return Answer(plain(text), finish, len(written), time.monotonic() - began)


class _Deadline:
    """Ends generation; remembers whether it did."""

    def __init__(self, at: float) -> None:
        self._at = at
        self.passed = False

    def __call__(self, tokens: Any, scores: Any, **_: Any) -> Any:
        self.passed = time.monotonic() > self._at
        return library("torch").full((len(tokens),), self.passed, device=tokens.device)


def _ended(model: Any, written: Any) -> bool:
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    return int(written[-1]) in ends


def plain(text: str) -> str:
    """``text`` without control characters, which could steer a terminal; line ends stay."""
    kept = (c for c in text if c in "\n\t" or not unicodedata.category(c).startswith("C"))
    return "".join(kept).strip()


def check_words(text: str, tokenizer: Any, also: tuple[str, ...] = ()) -> str:
    """``text`` as a caller gave it for a prompt, if it steers nothing.

    Raises
    ------
    UsageError
        ``bad_question`` when it holds a token that stands for a role, an image or an end.
    """
    marks = {mark for mark in (*tokenizer.all_special_tokens, *also) if mark}
    if any(mark in text for mark in marks):
        raise UsageError(
            "bad_question",
            "the text holds a token that has a meaning of its own for this model",
            hint="Leave out what stands in <angle brackets> or [square ones].",
        )
    return text
