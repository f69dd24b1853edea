"""Every row of the table of systems runs as it is written, and the page is the table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.systems.make import page
from tests.systems.rows import SYSTEMS, Row, rows
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
    names["figure"] = partial(_estimate, ran.data)
    for check in row.checks:
        assert eval(check, names), check


def _estimate(result: Any, name: str, about: str, system: str) -> float:
    """One measure of an evaluation; a row that asks for what is not there fails."""
    (found,) = (
        one["value"]
        for one in result["estimates"]
        if (one["name"], one["about"], one["system"]) == (name, about, system)
    )
    return float(found)


def test_the_page_is_the_table() -> None:
    written = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")
    assert written == page(), "python -m tests.systems.make > docs/systems.md"


def test_every_system_has_one_row() -> None:
    assert [row.number for row in rows()] == list(range(1, SYSTEMS + 1))


def test_what_the_evaluation_card_names_is_there() -> None:
    card = ROOT / "docs" / "evaluation_card.md"
    text = card.read_text(encoding="utf-8")
    linked = [card.parent / place for place in re.findall(r"\]\(([^)#:]+)\)", text)]
    named = [ROOT / place for place in re.findall(r"`((?:cxr_agent|tests|training)/[^`]+)`", text)]
    assert len(linked) > 8
    assert len(named) > 4
    assert [str(one) for one in (*linked, *named) if not one.exists()] == []
