"""Every way a tool can end, and what the trace, the evidence and the bench hold afterwards."""

from __future__ import annotations

import errno
import io
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image as Picture

from cxr_agent.errors import CxrAgentError, ModelError, OutputError, ToolError
from cxr_agent.evidence import EvidenceKind, Observation, Polarity, Unit
from cxr_agent.models.store import load_card
from cxr_agent.study import Image
from cxr_agent.toolbox import limits
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.artifacts import heatmap_png, saliency_name, spans_film
from cxr_agent.toolbox.contract import (
    Abstain,
    Drawing,
    Heatmap,
    Mask,
    ToolResult,
    ToolSpec,
    spec_of,
    tool,
)
from cxr_agent.toolbox.execute import LINES, Outcome
from cxr_agent.toolbox.registry import Registry
from cxr_agent.trace import EvidenceAdded, ToolCalled, ToolReturned
from tests.builders import Bank, mask
from tests.observations import classified, quality, ratio, region

SHAPE = (128, 128)
OPEN = Callable[..., Bank]


class Answer(ToolResult):
    number: float = 1.0
    extra: Any = None
    said: tuple[Any, ...] = ()

    def observations(self) -> Iterable[Observation]:
        return self.said


class Endless(ToolResult):
    def observations(self) -> Iterator[Observation]:
        time.sleep(60)
        yield ratio()


class Broken(ToolResult):
    def observations(self) -> Iterable[Observation]:
        raise KeyError("pneumothorax present")


DOES: dict[str, Callable[[], Any]] = {}
"""What the probe does next."""


@tool(
    version="2.1",
    purpose="p",
    subject="cardiothoracic_ratio",
    provides=("heart",),
    time_limit_s=0.2,
    memory_mib=1,
)
def probe(film: Image, right_lung: Mask | None = None) -> ToolResult:
    return DOES["next"]()  # type: ignore[no-any-return]


@pytest.fixture
def box(open_bank: OPEN) -> Bank:
    spec = spec_of(probe)
    assert spec is not None
    return open_bank(registry=Registry([spec]))


def run(bank: Bank, does: Callable[[], Any], film: Any = "img-1") -> Outcome:
    DOES["next"] = does
    return bank.toolbox.run(ToolCall("probe", {"film": film}))


def raising(error: BaseException) -> Callable[[], Any]:
    def act() -> Any:
        raise error

    return act


def heart(plane: Any = None, name: str = "heart", key: str = "heart") -> dict[str, Mask]:
    plane = np.ones(SHAPE, dtype=np.bool_) if plane is None else plane
    return {key: Mask(name, plane)}


def with_a_bare_plane() -> Answer:
    """A dictionary can be changed after the model has checked it."""
    answer = Answer()
    answer.masks["heart"] = np.ones(SHAPE, dtype=np.bool_)  # type: ignore[assignment]
    return answer


def effusion_map(plane: Any, code: str = "pleural_effusion") -> dict[str, Heatmap]:
    return {"pleural_effusion": Heatmap(code, plane)}


def test_a_good_answer_becomes_evidence(box: Bank) -> None:
    outcome = run(box, lambda: Answer(said=(ratio(), quality("exposure", "adequate"))))
    assert (outcome.status, outcome.codes) == ("ok", ())
    first, second = outcome.evidence
    assert (first.id, second.id) == ("e1", "e2")
    assert first.reading == "Cardiothoracic ratio 0.46."
    assert first.image == "img-1"
    assert first.provenance.step == outcome.step == 1
    assert (first.provenance.tool, first.provenance.tool_version) == ("probe", "2.1")
    assert first.provenance.image_sha256 == box.toolbox.bench.study.images[0].sha256


