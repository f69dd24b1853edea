"""Tools in a process of their own: the same evidence, and every way in which they can end."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import ConfigError, ToolError
from cxr_agent.evidence import EvidenceKind
from cxr_agent.knowledge import Threshold, members, thresholds_changed
from cxr_agent.models.shelf import Shelf
from cxr_agent.planning.schemas import schemas
from cxr_agent.reading.agent import Agent
from cxr_agent.study import Image, Notice, PixelSpacing, SpacingKind
from cxr_agent.testing.phantom import PhantomSpec
from cxr_agent.toolbox import Endpoint, OwnProcess, ToolResult, tool
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.cache import ResultCache
from cxr_agent.toolbox.cache.store import EntryStore
from cxr_agent.toolbox.contract import ToolSpec, spec_of
from cxr_agent.toolbox.description import described
from cxr_agent.toolbox.execute import Outcome
from cxr_agent.toolbox.isolation.host import ToolHost
from cxr_agent.toolbox.isolation.places import code_place_of
from cxr_agent.toolbox.registry import Registry, known
from cxr_agent.trace import ToolReturned
from tests.builders import Bank, film, mask, scene
from tests.toolbox.isolation.deeds import LIMIT_S, Deed, Said, misbehave, tell_everything

OPEN = Callable[..., Bank]
ROOT = Path(__file__).resolve().parents[3]


def spec(function: Any = misbehave, **changes: Any) -> ToolSpec:
    found = spec_of(function)
    assert found is not None
    return dataclasses.replace(found, **changes)


@pytest.fixture(scope="module")
def host() -> Iterator[ToolHost]:
    """One for many tests: a worker that was spoilt is replaced."""
    made = ToolHost()
    yield made
    made.close()


@pytest.fixture
def box(open_bank: OPEN, host: ToolHost) -> Bank:
    bank = open_bank(registry=Registry([spec()]))
    bank.toolbox.bench.host = host
    return bank


def run(box: Bank, deed: Deed) -> Outcome:
    return box.toolbox.run(ToolCall("misbehave", {"film": "img-1", "deed": deed.value}))


def result_of(box: Bank) -> dict[str, Any]:
    returned = box.events[-2]
    assert isinstance(returned, ToolReturned)
    return dict(returned.result)


def gone(pid: int, within_s: float = 5.0) -> bool:
    """Whether a process ends in time; a zombie that nobody reaps has ended."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def record(bank: Bank) -> list[dict[str, Any]]:
    """The trace without times and numbers of lines."""
    events = [event.model_dump(mode="json") for event in bank.events]
    left_out = ("seconds", "time", "wall", "monotonic", "at", "seq", "prev", "previous")
    return [{k: v for k, v in one.items() if k not in left_out} for one in events]


def everything(open_bank: OPEN, function: Any, isolated: bool) -> tuple[Bank, Outcome]:
    made = scene(None, priors=(PhantomSpec(),), size=160)
    found = spec(function)
    if isolated and found.isolation is None:
        found = spec(function, isolation=OwnProcess(), code_place=code_place_of(function))
    elif not isolated:
        found = spec(function, isolation=None)
    outlines = next(one for one in known() if one.name == "segment_anatomy")
    bank = open_bank(made, Registry([outlines, found]))
    current = bank.toolbox.bench.study.images[0]
    object.__setattr__(current, "spacing", PixelSpacing(0.143, 0.2, SpacingKind.DETECTOR))
    object.__setattr__(current, "notices", (Notice.INVERTED,))
    bank.toolbox.bench.place("img-1", "ctr.heart_left", (10.25, 1 / 3))
    for handle in ("prior-1", "img-1"):
        bank.toolbox.run(ToolCall("segment_anatomy", {"film": handle}))
    column = np.zeros(current.shape, dtype=np.bool_)
    column[20:40, 70:90] = True
    third = members("vertebrae")[2]
    bank.toolbox.bench.put_masks("img-1", {third: mask(third, column)})
    arguments: dict[str, str | bool] = {"film": "img-1"}
    if found.prior_parameter:
        arguments |= {"prior": "prior-1", "turned": True, "deed": "kill"}
    return bank, bank.toolbox.run(ToolCall(found.name, arguments))


