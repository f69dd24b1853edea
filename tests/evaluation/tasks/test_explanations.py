"""Truth of explanations as a run, on one drawn film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.evaluation.explaining import curves
from cxr_agent.evaluation.runs import Chosen, evaluate
from cxr_agent.evaluation.tasks import TaskOptions, task_named
from cxr_agent.testing.phantom import PhantomSpec, draw


def test_a_film_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "STEPS", 2)
    monkeypatch.setattr(curves, "RANDOM_MAPS", 1)
    phantom = draw(PhantomSpec(cardiothoracic_ratio=0.62), 512)
    data = tmp_path / "data"
    (data / "masks").mkdir(parents=True)
    Image.fromarray(np.rint(phantom.pixels * 255).astype(np.uint8)).save(data / "a.png")
    Image.fromarray(phantom.masks["heart"].astype(np.uint8) * 255).save(data / "masks/heart.png")
    (data / "cases.csv").write_text("file,masks\na.png,masks\n")
    task = task_named("explanations", TaskOptions(data))
    result = evaluate(task, tmp_path / "run", Chosen(resamples=0))
    task.close()
    assert result.counts[0].done == 1
    found = {(one.name, one.about): one.value for one in result.estimates}
    for code in ("cardiomegaly", "pleural effusion", "pulmonary edema"):
        areas = [
            found[f"{way} area, {sort}", code]
            for way in ("deletion", "insertion")
            for sort in ("map", "centre", "random")
        ]
        assert all(area is not None and 0 <= area <= 1 for area in areas)
    own, deleted = (found[f"{way} area, map", "cardiomegaly"] for way in ("insertion", "deletion"))
    other, lost = (
        found[f"{way} area, centre", "cardiomegaly"] for way in ("insertion", "deletion")
    )
    gain = found["gain over centre on grey", "cardiomegaly"]
    assert None not in (own, deleted, other, lost)
    assert gain == pytest.approx((own - deleted) - (other - lost))  # type: ignore[operator]
    overlap = found["overlap of boxes with the named place", ""]
    assert overlap is not None
    assert 0.7 < overlap < 1  # against the heart as it was drawn
    weights = [value for (name, _), value in found.items() if "redrawn" in name]
    assert len(weights) == 9
    titles = [plot.title for plot in result.plots]
    assert "Maps of a network with redrawn weights" in titles
    assert len(titles) == 7
    share = found["share of the map in the anatomy", "cardiomegaly"]
    assert share is not None
    assert 0 <= share <= 1
