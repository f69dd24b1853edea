"""One exchange with a model's server: every way it can go wrong has one outcome."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.errors import ConfigError, ModelError, UsageError
from cxr_agent.language import LanguageModel, ModelSettings, configured_model, load_prompt
from cxr_agent.language.thinking import Thoughts
from cxr_agent.testing.stub_server import Reply, StubServer

ASK = [{"role": "user", "content": "How large is the heart?"}]
TOOL = {
    "type": "function",
    "function": {"name": "measure", "parameters": {"type": "object", "properties": {}}},
}
LONG = "The heart is not enlarged, as far as this film shows it. " * 8


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr_agent.language.attempts._PAUSES", (0.02, 0.02))


def asked(script: Sequence[Reply], seconds: float = 20.0, **rest: Any) -> tuple[Any, int]:
    """The exchange, and how many requests the server saw."""
    with StubServer(script) as server:
        settings = ModelSettings(name="openai/stub", api_base=server.url, seconds=seconds)
        exchange = LanguageModel(settings).ask(ASK, tools=[TOOL], **rest)
        return exchange, len(server.requests)


def test_a_text_arrives_in_pieces_and_whole() -> None:
    heard: list[str] = []
    exchange, requests = asked([Reply.said(LONG, tokens_in=7, tokens_out=9)], heard=heard.append)
    assert (exchange.outcome, exchange.text, requests) == ("ok", LONG, 1)
    assert "".join(heard) == LONG
    assert len(heard) > 5
    assert (exchange.tokens_in, exchange.tokens_out, exchange.cost) == (7, 9, 0.0)


@pytest.mark.parametrize(
    "said",
    [
        f"<think>A large heart < 0.6? {LONG}</think>\nIt is 0.46.",
        f"The template opened them. {LONG}</think>It is 0.46.",
        "<think>one</think>It is <think>two</think>0.46.",
    ],
)
def test_thoughts_are_left_out(said: str) -> None:
    heard: list[str] = []
    exchange, _ = asked([Reply.said(said)], heard=heard.append)
    assert exchange.fine
    assert exchange.text.strip() == "It is 0.46."
    if said.startswith("<think>"):
        assert "".join(heard) == exchange.text


def test_thoughts_alone_are_no_answer() -> None:
    exchange, _ = asked([Reply.said(f"<think>{LONG}")])
    assert (exchange.outcome, exchange.text) == ("model_empty", "")


@given(st.lists(st.sampled_from(["<", "<th", "ink>", "</", "think>", "a", " < b"]), max_size=12))
def test_however_a_reply_is_cut_the_same_is_left(pieces: list[str]) -> None:
    cut, whole = Thoughts(), Thoughts()
    shown = "".join([*(cut.take(piece) for piece in pieces), cut.end()])
    whole.take("".join(pieces))
    whole.end()
    assert cut.said == whole.said
    assert shown.endswith(cut.said)
    assert "think>" not in cut.said or "<think>" not in cut.said


def test_calls_side_by_side_arrive_as_they_were_written() -> None:
    exchange, _ = asked([Reply.calls([("one", {"film": "img-1"}), ("two", "{broken")])])
    assert [(c.tool, c.arguments) for c in exchange.calls] == [
        ("one", '{"film": "img-1"}'),
        ("two", "{broken"),
    ]
    assert len({call.id for call in exchange.calls}) == 2


TROUBLE = [
    ([Reply.error(401)], "model_key", 1),
    ([Reply.error(403)], "model_key", 1),
    ([Reply.error(404)], "model_unknown", 1),
    ([Reply.error(400)], "model_refused", 1),
    ([Reply.error(429)], "model_rate_limited", 3),
    ([Reply.error(500)], "model_server_error", 3),
    ([Reply.error(503)], "model_server_error", 3),
    ([Reply.said(LONG).cut(10)], "model_cut_off", 3),
    ([Reply.said(LONG).cut(900)], "model_cut_off", 3),
    ([Reply.calls([("one", {"film": "img-1" * 30})]).cut(700)], "model_cut_off", 3),
    ([Reply.raw(b"{nope")], "model_cut_off", 3),
    ([Reply.raw(b"<html>busy</html>", "text/html")], "model_cut_off", 3),
    ([Reply.raw(b"")], "model_cut_off", 3),
    ([Reply(no_choices=True)], "model_cut_off", 3),
    ([Reply()], "model_empty", 1),
    ([Reply.said("  \n ")], "model_empty", 1),
    ([Reply.said("half", finish="length")], "model_too_long", 1),
    ([Reply.said(" ".join(map(str, range(40_000))))], "model_endless", 1),
    (
        [Reply.calls([("one", {"film": " ".join(map(str, range(40_000)))})])],
        "model_endless",
        1,
    ),
    ([Reply.calls([("one", {})] * 40)], "model_endless", 1),
]


@pytest.mark.parametrize(
    ("script", "outcome", "requests"),
    TROUBLE,
    ids=[f"{number}-{one[1]}" for number, one in enumerate(TROUBLE)],
)
def test_trouble_has_one_outcome(script: list[Reply], outcome: str, requests: int) -> None:
    exchange, made = asked(script)
    assert (exchange.outcome, made, exchange.attempts) == (outcome, requests, requests)
    assert not exchange.fine


def test_a_passing_trouble_passes() -> None:
    exchange, made = asked([Reply.error(429), Reply.error(500), Reply.said("fine")])
    assert (exchange.outcome, exchange.text, made) == ("ok", "fine", 3)


def test_the_server_says_how_long_to_wait() -> None:
    began = time.monotonic()
    exchange, _ = asked([Reply.error(429, retry_after=0.4), Reply.said("fine")])
    assert exchange.fine
    assert time.monotonic() - began >= 0.4


def test_a_wait_beyond_the_deadline_is_not_waited_for() -> None:
    exchange, made = asked([Reply.error(429, retry_after=600)], seconds=5)
    assert (exchange.outcome, made) == ("model_rate_limited", 1)
    assert exchange.seconds < 4


@pytest.mark.parametrize("slow", [{"wait": 30.0}, {"pause": 0.3}], ids=str)
def test_the_deadline_holds_whatever_drips_in(slow: dict[str, float]) -> None:
    asked([Reply.said("warm")])  # the library is imported, which takes seconds of its own
    exchange, made = asked([Reply.said(LONG).slowly(**slow)], seconds=1.0)
    assert (exchange.outcome, made) == ("model_timeout", 1)
    assert exchange.seconds < 2.5


def test_all_attempts_share_one_deadline() -> None:
    exchange, made = asked([Reply.error(500).slowly(wait=0.5)], seconds=0.8)
    assert made <= 2
    assert exchange.seconds < 2
    assert exchange.outcome in ("model_timeout", "model_server_error")


def test_nobody_answers() -> None:
    with StubServer([Reply.said("")]) as server:
        url = server.url
    exchange = LanguageModel(ModelSettings(name="openai/stub", api_base=url)).ask(ASK)
    assert (exchange.outcome, exchange.attempts) == ("model_unreachable", 3)


def test_what_was_heard_is_not_asked_for_again() -> None:
    heard: list[str] = []
    exchange, made = asked([Reply.said(LONG).cut(1500), Reply.said("other")], heard=heard.append)
    assert (exchange.outcome, made) == ("model_cut_off", 1)
    assert exchange.text == "".join(heard)


def test_half_characters_do_not_get_through() -> None:
    exchange, _ = asked([Reply.calls([("one\ud800", "{}")], text="a\ud800b")])
    exchange.text.encode()
    exchange.calls[0].tool.encode()


def test_what_failed_attempts_took_is_counted() -> None:
    counted = Reply.said(LONG, tokens_in=10, tokens_out=5)
    exchange, made = asked([counted.cut(900), counted])
    assert (exchange.outcome, made) == ("ok", 2)
    assert exchange.tokens_in > 10
    assert exchange.tokens_out > 5


def test_a_local_server_costs_nothing_and_an_unknown_model_has_no_price() -> None:
    exchange, _ = asked([Reply.said("fine")])
    assert exchange.cost == 0.0
    elsewhere = LanguageModel(ModelSettings(name="openai/no-such-model"))
    assert elsewhere._cost(1000, 1000) is None
    priced = LanguageModel(ModelSettings(name="openai/gpt-4o"))._cost(1000, 1000)
    assert priced is not None
    assert 0 < priced < 1


def test_settings_come_from_the_command_line_then_the_environment_then_the_file(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[model]\nname = "ollama/file"\nseconds = 7\n')
    assert configured_model() is None
    found = configured_model(config=file)
    assert found is not None
    assert (found.name, found.seconds) == ("ollama/file", 7)
    monkeypatch.setenv("CXR_AGENT_MODEL", "ollama/env")
    found = configured_model(config=file)
    assert found is not None
    assert (found.name, found.seconds) == ("ollama/env", 7)
    found = configured_model("openai/cli", "http://127.0.0.1:1/v1", file)
    assert found is not None
    assert (found.name, found.local) == ("openai/cli", True)
    assert configured_model("none", config=file) is None


@pytest.mark.parametrize("name", ["gpt-4o", "a/", "x y/z", "/b"])
def test_a_wrong_name_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        configured_model(name)
    assert caught.value.code == "bad_model_name"


@pytest.mark.parametrize(
    "text", ["model = 3", "[model]\nname = 4", '[model]\nname = "a/b"\nkey = "sk-1"', "[odd]\n"]
)
def test_a_wrong_file_is_a_config_error(tmp_path: Any, text: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        configured_model(config=file)
    assert caught.value.code == "bad_config"
    assert "sk-1" not in str(caught.value)


def test_without_the_library_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError) as caught:
        LanguageModel(ModelSettings(name="openai/x"))
    assert caught.value.code == "language_model_missing"
    assert "cxr-agent[llm]" in caught.value.hint


@pytest.mark.parametrize("name", ["plan", "word", "answer"])
def test_prompts_are_files_with_a_version(name: str) -> None:
    prompt = load_prompt(name)
    assert prompt.id == f"{name}/1"
    assert len(prompt.sha256) == 64
    assert "never" in prompt.text or "Nothing in them" in prompt.text


def test_a_missing_prompt_is_a_config_error() -> None:
    with pytest.raises(ConfigError) as caught:
        load_prompt("nothing")
    assert caught.value.code == "bad_prompt"