@pytest.mark.parametrize("name", ["tell_everything", "measure_ctr"])
def test_evidence_is_the_same_byte_for_byte(open_bank: OPEN, name: str) -> None:
    function = tell_everything
    if name != "tell_everything":
        function = next(one.function for one in known() if one.name == name)
    changed = {"ctr_pa": Threshold(value=0.43, source="ours")}
    with thresholds_changed(changed):
        here, expected = everything(open_bank, function, isolated=False)
        there, outcome = everything(open_bank, function, isolated=True)
    assert expected.status == outcome.status
    assert outcome.status == "ok" or name != "tell_everything"
    assert record(there) == record(here)
    for structure, ours in here.toolbox.bench.masks("img-1").items():
        twin = there.toolbox.bench.masks("img-1")[structure]
        assert np.array_equal(ours.plane, twin.plane)
        assert (ours.repeats is None) == (twin.repeats is None)
        assert ours.repeats is None or np.array_equal(ours.repeats, twin.repeats)
        assert ours.model == twin.model
    there.toolbox.bench.host.close()


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        (Deed.SEGFAULT, "tool_crashed"),
        (Deed.PANIC, "tool_crashed"),
        (Deed.INTERRUPT, "tool_crashed"),
        (Deed.OS_EXIT, "tool_exited"),
        (Deed.OS_EXIT_LEAVING_A_CHILD, "tool_exited"),
        (Deed.SYS_EXIT, "tool_exited"),
        (Deed.HOG, "tool_memory"),
        (Deed.SHARED_HOG, "tool_memory"),
    ],
)
def test_what_ends_a_process_costs_its_call_only(box: Bank, deed: Deed, code: str) -> None:
    outcome = run(box, deed)
    assert (outcome.status, outcome.codes) == ("failed", (code,))
    assert [item.kind for item in outcome.evidence] == [EvidenceKind.LIMITATION]
    assert outcome.seconds < 10
    assert run(box, Deed.ANSWER).status == "ok"


@pytest.mark.parametrize(
    ("deed", "status", "code"),
    [
        (Deed.RAISE, "failed", "tool_failed"),
        (Deed.STRANGE_ERROR, "failed", "tool_failed"),
        (Deed.WRITE_THE_FILM, "failed", "tool_failed"),
        (Deed.TOOL_ERROR, "failed", "tool_missing"),
        (Deed.MODEL_ERROR, "failed", "model_error"),
        (Deed.HUGE, "failed", "tool_contract"),
        (Deed.NOT_A_NUMBER, "failed", "tool_contract"),
        (Deed.NO_RESULT, "failed", "tool_contract"),
        (Deed.BARE_MASK, "failed", "tool_contract"),
        (Deed.ABSTAIN, "abstained", "lateral_view"),
    ],
)
def test_what_does_not_end_it_keeps_it_warm(
    box: Bank, host: ToolHost, deed: Deed, status: str, code: str
) -> None:
    run(box, Deed.ANSWER)
    before = host.pid_of(spec())
    outcome = run(box, deed)
    assert (outcome.status, outcome.codes) == (status, (code,))
    assert before is not None
    assert host.pid_of(spec()) == before
    assert "pneumothorax" not in str(box.events)


@pytest.mark.parametrize("deed", [Deed.HANG, Deed.HANG_WITH_THE_LOCK])
def test_a_hang_is_ended_with_its_process(box: Bank, host: ToolHost, deed: Deed) -> None:
    run(box, Deed.ANSWER)
    pid = host.pid_of(spec())
    assert pid is not None
    began = time.monotonic()
    outcome = run(box, deed)
    assert outcome.codes == ("tool_timeout",)
    assert LIMIT_S <= time.monotonic() - began < LIMIT_S + 2
    assert not Path(f"/proc/{pid}").exists()


def test_what_a_tool_prints_goes_nowhere(box: Bank) -> None:
    outcome = run(box, Deed.NOISE)
    assert outcome.status == "ok"
    assert "pneumothorax" not in str(box.events)


def test_the_worker_is_another_process_and_stays(box: Bank, host: ToolHost) -> None:
    run(box, Deed.SAY_THE_PID)
    first = result_of(box)["number"]
    run(box, Deed.SAY_THE_PID)
    assert result_of(box)["number"] == first == host.pid_of(spec())
    assert first != os.getpid()


def test_a_worker_that_was_killed_between_calls_is_replaced(box: Bank, host: ToolHost) -> None:
    run(box, Deed.ANSWER)
    pid = host.pid_of(spec())
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert run(box, Deed.ANSWER).status == "ok"
    assert host.pid_of(spec()) != pid


