"""Maps of what a classifier used: kept, pointed to by their finding, refused when they are none."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from cxr_agent.evidence import EvidenceKind, Observation, Polarity
from cxr_agent.study import Image
from cxr_agent.toolbox import Heatmap, ToolResult, spec_of, tool
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.artifacts import heatmap_png, saliency_name
from cxr_agent.toolbox.execute import Outcome
from cxr_agent.toolbox.registry import Registry
from cxr_agent.trace import EvidenceAdded, ToolReturned
from tests.builders import Bank, rectangle
from tests.observations import classified

OPEN = Callable[..., Bank]
PLANE = np.linspace(0, 1, 16 * 16, dtype=np.float32).reshape(16, 16)


class Answer(ToolResult):
    said: tuple[Any, ...] = ()

    def observations(self) -> Iterable[Observation]:
        return self.said


DOES: dict[str, Callable[[Image], Any]] = {}


@tool(version="1.0", purpose="p", subject="classified_findings", time_limit_s=5, memory_mib=1)
def classifier(film: Image) -> ToolResult:
    return DOES["next"](film)  # type: ignore[no-any-return]


@pytest.fixture
def box(open_bank: OPEN) -> Bank:
    spec = spec_of(classifier)
    assert spec is not None
    return open_bank(registry=Registry([spec]))


def run(bank: Bank, does: Callable[[Image], Any]) -> Outcome:
    DOES["next"] = does
    return bank.toolbox.run(ToolCall("classifier", {"film": "img-1"}))


def present(*codes: str) -> tuple[Observation, ...]:
    return tuple(classified(code, Polarity.PRESENT, 0.9) for code in codes)


def maps(**planes: Any) -> dict[str, Heatmap]:
    return {code: Heatmap(code, plane) for code, plane in planes.items()}


def picture(bank: Bank, digest: str) -> NDArray[np.uint8]:
    with Picture.open(io.BytesIO(bank.artifact(digest))) as opened:
        assert (opened.format, opened.mode) == ("PNG", "L")
        return np.asarray(opened)


def test_each_finding_points_to_its_own_map(box: Bank) -> None:
    other = PLANE[::-1].copy()
    codes = ("pleural_effusion", "atelectasis")
    outcome = run(
        box,
        lambda film: Answer(
            said=present(*codes), heatmaps=maps(pleural_effusion=PLANE, atelectasis=other)
        ),
    )
    assert outcome.status == "ok"
    for item, code, plane in zip(outcome.evidence, codes, (PLANE, other), strict=True):
        assert list(item.artifacts) == [saliency_name(code)]
        assert np.array_equal(
            picture(box, item.artifacts[saliency_name(code)]), np.rint(plane * 255)
        )


def test_trace_and_evidence_name_one_file(box: Bank) -> None:
    run(box, lambda film: Answer(said=present("atelectasis"), heatmaps=maps(atelectasis=PLANE)))
    _, returned, added = box.events
    assert isinstance(returned, ToolReturned)
    assert isinstance(added, EvidenceAdded)
    assert list(returned.artifacts) == ["saliency_atelectasis"]
    assert added.evidence["artifacts"] == returned.artifacts
    assert "heatmaps" not in returned.result  # an artifact, not a list of a thousand numbers


def test_a_map_without_its_finding_is_kept_and_pointed_to_by_nothing(box: Bank) -> None:
    outcome = run(
        box, lambda film: Answer(said=present("atelectasis"), heatmaps=maps(consolidation=PLANE))
    )
    assert outcome.evidence[0].artifacts == {}
    returned = box.events[1]
    assert isinstance(returned, ToolReturned)
    (digest,) = returned.artifacts.values()
    assert picture(box, digest).shape == PLANE.shape


def test_a_limitation_of_the_same_name_has_no_map(box: Bank) -> None:
    silent = Observation(
        kind=EvidenceKind.LIMITATION, code="pneumothorax", reasons=("lateral_view",)
    )
    outcome = run(box, lambda film: Answer(said=(silent,), heatmaps=maps(pneumothorax=PLANE)))
    assert outcome.status == "ok"
    assert outcome.evidence[0].artifacts == {}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_float_will_do(box: Bank, dtype: type) -> None:
    plane = PLANE.astype(dtype)
    outcome = run(
        box, lambda film: Answer(said=present("atelectasis"), heatmaps=maps(atelectasis=plane))
    )
    assert outcome.status == "ok"


def put_in(result: Answer, **heatmaps: Any) -> Answer:
    """Past the validation of the model: a dictionary can be changed after it was checked."""
    result.heatmaps.update(heatmaps)
    return result


def broken(value: float) -> NDArray[np.float32]:
    plane = PLANE.copy()
    plane[3, 4] = value
    return plane


BREACHES: dict[str, Callable[[Image], Any]] = {
    "not a number": lambda film: Answer(heatmaps=maps(atelectasis=broken(np.nan))),
    "infinite": lambda film: Answer(heatmaps=maps(atelectasis=broken(np.inf))),
    "above one": lambda film: Answer(heatmaps=maps(atelectasis=broken(1.001))),
    "below zero": lambda film: Answer(heatmaps=maps(atelectasis=broken(-0.001))),
    "under another code": lambda film: Answer(
        heatmaps={"atelectasis": Heatmap("consolidation", PLANE)}
    ),
    "of nothing there are words for": lambda film: Answer(heatmaps=maps(telepathy=PLANE)),
    "with a name too long for a trace": lambda film: Answer(heatmaps=maps(**{"a" * 300: PLANE})),
    "of another shape": lambda film: Answer(heatmaps=maps(atelectasis=PLANE[:8])),
    "in colour": lambda film: Answer(heatmaps=maps(atelectasis=np.ones((16, 16, 3)))),
    "a line": lambda film: Answer(heatmaps=maps(atelectasis=np.ones(16))),
    "empty": lambda film: Answer(heatmaps=maps(atelectasis=np.ones((0, 0)))),
    "a list": lambda film: Answer(heatmaps=maps(atelectasis=PLANE.tolist())),
    "whole numbers": lambda film: Answer(heatmaps=maps(atelectasis=np.ones((16, 16), dtype=int))),
    "yes and no": lambda film: Answer(heatmaps=maps(atelectasis=rectangle((16, 16), 2, 2, 5, 5))),
    "complex": lambda film: Answer(heatmaps=maps(atelectasis=PLANE.astype(complex))),
    "objects": lambda film: Answer(heatmaps=maps(atelectasis=PLANE.astype(object))),
    "text": lambda film: Answer(heatmaps=maps(atelectasis=PLANE.astype(str))),
    "no map": lambda film: Answer(heatmaps={"atelectasis": PLANE}),
    "put in later": lambda film: put_in(Answer(), atelectasis=PLANE),
}


@pytest.mark.parametrize("does", BREACHES.values(), ids=BREACHES)
def test_what_is_no_map_breaks_the_contract(box: Bank, does: Callable[[Image], Any]) -> None:
    outcome = run(box, does)
    assert (outcome.status, outcome.codes) == ("failed", ("tool_contract",))
    assert [item.kind for item in outcome.evidence] == [EvidenceKind.LIMITATION]
    returned = box.events[1]
    assert isinstance(returned, ToolReturned)
    assert returned.artifacts == {}
    assert run(box, lambda film: Answer(said=present("atelectasis"))).status == "ok"


def test_one_bad_map_takes_all_findings_with_it(box: Bank) -> None:
    """A tool that breaks its contract once is not believed for the rest."""
    outcome = run(
        box,
        lambda film: Answer(
            said=present("atelectasis", "consolidation"),
            heatmaps=maps(atelectasis=PLANE, consolidation=broken(2)),
        ),
    )
    assert outcome.status == "failed"
    assert all(item.kind is EvidenceKind.LIMITATION for item in outcome.evidence)


@pytest.mark.parametrize("value", [0.0, 0.2, 0.5, 1.0])
def test_greys_are_values(value: float) -> None:
    png = heatmap_png(np.full((5, 7), value, dtype=np.float32))
    with Picture.open(io.BytesIO(png)) as opened:
        assert opened.size == (7, 5)
        low, high = opened.getextrema()
    assert low == high == round(255 * value)
