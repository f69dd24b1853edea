"""Tools behind an address: what is sent, what is taken, and that nothing goes without leave."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import ToolError
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import Image
from cxr_agent.testing.tool_server import ToolServer, send
from cxr_agent.toolbox import Abstain, Endpoint, ToolResult
from cxr_agent.toolbox.arguments import Bound, ToolCall
from cxr_agent.toolbox.cache.content import MaskDigests
from cxr_agent.toolbox.cache.key import key_of
from cxr_agent.toolbox.contract import ToolSpec, spec_of
from cxr_agent.toolbox.isolation.host import ToolHost
from cxr_agent.toolbox.isolation.message import MARK, PREFIX, PlaneWriter, message
from cxr_agent.toolbox.registry import Registry
from tests.builders import Bank, film
from tests.toolbox.isolation.deeds import Deed, misbehave

OPEN = Callable[..., Bank]
Handler = BaseHTTPRequestHandler


def at(url: str, token_variable: str = "", **changes: Any) -> ToolSpec:
    found = spec_of(misbehave)
    assert found is not None
    place = Endpoint(url, token_variable)
    return dataclasses.replace(found, isolation=place, code_place=None, **changes)


def ask(spec: ToolSpec, deed: Deed = Deed.ANSWER, one: Image | None = None) -> ToolResult:
    one = one or film()
    result, _ = ToolHost(allow_remote=True).run(spec, {"film": one, "deed": deed}, one)
    return result


def code_of(spec: ToolSpec, deed: Deed = Deed.ANSWER) -> str:
    with pytest.raises(ToolError) as caught:
        ask(spec, deed)
    return caught.value.code


@pytest.fixture(scope="module")
def server() -> Any:
    found = spec_of(misbehave)
    assert found is not None
    with ToolServer([found], token="secret") as made:
        yield made


@pytest.fixture
def url(server: ToolServer, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CXR_TEST_TOKEN", "secret")
    return server.url("misbehave")


def test_a_tool_behind_an_address_answers(url: str) -> None:
    assert ask(at(url, "CXR_TEST_TOKEN")).model_dump()["number"] == 0.0


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        (Deed.RAISE, "tool_failed"),
        (Deed.PANIC, "tool_crashed"),
        (Deed.NOT_A_NUMBER, "tool_contract"),
        (Deed.TOOL_ERROR, "tool_missing"),
    ],
)
def test_how_it_fails_there_is_known_here(url: str, deed: Deed, code: str) -> None:
    assert code_of(at(url, "CXR_TEST_TOKEN"), deed) == code


def test_it_may_abstain(url: str) -> None:
    with pytest.raises(Abstain) as caught:
        ask(at(url, "CXR_TEST_TOKEN"), Deed.ABSTAIN)
    assert caught.value.reasons == ("lateral_view",)


def test_without_the_right_token_it_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for token in ("wrong", "", "two words", "a\nb"):
        monkeypatch.setenv("CXR_TEST_TOKEN", token)
        assert code_of(at(url, "CXR_TEST_TOKEN")) == "remote_refused"
    assert code_of(at(url)) == "remote_refused"


@pytest.mark.parametrize("allowed", ["", "0", "yes"])
def test_no_film_is_sent_where_that_is_not_allowed(
    open_bank: OPEN, server: ToolServer, monkeypatch: pytest.MonkeyPatch, url: str, allowed: str
) -> None:
    monkeypatch.setenv("CXR_AGENT_REMOTE_TOOLS", allowed)
    bank, before = open_bank(registry=Registry([at(url, "CXR_TEST_TOKEN")])), server.calls
    outcome = bank.toolbox.run(ToolCall("misbehave", {"film": "img-1"}))
    assert (outcome.status, outcome.codes) == ("abstained", ("remote_not_allowed",))
    assert outcome.evidence[0].reading == (
        "Cardiothoracic ratio could not be determined: the film would have been sent to another "
        "program, which was not allowed."
    )
    assert server.calls == before


def test_it_is_sent_where_the_environment_allows_it(
    open_bank: OPEN, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("CXR_AGENT_REMOTE_TOOLS", "1")
    bank = open_bank(registry=Registry([at(url, "CXR_TEST_TOKEN")]))
    assert bank.toolbox.run(ToolCall("misbehave", {"film": "img-1"})).status == "ok"


def test_who_the_patient_is_stays_here() -> None:
    seen: list[bytes] = []

    def listen(request: Handler) -> None:
        seen.append(request.rfile.read(int(request.headers["Content-Length"])))
        request.send_error(500)

    with ToolServer(instead=listen) as server:
        one = film(patient_key="whose-it-is")
        with pytest.raises(ToolError):
            ask(at(server.url("x")), one=one)
    assert seen
    assert b"whose-it-is" not in seen[0]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x",
        "http://10.0.0.1/x",
        "ftp://127.0.0.1/x",
        "https://doe:secret@example.org/x",
        "https:///x",
        "http://127.0.0.1:port/x",
        "http://127.0.0.1.example.org/x",
        "https://exa mple.org/",
        "",
    ],
)
def test_addresses_that_no_film_goes_to(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Endpoint(url)


def test_nobody_there() -> None:
    with ToolServer() as server:
        gone = server.url("x")
    assert code_of(at(gone)) == "remote_unreachable"


def test_a_server_without_tls_is_not_spoken_to() -> None:
    with ToolServer() as server:
        assert code_of(at(server.url("x").replace("http:", "https:"))) == "remote_unreachable"
        assert server.calls == 0


def ok(**changes: Any) -> dict[str, Any]:
    result = {"drawings": [], "number": 0.0}
    head = {"outcome": "ok", "result": result, "observations": []}
    return {**head, "masks": [], "heatmaps": [], "pictures": [], **changes}


def with_mask(plane: Any, repeats: Any = None, structure: str = "heart", **told: Any) -> Any:
    def parts() -> list[Any]:
        planes = PlaneWriter()
        one = {"structure": structure, "model": None, "plane": planes.add(plane) | told}
        one["repeats"] = None if repeats is None else planes.add(repeats)
        return message(ok(masks=[one]), planes)

    return parts


def heatmap(plane: Any) -> Any:
    def parts() -> list[Any]:
        planes = PlaneWriter()
        maps = [{"code": "pleural_effusion", "plane": planes.add(plane)}]
        return message(ok(heatmaps=maps), planes)

    return parts


def raw(data: bytes) -> Callable[[], list[Any]]:
    return lambda: [data]


def said(**changes: Any) -> Callable[[], list[Any]]:
    return lambda: message(ok(**changes))


NUMBER = b'{"outcome":"ok","result":{"drawings":[],"number":NaN},"observations":[]}'
HOSTILE: dict[str, Callable[[], list[Any]]] = {
    "nothing": raw(b""),
    "a web page": raw(b"<html>pneumothorax present</html>" * 9),
    "too much JSON": raw(PREFIX.pack(MARK, 1 << 31, 0)),
    "too many bytes": raw(PREFIX.pack(MARK, 2, 1 << 62) + b"{}"),
    "more than it said": lambda: [*message(ok()), b"x"],
    "planes of nothing": raw(PREFIX.pack(MARK, 2, 4) + b"{}1234"),
    "not a number": raw(PREFIX.pack(MARK, len(NUMBER), 0) + NUMBER),
    "no object": raw(PREFIX.pack(MARK, 2, 0) + b"[]"),
    "nested": raw(PREFIX.pack(MARK, 200_000, 0) + b"[" * 200_000),
    "another outcome": said(outcome="present"),
    "another field": said(extra=1),
    "another result": said(result={"drawings": [], "number": 0.0, "finding": "pneumothorax"}),
    "masks in the result": said(result={"drawings": [], "number": 0.0, "masks": {}}),
    "a number in words": said(result={"drawings": [], "number": "0"}),
    "no observations": said(observations=None),
    "an observation of its own": said(observations=[{"kind": "finding", "code": "X" * 100}]),
    "a mask of another size": with_mask(np.ones((100, 201), np.bool_)),
    "a mask of three dimensions": with_mask(np.ones((1, 100, 200), np.bool_)),
    "a mask of floats": with_mask(np.ones((100, 200), np.float32)),
    "a mask that is not there": with_mask(np.ones((4, 4), np.bool_), shape=[100, 200]),
    "a mask of endless size": with_mask(np.ones((4, 4), np.bool_), shape=[1 << 40, 1 << 40]),
    "a mask of negative size": with_mask(np.ones((4, 4), np.bool_), shape=[-100, -200]),
    "a mask of true size": with_mask(np.ones((4, 4), np.bool_), shape=[True, 16]),
    "a mask of another structure": with_mask(np.ones((100, 200), np.bool_), structure="spine"),
    "repeats of nothing": with_mask(
        np.ones((100, 200), np.bool_), np.ones((0, 100, 200), np.bool_)
    ),
    "a map of NaN": heatmap(np.full((50, 100), np.nan, np.float32)),
    "a map beyond 1": heatmap(np.full((50, 100), 2, np.float64)),
    "a map of another shape": heatmap(np.zeros((100, 10), np.float32)),
    "a bad code": lambda: message({"outcome": "failed", "code": "No pneumothorax."}),
    "a bad reason": lambda: message({"outcome": "abstained", "subject": "x y", "reasons": []}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_is_a_broken_contract(open_bank: OPEN, name: str) -> None:
    made = HOSTILE[name]

    def answer(request: Handler) -> None:
        request.rfile.read(int(request.headers["Content-Length"]))
        send(request, made())

    with ToolServer(instead=answer) as server:
        bank = open_bank(registry=Registry([at(server.url("x"))]))
        bank.toolbox.bench.study.images[0]
        bank.toolbox.bench.host = ToolHost(allow_remote=True)
        study = dataclasses.replace(bank.toolbox.bench.study, images=(film(),))
        bank.toolbox.bench.study = study
        outcome = bank.toolbox.run(ToolCall("misbehave", {"film": "img-1"}))
    assert (outcome.status, outcome.codes) == ("failed", ("tool_contract",))
    assert "pneumothorax" not in str(bank.events)
    assert bank.toolbox.bench.masks("img-1") == {}


def test_what_is_hostile_above_would_else_be_taken() -> None:
    plane = np.ones((100, 200), np.bool_)
    made = with_mask(plane, np.ones((2, 50, 100), np.bool_))

    def answer(request: Handler) -> None:
        request.rfile.read(int(request.headers["Content-Length"]))
        send(request, made())

    with ToolServer(instead=answer) as server:
        result = ask(at(server.url("x")))
    assert np.array_equal(result.masks["heart"].plane, plane)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(server: ToolServer, url: str, status: int) -> None:
    def elsewhere(request: Handler) -> None:
        request.rfile.read(int(request.headers["Content-Length"]))
        request.send_response(status)
        request.send_header("Location", url)
        request.send_header("Content-Length", "0")
        request.end_headers()

    before = server.calls
    with ToolServer(instead=elsewhere) as other:
        assert code_of(at(other.url("x"), "CXR_TEST_TOKEN")) == "remote_refused"
    assert server.calls == before


def silent(request: Handler) -> None:
    time.sleep(1)


def drip(request: Handler) -> None:
    """A byte now and then: each read is quick, all of them would take hours."""
    whole = b"".join(message(ok()))
    request.send_response(200)
    request.send_header("Content-Length", str(len(whole)))
    request.end_headers()
    _slowly(request, whole)


def dripping_header(request: Handler) -> None:
    _slowly(request, b"HTTP/1.1 200 OK\r\n" + b"X-Wait: 1\r\n" * 1000)


def _slowly(request: Handler, data: bytes) -> None:
    for at_ in range(len(data)):
        try:
            request.wfile.write(data[at_ : at_ + 1])
            request.wfile.flush()
        except OSError:
            return
        time.sleep(0.05)


@pytest.mark.parametrize("answer", [silent, drip, dripping_header])
def test_one_that_takes_its_time_is_left(answer: Callable[[Handler], None]) -> None:
    with ToolServer(instead=answer) as server:
        began = time.monotonic()
        assert code_of(at(server.url("x"), time_limit_s=0.4)) == "tool_timeout"
        assert time.monotonic() - began < 1.4


def test_what_it_gives_is_not_kept() -> None:
    """Nobody can tell when the program behind an address changes."""
    one = film()
    bound = Bound(one, {"film": one, "deed": Deed.ANSWER})
    spec = at("https://example.org/x")
    assert key_of(spec, bound, Shelf(), MaskDigests()) is None
    assert key_of(dataclasses.replace(spec, isolation=None), bound, Shelf(), MaskDigests())


def test_it_is_told_in_words() -> None:
    place = Endpoint("https://example.org/x", "TOKEN")
    assert str(place).startswith("a server, https://example.org/x; the film is sent there")
    assert place.record() == {"kind": "endpoint", "url": "https://example.org/x"}