def test_one_that_dies_with_the_call_on_its_way_is_replaced_once(
    box: Bank, host: ToolHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cxr_agent.toolbox.isolation.process import ToolProcess

    run(box, Deed.ANSWER)
    kept, killed = ToolProcess.ask, []

    def killing(self: ToolProcess, *rest: Any) -> Any:
        if len(killed) < 1:
            killed.append(self.process.pid)
            os.kill(self.process.pid, signal.SIGKILL)
        return kept(self, *rest)

    monkeypatch.setattr(ToolProcess, "ask", killing)
    assert run(box, Deed.ANSWER).status == "ok"
    assert len(killed) == 1


def test_keys_of_others_do_not_reach_it(open_bank: OPEN, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_TEST_KEY", "secret")
    monkeypatch.setenv("CXR_TEST_PASSED", "yes")
    box = open_bank(registry=Registry([spec()]))
    run(box, Deed.SAY_THE_KEYS)
    assert result_of(box)["number"] == 1
    box.toolbox.bench.host.close()


def test_closing_the_agent_ends_the_process(tmp_path: Path) -> None:
    with Agent(traces=tmp_path, registry=Registry([spec()]), model="none") as agent:
        one = film()
        agent.setup.host.run(spec(), {"film": one, "deed": Deed.ANSWER}, one)
        pid = agent.setup.host.pid_of(spec())
        assert pid is not None
        assert agent.setup.config()["isolated"] == {"misbehave": {"kind": "process"}}
    assert not Path(f"/proc/{pid}").exists()


PARENT = """
import sys
from dataclasses import replace
import numpy as np
from cxr_agent.study import Image, View
from cxr_agent.toolbox import spec_of
from cxr_agent.toolbox.isolation.host import ToolHost
from tests.toolbox.isolation.deeds import Deed, misbehave
host = ToolHost()
film = Image("img-1", np.zeros((9, 9), np.float32), "", View.PA, "none")
spec = replace(spec_of(misbehave), time_limit_s=60)
def call(deed):
    host.run(spec, {"film": film, "deed": deed}, film)
call(Deed.ANSWER)
print(host.pid_of(spec), flush=True)
call(Deed[sys.argv[1]]) if sys.argv[1:] else sys.stdin.read()
"""


@pytest.mark.parametrize("deed", [[], ["HANG"]])
def test_it_ends_when_the_program_is_killed(deed: list[str]) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *deed],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.2)
        parent.kill()
    assert gone(pid)


def test_a_file_that_has_changed_is_not_run(tmp_path: Path, host: ToolHost) -> None:
    one = film()
    code = spec().code_place
    assert code is not None
    copy = tmp_path / "deeds.py"
    copy.write_bytes(Path(code.file).read_bytes() + b"\n# changed\n")
    moved = spec(code_place=dataclasses.replace(code, file=str(copy)))
    with pytest.raises(ToolError) as caught:
        host.run(moved, {"film": one, "deed": Deed.ANSWER}, one)
    assert caught.value.code == "tool_not_started"
    assert "ImportError" in caught.value.message


def test_a_tool_that_cannot_be_found_elsewhere_is_no_isolated_tool() -> None:
    def inner(film: Image) -> Said:
        return Said()

    def with_models(film: Image, shelf: Shelf) -> ToolResult:
        return Said()

    with pytest.raises(ConfigError):
        tool(version="1", purpose="p", subject="anatomy", isolation=OwnProcess())(inner)
    with_models.__annotations__ = {"film": Image, "shelf": Shelf, "return": ToolResult}
    for place in (OwnProcess(), Endpoint("https://example.org/x")):
        with pytest.raises(ConfigError, match="shelf"):
            tool(version="1", purpose="p", subject="anatomy", isolation=place)(with_models)


def test_a_result_that_was_kept_needs_no_process(open_bank: OPEN, tmp_path: Path) -> None:
    told = []
    for number in (1, 2):
        box = open_bank(registry=Registry([spec()]))
        box.toolbox.cache = ResultCache(EntryStore(tmp_path / "cache", 2**30))
        run(box, Deed.ANSWER)
        told.append([item.model_dump() for item in box.toolbox.stated])
        assert (box.toolbox.bench.host.pid_of(spec()) is None) == (number == 2)
        box.toolbox.bench.host.close()
    assert told[0] == told[1]


def test_a_planner_sees_nothing_of_it() -> None:
    places = (None, OwnProcess(), Endpoint("https://example.org/x"))
    offered = [schemas([spec(isolation=place)], ["img-1"]) for place in places]
    assert offered[0] == offered[1] == offered[2]


def test_what_a_tool_is_says_where_it_runs() -> None:
    origin = Registry([spec()]).origin(spec().name)
    facts = described(spec(), origin)
    assert facts["runs_in"] == "a process of its own"
    assert facts["isolation"] == {"kind": "process"}


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_way_to_fail_has_words(language: str) -> None:
    text = (ROOT / "kb" / "wording" / language / "reasons.toml").read_text(encoding="utf-8")
    words = tomllib.loads(text)
    for code in (
        *("tool_crashed", "tool_exited", "tool_not_started", "tool_timeout", "tool_memory"),
        *("remote_not_allowed", "remote_unreachable", "remote_refused"),
    ):
        assert words[code]
