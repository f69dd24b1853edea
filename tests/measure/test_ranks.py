"""The median is NumPy's, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxr_agent.measure.ranks import median


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@given(data=st.data())
def test_as_numpys(kind: Any, data: st.DataObject) -> None:
    width = np.finfo(kind).bits
    values = data.draw(arrays(kind, st.integers(1, 40), elements=st.floats(0, 1, width=width)))
    assert median(values) == float(np.median(values))
