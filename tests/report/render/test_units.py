"""Every unit that evidence can have can be shown."""

from __future__ import annotations

import pytest

from cxr_agent.evidence import Unit
from cxr_agent.report.render import _wording


@pytest.mark.parametrize("unit", Unit)
def test_every_unit_is_written(unit: Unit) -> None:
    assert _wording.Words("en").number(120.0, unit).startswith("120")
    assert unit in _wording._UNITS
