"""Every row of the table of systems runs as it is written, and the page is the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.systems.make import page
from tests.systems.rows import Row, rows
from tests.systems.world import ROOT, World, pulled, world

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("systems")) as made:
        yield made


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.number}-{row.system.split()[0]}")
def test_the_row_runs(row: Row, here: World) -> None:
    before = len(here.server.requests)
    names: dict[str, Any] = dict(here.names)
    with pulled(row.models):
        ran = here.shell(row.shell)
        assert ran.status == row.status, (ran.out[-600:], ran.err[-600:])
        exec(compile(row.python, f"row {row.number}", "exec"), names)
    sent = "".join(str(one.body) for one in here.server.requests[before:])
    names |= {"out": ran.out, "err": ran.err, "data": ran.data, "sent": sent, "kept": here.kept}
    for check in row.checks:
        assert eval(check, names), check


def test_the_page_is_the_table() -> None:
    written = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")
    assert written == page(), "python -m tests.systems.make > docs/systems.md"


def test_no_row_is_there_twice() -> None:
    numbers = [row.number for row in rows()]
    assert len(numbers) == len(set(numbers))
    assert Path(ROOT, "docs", "evaluation_card.md").is_file()
