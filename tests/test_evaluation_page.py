"""The page of results: made of runs, and each run that it is to have stands on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.evaluation import PAGE, PICTURES, RUNS, Wanted, page, run, whole


def test_the_page_is_made_of_runs(tmp_path: Path) -> None:
    wanted = Wanted("comparison", "phantoms:2", ("right of all", "told"))
    result = run(wanted, tmp_path)
    assert result is not None
    text = page([(wanted, result), (Wanted("ctr", "nowhere", ("bias",)), None)])
    (share,) = (
        one.value
        for one in result.estimates
        if (one.name, one.system) == ("right of all", "protocol")
    )
    link = "[comparison, phantoms:2](#comparison-with-a-prior-film-phantoms2)"
    assert f"| {link} | right of all, cardiothoracic ratio ↑ | {share:.3f} (" in text
    assert "| ctr, nowhere | not run: the data are not here |" in text
    assert "| told, share ↑ |" in text
    assert "change told with the wrong sign" not in text
    assert "change told with the wrong sign" in whole(wanted, result)
    assert all(line in text for line in result.unknown)


@pytest.mark.parametrize("wanted", RUNS, ids=lambda one: one.name)
def test_what_is_kept_has_every_run(wanted: Wanted) -> None:
    kept = PAGE.read_text(encoding="utf-8")
    assert f"`{wanted.command}`" in kept
    every = (PICTURES / f"{wanted.name}.md").read_text(encoding="utf-8")
    for measure in wanted.told:
        name = measure.partition(": ")[0]
        assert f"| {name}" in every
        assert f"| {name}" in kept
