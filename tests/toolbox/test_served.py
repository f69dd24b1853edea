"""What evidence and trace say of the runtime that served a tool. The GPU is a fake one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cxr_agent.models.runtime.notice import Notice, NoticeCode
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.store import load_card
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.trace import ToolReturned
from tests.builders import Bank, scene
from tests.models.runtime.fakes import FakeGpu

CALL = ToolCall("segment_anatomy", {"film": "img-1"})


def codes(bank: Bank) -> list[tuple[str, ...]]:
    return [event.codes for event in bank.events if isinstance(event, ToolReturned)]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_evidence_names_the_weights_that_ran(
    device: str, open_bank: Callable[..., Bank], monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeGpu().install(monkeypatch)
    made = scene()
    made.shelf.runtime = Runtime(device)
    card = load_card("anatomy")
    expected = {"cpu": card.weights_sha256, "cuda": card.safetensors_sha256}[device]
    evidence = open_bank(made).toolbox.run(CALL).evidence
    assert evidence
    assert {e.provenance.weights_sha256 for e in evidence} == {expected}


def test_a_notice_stands_with_the_step_in_which_it_came_up(
    open_bank: Callable[..., Bank], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scene()
    runtime = made.shelf.runtime = Runtime("cpu")
    runtime.tell(Notice(NoticeCode.OVER_BUDGET, "anatomy", mib=90))  # in an earlier run
    bank = open_bank(made)
    model, segment = made.shelf.model, made.shelf.model.segment

    def with_a_full_memory(pixels: object, *, repeat: bool = False) -> object:
        for batch in (2, 1):
            runtime.tell(Notice(NoticeCode.SMALLER_BATCHES, "anatomy", batch=batch))
        return segment(pixels, repeat=repeat)  # type: ignore[arg-type]

    bank.toolbox.run(CALL)
    monkeypatch.setattr(model, "segment", with_a_full_memory)
    outcome = bank.toolbox.run(CALL)
    bank.toolbox.run(CALL)
    assert codes(bank) == [(), ("smaller_batches",), ()]
    assert outcome.codes == ()  # a planner has nothing to do about it


def test_a_failed_step_gives_its_reason_first(
    open_bank: Callable[..., Bank], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scene(strange=["img-1"])
    runtime = made.shelf.runtime = Runtime("cpu")
    bank = open_bank(made)
    segment = made.shelf.model.segment

    def told(pixels: object, *, repeat: bool = False) -> object:
        runtime.tell(Notice(NoticeCode.OVER_BUDGET, "anatomy", mib=90))
        return segment(pixels, repeat=repeat)  # type: ignore[arg-type]

    monkeypatch.setattr(made.shelf.model, "segment", told)
    outcome = bank.toolbox.run(CALL)
    assert codes(bank) == [("not_frontal_chest", "over_budget")]
    assert outcome.codes == ("not_frontal_chest",)
