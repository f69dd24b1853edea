"""Asking a language model through LiteLLM: streamed, within a deadline, three requests at most."""

from __future__ import annotations

import os
import queue
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from cxr_agent.errors import ModelError
from cxr_agent.language.attempts import Trouble, pause_before_next
from cxr_agent.language.exchange import OK, Exchange, Heard, Message, WantedCall
from cxr_agent.language.settings import ModelSettings
from cxr_agent.language.thinking import Thoughts

_MOST_CHARACTERS: Final = 64_000
"""Of a reply, text and arguments together: a model that writes more has left the rails."""
_MOST_CALLS: Final = 32
_CHARACTERS_PER_TOKEN: Final = 4


class LanguageModel:
    """One model; safe to be asked from several threads.

    Parameters
    ----------
    settings
        Which model, where, and for how long it may think.

    Raises
    ------
    ModelError
        ``language_model_missing`` when LiteLLM is not installed.
    """

    def __init__(self, settings: ModelSettings) -> None:
        from importlib.util import find_spec

        if find_spec("litellm") is None:
            raise ModelError(
                "language_model_missing",
                "asking a language model needs the library litellm",
                hint="pip install 'cxr-agent[llm]'",
            )
        self.settings = settings

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def takes_images(self) -> bool:
        """Whether pictures may be put to it at all."""
        if self.settings.takes_images is not None:
            return self.settings.takes_images
        return bool(_litellm().supports_vision(self.settings.name))

    def ask(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[dict[str, Any]] = (),
        heard: Heard | None = None,
    ) -> Exchange:
        """Put one question.

        Parameters
        ----------
        tools
            What it may call, in OpenAI's form.
        heard
            Told of each piece of text as it arrives. Once it was told something, a reply that
            breaks off is not asked for again.

        Returns
        -------
        Exchange
            Its ``outcome`` says what went wrong, if anything did.
        """
        _litellm()  # its import takes seconds, which are not the server's
        began = time.monotonic()
        deadline = began + self.settings.seconds
        made = wasted_in = wasted_out = 0
        while True:
            made += 1
            gathered = _Gathered()
            try:
                self._gather(gathered, messages, tools, heard, deadline)
                outcome = gathered.outcome()
            except Trouble as trouble:
                outcome = trouble.code
                spoken = heard is not None and bool(gathered.text)
                pause = pause_before_next(trouble, made, deadline - time.monotonic())
                if pause is not None and not spoken:
                    lost = self._exchange(gathered, messages, outcome)
                    wasted_in, wasted_out = wasted_in + lost.tokens_in, wasted_out + lost.tokens_out
                    time.sleep(pause)
                    continue
            exchange = self._exchange(gathered, messages, outcome)
            tokens_in, tokens_out = exchange.tokens_in + wasted_in, exchange.tokens_out + wasted_out
            return replace(
                exchange,
                attempts=made,
                tokens_in=tokens_in,
                tokens_out=tokens_out,
                cost=self._cost(tokens_in, tokens_out),
                seconds=time.monotonic() - began,
            )

    def _gather(
        self,
        gathered: _Gathered,
        messages: Sequence[Message],
        tools: Sequence[dict[str, Any]],
        heard: Heard | None,
        deadline: float,
    ) -> None:
        for chunk in self._chunks(messages, tools, deadline):
            text = gathered.take(chunk)
            if text and heard is not None:
                heard(text)
            if gathered.size > _MOST_CHARACTERS or len(gathered.calls) > _MOST_CALLS:
                raise Trouble("model_endless")
        rest = gathered.end()
        if rest and heard is not None:
            heard(rest)

    def _chunks(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]], deadline: float
    ) -> Iterator[Any]:
        """Pieces of a reply. LiteLLM's own timeout is no deadline: a slow stream outlasts it."""
        arrived: queue.Queue[Any] = queue.Queue()
        over = threading.Event()
        arguments = self._arguments(messages, tools, deadline - time.monotonic())

        def work() -> None:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    reply = _litellm().completion(**arguments)
                    for chunk in reply:
                        if over.is_set():
                            return
                        arrived.put(chunk)
                # LiteLLM makes up an end where the stream broke off; this is the server's own.
                ended = getattr(reply, "received_finish_reason", None) is not None
                arrived.put(None if ended else Trouble("model_cut_off"))
            except BaseException as error:
                arrived.put(error)

        threading.Thread(target=work, name="language model", daemon=True).start()
        try:
            while True:
                left = deadline - time.monotonic()
                try:
                    piece = arrived.get(timeout=max(left, 0.001))
                except queue.Empty:
                    raise Trouble("model_timeout") from None
                if piece is None:
                    return
                if isinstance(piece, BaseException):
                    raise _trouble(piece) from None
                yield piece
        finally:
            over.set()

    def _arguments(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]], seconds: float
    ) -> dict[str, Any]:
        settings = self.settings
        arguments: dict[str, Any] = {
            "model": settings.name,
            "messages": list(messages),
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": settings.temperature,
            "max_tokens": settings.answer_tokens,
            "timeout": max(seconds, 0.001),
            "max_retries": 0,
            "num_retries": 0,
            "drop_params": True,
            # With tools LiteLLM 1.106 else imports an MCP library that it does not require.
            "_skip_mcp_handler": True,
        }
        if tools:
            arguments["tools"] = list(tools)
        if settings.api_base:
            arguments["api_base"] = settings.api_base
            if not os.environ.get("OPENAI_API_KEY"):
                arguments["api_key"] = "none"  # a server of one's own wants no key, LiteLLM does
        return arguments

    def _exchange(self, gathered: _Gathered, messages: Sequence[Message], outcome: str) -> Exchange:
        asked = sum(len(str(message.get("content") or "")) for message in messages)
        tokens_in = gathered.tokens_in or -(-asked // _CHARACTERS_PER_TOKEN)
        tokens_out = gathered.tokens_out or -(-gathered.size // _CHARACTERS_PER_TOKEN)
        if not gathered.size and outcome != OK and not gathered.tokens_in:
            tokens_in = 0  # refused before it was read
        return Exchange(
            model=self.name,
            outcome=outcome,
            text=_clean(gathered.text),
            calls=tuple(
                WantedCall(call.id or f"call_{place}", _clean(call.name), _clean(call.arguments))
                for place, call in sorted(gathered.calls.items())
            ),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cost=self._cost(tokens_in, tokens_out),
        )

    def _cost(self, tokens_in: int, tokens_out: int) -> float | None:
        if self.settings.local:
            return 0.0
        try:
            prompt, completion = _litellm().cost_per_token(
                model=self.name, prompt_tokens=tokens_in, completion_tokens=tokens_out
            )
        except Exception:  # a model that LiteLLM has no price of
            return None
        return float(prompt + completion)


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class _Gathered:
    """A reply as far as it has come."""

    thoughts: Thoughts = field(default_factory=Thoughts)
    calls: dict[int, _Call] = field(default_factory=dict)
    tokens_in: int = 0
    tokens_out: int = 0
    cut_short: bool = False

    @property
    def text(self) -> str:
        """What was said; a model's thoughts are left out."""
        return self.thoughts.said

    @property
    def size(self) -> int:
        return self.thoughts.size + sum(len(c.name) + len(c.arguments) for c in self.calls.values())

    def take(self, chunk: Any) -> str:
        """Add a chunk; returns what of its text may be shown."""
        usage = getattr(chunk, "usage", None)
        if usage is not None:
            self.tokens_in = getattr(usage, "prompt_tokens", 0) or self.tokens_in
            self.tokens_out = getattr(usage, "completion_tokens", 0) or self.tokens_out
        added = ""
        for choice in getattr(chunk, "choices", None) or ():
            delta = getattr(choice, "delta", None)
            text = getattr(delta, "content", None)
            if isinstance(text, str):
                added += text
            for part in getattr(delta, "tool_calls", None) or ():
                self._add(part)
            reason = getattr(choice, "finish_reason", None)
            self.cut_short = self.cut_short or reason == "length"
        return self.thoughts.take(added)

    def end(self) -> str:
        """Nothing more comes; returns what was held back of the text."""
        return self.thoughts.end()

    def outcome(self) -> str:
        if self.cut_short:
            return "model_too_long"
        return OK if self.text.strip() or self.calls else "model_empty"

    def _add(self, part: Any) -> None:
        call = self.calls.setdefault(int(getattr(part, "index", None) or 0), _Call())
        call.id = getattr(part, "id", None) or call.id
        function = getattr(part, "function", None)
        call.name += getattr(function, "name", None) or ""
        call.arguments += getattr(function, "arguments", None) or ""


_BY_STATUS: Final = {
    400: "model_refused",
    401: "model_key",
    402: "model_key",
    403: "model_key",
    404: "model_unknown",
    408: "model_timeout",
    422: "model_refused",
    429: "model_rate_limited",
}


def _trouble(error: BaseException) -> Trouble:
    """What a failure of LiteLLM means. Its text is never kept: it may quote what was sent."""
    if isinstance(error, Trouble):
        return error
    names = {cls.__name__ for one in _chain(error) for cls in type(one).__mro__}
    if "Timeout" in names or "APITimeoutError" in names:
        return Trouble("model_timeout")
    if "ConnectError" in names or "RemoteProtocolError" in names:
        return Trouble("model_unreachable")
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status in _BY_STATUS:
        return Trouble(_BY_STATUS[status], _wait(error))
    if isinstance(status, int) and status >= 500:
        return Trouble("model_server_error", _wait(error))
    return Trouble("model_malformed")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it was raised from: LiteLLM calls a refused connection a server error."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _wait(error: BaseException) -> float | None:
    headers = getattr(error, "litellm_response_headers", None) or {}
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except (TypeError, ValueError):
        return None


def _clean(text: str) -> str:
    """Text that fits in a file: half a character, as a broken stream may leave, does not."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _litellm() -> Any:
    """LiteLLM, kept from fetching a price list and from printing."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_LOG", "ERROR")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm
    litellm.suppress_debug_info = True
    return litellm
