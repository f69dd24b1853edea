from __future__ import annotations

from collections.abc import Callable

import pytest

from cxr_agent.toolbox.arguments import ToolCall
from tests.builders import Bank, scene

OPEN = Callable[..., Bank]


@pytest.mark.parametrize(
    ("distance", "category"), [(0.1, "familiar"), (0.5, "strange"), (1.2, "strange")]
)
def test_the_limit_parts_familiar_from_strange(
    open_bank: OPEN, distance: float, category: str
) -> None:
    bank = open_bank(scene())
    bank.shelf.networks["embedding"].outputs["strangeness"] = distance
    outcome = bank.toolbox.run(ToolCall("assess_familiarity", {"film": "img-1"}))
    (item,) = outcome.evidence
    assert (item.code, item.category) == ("familiarity", category)
    assert item.value == pytest.approx(distance)
    assert item.threshold == 0.5