def test_the_trace_has_the_call_before_the_answer_before_the_evidence(box: Bank) -> None:
    before: list[str] = []

    def look() -> Answer:
        before.extend(event.type for event in box.events)
        return Answer(number=0.5, said=(ratio(),))

    outcome = run(box, look)
    assert before == ["tool_called"]
    called, returned, added = box.events
    assert isinstance(called, ToolCalled)
    assert isinstance(returned, ToolReturned)
    assert isinstance(added, EvidenceAdded)
    assert called.step == returned.step == outcome.step
    assert called.arguments == {"film": "img-1"}
    assert returned.result["number"] == 0.5
    assert added.evidence == outcome.evidence[0].model_dump(mode="json")


def test_nothing_is_returned_that_the_trace_does_not_hold(
    box: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    def look() -> Answer:
        monkeypatch.setattr(os, "fsync", full)  # the call is on the disk by now
        return Answer(said=(ratio(),))

    with pytest.raises(OutputError):
        run(box, look)
    assert [event.type for event in box.events] == ["tool_called"]
    assert box.toolbox.outcomes == []


def test_masks_that_the_trace_does_not_hold_are_not_looked_at(
    box: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Any) -> None:
        raise OutputError("disk_full", "no space")

    monkeypatch.setattr(type(box.writer), "flush", full)
    with pytest.raises(OutputError):
        run(box, lambda: Answer(said=(ratio(),), masks=heart()))
    assert box.toolbox.bench.masks("img-1") == {}


def test_an_abstention_is_an_outcome_with_its_reason(box: Bank) -> None:
    outcome = run(box, raising(Abstain("cardiothoracic_ratio", "lateral_view")))
    assert (outcome.status, outcome.codes) == ("abstained", ("lateral_view",))
    (item,) = outcome.evidence
    assert item.kind is EvidenceKind.LIMITATION
    assert item.reading == "Cardiothoracic ratio could not be determined: the view is lateral."
    returned = box.events[1]
    assert isinstance(returned, ToolReturned)
    assert (returned.outcome, returned.codes, returned.result) == (
        "abstained",
        ("lateral_view",),
        {},
    )


class Rude(BaseException):
    """Neither an Exception nor a reason to end a reading, as a panic of a Rust library."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("No pneumothorax in /home/doe.dcm"), "tool_failed"),
        (MemoryError(), "tool_failed"),
        (SystemExit(0), "tool_failed"),
        (KeyboardInterrupt(), "tool_failed"),
        (Rude(), "tool_failed"),
        (RecursionError(), "tool_failed"),
        (ToolError("tool_timeout", "it says so itself"), "tool_timeout"),
        (ToolError("some_code", "a code that nobody knows"), "tool_failed"),
        (CxrAgentError("Not a code!", ""), "tool_failed"),
        (ModelError("weights_damaged", ""), "model_error"),
    ],
)
def test_a_tool_that_raises_has_failed(box: Bank, error: BaseException, code: str) -> None:
    outcome = run(box, raising(error))
    assert (outcome.status, outcome.codes) == ("failed", (code,))
    assert [item.kind for item in outcome.evidence] == [EvidenceKind.LIMITATION]
    assert "pneumothorax" not in str(box.events)
    assert "doe" not in str(box.events)


@pytest.mark.parametrize(
    "does",
    [
        pytest.param(lambda: None, id="nothing"),
        pytest.param(lambda: {"finding": "pneumothorax"}, id="a dict"),
        pytest.param(lambda: Answer(number="much"), id="an invalid result"),
        pytest.param(lambda: Answer(number=float("nan")), id="not a number"),
        pytest.param(lambda: Answer(extra=2**70), id="a number too large to record"),
        pytest.param(lambda: Answer(extra=object()), id="what is no JSON"),
        pytest.param(lambda: Answer(extra="\ud800"), id="what is no text"),
        pytest.param(lambda: Answer(masks=heart(np.ones((5, 5), dtype=np.bool_))), id="size"),
        pytest.param(lambda: Answer(masks=heart(np.ones(SHAPE))), id="a mask of numbers"),
        pytest.param(lambda: Answer(masks=heart("plane")), id="a mask of text"),
        pytest.param(lambda: Answer(masks=heart(name="liver")), id="a mask under another name"),
        pytest.param(lambda: Answer(masks=heart(key="x", name="x")), id="a mask not announced"),
        pytest.param(with_a_bare_plane, id="a plane for a mask"),
        pytest.param(lambda: Answer(heatmaps=effusion_map(np.ones((8, 6)))), id="a map's shape"),
        pytest.param(lambda: Answer(heatmaps=effusion_map(np.full((8, 8), 1.1))), id="a map's 1"),
        pytest.param(lambda: Answer(heatmaps=effusion_map(np.full((8, 8), np.nan))), id="no map"),
        pytest.param(lambda: Answer(heatmaps=effusion_map(np.ones((8, 8)), "x")), id="map of x"),
        pytest.param(lambda: Answer(said=("Pneumothorax.",)), id="text for an observation"),
        pytest.param(lambda: Answer(said=(quality("exposure", "odd"),)), id="no such variant"),
        pytest.param(lambda: Answer(said=(quality("telepathy", "a"),)), id="no such code"),
        pytest.param(lambda: Answer(said=(region("liver"),)), id="no such region"),
        pytest.param(lambda: Answer(said=(quality("inclusion", "cut_off"),)), id="no reasons"),
        pytest.param(
            lambda: Answer(said=(quality("film_remark", reasons=("no_pneumothorax",)),)),
            id="a reason that nobody knows",
        ),
        pytest.param(
            lambda: Answer(
                said=(Observation(kind=EvidenceKind.MEASUREMENT, code="cardiothoracic_ratio"),)
            ),
            id="a measurement without a value",
        ),
        pytest.param(
            lambda: Answer(
                said=(
                    Observation(
                        kind=EvidenceKind.MEASUREMENT,
                        code="cardiothoracic_ratio",
                        value=1,
                        unit=Unit.RATIO,
                        threshold_source="\ud800",
                    ),
                )
            ),
            id="a source that is no text",
        ),
        pytest.param(
            lambda: Answer(said=(Observation(kind=EvidenceKind.FINDING, code="pneumothorax"),)),
            id="a finding without polarity",
        ),
        pytest.param(raising(Abstain("cardiothoracic_ratio")), id="abstention without a reason"),
        pytest.param(raising(Abstain("cardiothoracic_ratio", "No air.")), id="a reason in words"),
        pytest.param(raising(Abstain("cardiothoracic_ratio", "tired")), id="an unknown reason"),
        pytest.param(raising(Abstain("telepathy", "lateral_view")), id="an unknown subject"),
    ],
)
def test_what_the_contract_forbids_fails_and_is_said(box: Bank, does: Callable[[], Any]) -> None:
    outcome = run(box, does)
    assert (outcome.status, outcome.codes) == ("failed", ("tool_contract",))
    (item,) = outcome.evidence
    assert item.reading == (
        "Cardiothoracic ratio could not be determined: the tool returned what its contract forbids."
    )
    assert box.toolbox.bench.masks("img-1") == {}
    assert [event.type for event in box.events] == [
        "tool_called",
        "tool_returned",
        "evidence_added",
    ]


def test_a_result_of_another_class_breaks_the_contract(open_bank: OPEN) -> None:
    spec = spec_of(probe)
    assert spec is not None
    bank = open_bank(registry=Registry([replace(spec, result=Answer)]))
    assert run(bank, Broken).codes == ("tool_contract",)


def test_observations_that_raise_are_a_failure(box: Bank) -> None:
    assert run(box, Broken).codes == ("tool_failed",)


@pytest.mark.parametrize("does", [lambda: time.sleep(60), Endless], ids=["call", "observations"])
def test_a_tool_that_hangs_is_left_behind(box: Bank, does: Callable[[], Any]) -> None:
    began = time.monotonic()
    outcome = run(box, does)
    assert time.monotonic() - began < 5
    assert (outcome.status, outcome.codes) == ("failed", ("tool_timeout",))
    assert outcome.seconds >= 0.2
    assert run(box, lambda: Answer(said=(ratio(),))).status == "ok"


def test_a_late_answer_is_dropped(box: Bank) -> None:
    go = threading.Event()

    def late() -> Answer:
        go.wait(10)
        return Answer(said=(ratio(),), masks=heart())

    assert run(box, late).codes == ("tool_timeout",)
    lines = len(box.events)
    go.set()
    time.sleep(0.05)
    assert len(box.events) == lines
    assert box.toolbox.bench.masks("img-1") == {}


def test_too_little_memory_stops_a_tool_before_it_runs(
    box: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_unused_mib", lambda: 0)
    monkeypatch.setattr(limits, "_free_mib", lambda: 0)
    outcome = run(box, raising(AssertionError("it ran")))
    assert outcome.codes == ("tool_memory",)


def test_where_free_memory_cannot_be_told_a_tool_runs(
    box: Bank, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(limits, "_unused_mib", lambda: 0)
    for content in (None, "MemTotal: 1 kB\n", "MemAvailable:\n", "MemAvailable: x kB\n"):
        path = tmp_path / "meminfo"
        if content is not None:
            path.write_text(content)
        monkeypatch.setattr(limits, "_MEMINFO", path)
        assert run(box, Answer).status == "ok"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_free_memory_is_read() -> None:
    assert (limits._free_mib() or 0) >= limits._unused_mib() > 0


def test_bad_arguments_fail_and_a_known_film_is_told_so(box: Bank) -> None:
    outcome = box.toolbox.run(ToolCall("probe", {"film": "img-1", "path": "x"}))
    assert (outcome.status, outcome.codes) == ("failed", ("bad_arguments",))
    assert len(outcome.evidence) == 1


@pytest.mark.parametrize("film", ["img-7", True])
def test_an_unknown_film_gives_an_outcome_without_evidence(box: Bank, film: Any) -> None:
    outcome = run(box, Answer, film)
    assert (outcome.status, outcome.codes, outcome.evidence) == ("failed", ("bad_arguments",), ())


def test_an_unknown_tool_is_an_error(box: Bank) -> None:
    with pytest.raises(ToolError) as caught:
        box.toolbox.run(ToolCall("format_disk", {"film": "img-1"}))
    assert caught.value.code == "unknown_tool"


def test_masks_lie_on_the_bench_and_in_the_trace(box: Bank) -> None:
    plane = np.zeros(SHAPE, dtype=np.bool_)
    plane[3:50, 7:90] = True
    outcome = run(
        box, lambda: Answer(said=(region("heart"), ratio()), masks=heart(plane[:, ::-1][:, ::-1]))
    )
    on_bench = box.toolbox.bench.mask("img-1", "heart")
    assert on_bench is not None
    assert np.array_equal(on_bench.plane, plane)
    of_region, of_ratio = outcome.evidence
    assert set(of_region.artifacts) == {"heart"}
    assert of_ratio.artifacts == {}
    decoded = np.asarray(Picture.open(io.BytesIO(box.artifact(of_region.artifacts["heart"]))))
    assert np.array_equal(decoded.astype(np.bool_), plane)


def test_a_heatmap_goes_with_its_classified_finding_alone(box: Bank) -> None:
    plane = np.linspace(0, 1, 64).reshape(8, 8)
    said = (
        classified("pleural_effusion", Polarity.PRESENT, 0.9),
        classified("pneumothorax", Polarity.ABSENT, 0.1),
        ratio(),
    )
    outcome = run(box, lambda: Answer(said=said, heatmaps=effusion_map(plane)))
    of_effusion, of_pneumothorax, of_ratio = outcome.evidence
    assert set(of_effusion.artifacts) == {saliency_name("pleural_effusion")}
    assert of_pneumothorax.artifacts == of_ratio.artifacts == {}
    (digest,) = of_effusion.artifacts.values()
    with Picture.open(io.BytesIO(box.artifact(digest))) as picture:
        assert picture.mode == "L"
        assert np.array_equal(np.asarray(picture), np.rint(plane * 255))


@pytest.mark.parametrize(
    ("shape", "kept"), [((600, 300), (256, 128)), ((256, 256), (256, 256)), ((7, 8), (7, 8))]
)
def test_a_heatmap_is_kept_coarse(shape: tuple[int, int], kept: tuple[int, int]) -> None:
    with Picture.open(io.BytesIO(heatmap_png(np.ones(shape, dtype=np.float32)))) as picture:
        assert (picture.height, picture.width) == kept
        assert picture.getextrema() == (255, 255)


@pytest.mark.parametrize("film", [(2991, 2419), (100, 3000), (512, 512)])
@pytest.mark.parametrize("side", [1, 8, 17, 256])
def test_a_plane_spans_its_film_however_it_was_rounded(film: tuple[int, int], side: int) -> None:
    for rounded in (math.floor, round, math.ceil):
        rows, columns = (max(1, rounded(length * side / max(film))) for length in film)
        assert spans_film((rows, columns), film)
    assert not spans_film((side, side + 2), (512, 512))
    assert not spans_film((side + 2, side), (512, 512))


def test_lines_are_an_svg_over_the_film(box: Bank) -> None:
    drawing = Drawing(name='a"<b', label="x < y & z", points=((1.25, 2), (100, 127)))
    outcome = run(box, lambda: Answer(said=(ratio(), region("heart")), drawings=(drawing,)))
    of_ratio, of_region = outcome.evidence
    assert set(of_ratio.artifacts) == {LINES}
    assert of_region.artifacts == {}
    root = ElementTree.fromstring(box.artifact(of_ratio.artifacts[LINES]))
    assert root.attrib["viewBox"] == "0 0 128 128"
    (line,) = root
    assert line.attrib["points"] == "1.2,2.0 100.0,127.0"
    assert line[0].text == "x < y & z"


def test_ids_and_steps_are_unique_in_a_run(box: Bank) -> None:
    film = box.toolbox.bench.study.images[0]
    outcomes = [run(box, lambda: Answer(said=(ratio(), ratio()))) for _ in range(3)]
    stated = box.toolbox.state(quality("projection", "pa"), film, "imaging")
    again = run(box, raising(Abstain("cardiothoracic_ratio", "lateral_view")))
    ids = [i.id for o in (*outcomes, again) for i in o.evidence] + [stated.id]
    assert len(set(ids)) == len(ids) == 8
    steps = [*(o.step for o in outcomes), stated.provenance.step, again.step]
    assert steps == [1, 2, 3, 4, 5]
    assert box.toolbox.next_step == 6


def test_what_the_program_itself_knows_has_a_speaker(box: Bank) -> None:
    film = box.toolbox.bench.study.images[0]
    item = box.toolbox.state(quality("projection", "pa"), film, "imaging")
    assert (item.provenance.tool, item.image) == ("imaging", "img-1")
    assert [event.type for event in box.events] == ["evidence_added"]


def test_evidence_names_the_model_behind_the_masks(box: Bank) -> None:
    outcome = run(box, lambda: Answer(said=(ratio(),)))
    assert outcome.evidence[0].provenance.model is None
    plane = np.ones(SHAPE, dtype=np.bool_)
    box.toolbox.bench.put_masks("img-1", {"right_lung": mask("right_lung", plane)})
    source = run(box, lambda: Answer(said=(ratio(),))).evidence[0].provenance
    assert (source.model, source.weights_sha256) == (
        "anatomy",
        load_card("anatomy").weights_sha256,
    )


def test_the_tools_own_model_is_in_the_evidence(open_bank: OPEN) -> None:
    spec: ToolSpec | None = spec_of(probe)
    assert spec is not None
    bank = open_bank(
        registry=Registry(
            [replace(spec, model="anatomy"), replace(spec, name="other", model="not_there")]
        )
    )
    source = run(bank, lambda: Answer(said=(ratio(),))).evidence[0].provenance
    assert source.weights_sha256 == load_card("anatomy").weights_sha256
    DOES["next"] = raising(ModelError("unknown_model", ""))
    lost = bank.toolbox.run(ToolCall("other", {"film": "img-1"}))
    assert lost.codes == ("model_error",)
    assert lost.evidence[0].provenance.weights_sha256 is None
