"""Tables of a batch: put in their place whole, and nothing beside them."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.batch.tables import Table, _File


def no_room(*_: Any) -> Any:
    raise OSError(errno.ENOSPC, "")


def test_a_header_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=str(errno.ENOSPC)):
        _File(tmp_path / "studies.parquet", no_room, Table.STUDIES)
    assert list(tmp_path.iterdir()) == []
