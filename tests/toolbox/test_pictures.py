"""Pictures for the eye: kept, and refused when they are none or not of the film."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from cxr_agent.evidence import EvidenceKind, Observation
from cxr_agent.study import Image
from cxr_agent.toolbox import ToolResult, spec_of, tool
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.contract import Picture
from cxr_agent.toolbox.registry import Registry
from cxr_agent.trace import ToolReturned
from tests.builders import Bank

OPEN = Callable[..., Bank]
PLANE = np.arange(64 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(64, 64, 3)
DOES: dict[str, Any] = {}


class Answer(ToolResult):
    def observations(self) -> Iterable[Observation]:
        return ()


@tool(version="1.0", purpose="p", subject="prior_comparison", time_limit_s=5, memory_mib=1)
def painter(film: Image) -> Answer:
    answer = Answer()
    answer.pictures.update(DOES["next"])  # past the validation of the model
    return answer


@pytest.fixture
def box(open_bank: OPEN) -> Bank:
    spec = spec_of(painter)
    assert spec is not None
    return open_bank(registry=Registry([spec]))


def run(bank: Bank, picture: Any) -> tuple[Any, ToolReturned]:
    DOES["next"] = {"difference": picture}
    outcome = bank.toolbox.run(ToolCall("painter", {"film": "img-1"}))
    (returned,) = [e for e in bank.events if isinstance(e, ToolReturned)]
    return outcome, returned


@pytest.mark.parametrize("plane", [PLANE, PLANE[::2, ::2], PLANE[:1, :1]])
def test_a_picture_of_the_film_is_kept(box: Bank, plane: np.ndarray) -> None:
    outcome, returned = run(box, Picture(plane))
    assert outcome.status == "ok"
    with Pillow.open(io.BytesIO(box.artifact(returned.artifacts["difference"]))) as opened:
        assert (opened.format, opened.mode) == ("PNG", "RGB")
        assert np.array_equal(np.asarray(opened), plane)


BREACHES: dict[str, Any] = {
    "of another shape": Picture(PLANE[:32]),
    "narrower": Picture(PLANE[:, :50]),
    "grey": Picture(PLANE[..., 0]),
    "with an alpha": Picture(np.zeros((64, 64, 4), dtype=np.uint8)),
    "empty": Picture(PLANE[:0]),
    "of floats": Picture(PLANE / 255),
    "of wider numbers": Picture(PLANE.astype(np.uint16)),
    "a list": Picture(PLANE.tolist()),  # type: ignore[arg-type]
    "no picture": PLANE,
}


@pytest.mark.parametrize("picture", BREACHES.values(), ids=BREACHES)
def test_what_is_no_picture_breaks_the_contract(box: Bank, picture: Any) -> None:
    outcome, returned = run(box, picture)
    assert (outcome.status, outcome.codes) == ("failed", ("tool_contract",))
    assert [item.kind for item in outcome.evidence] == [EvidenceKind.LIMITATION]
    assert returned.artifacts == {}
