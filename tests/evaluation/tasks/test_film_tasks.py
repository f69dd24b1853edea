"""The tasks over films, run on drawn chests whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.errors import UsageError
from cxr_agent.evaluation.films import films_of
from cxr_agent.evaluation.runs import Chosen, Estimate, EvaluationResult, Outcome, evaluate
from cxr_agent.evaluation.tasks import TaskOptions, task_named
from cxr_agent.evaluation.tasks.film_task import FilmTask, OthersMean
from cxr_agent.evaluation.tasks.mean_shape import MeanShape
from cxr_agent.testing.phantom import STRUCTURES, Phantom, PhantomSpec, draw
from tests.cli.program import run_program
from tests.evaluation.films.made import picture, plane, text

FEW = Chosen(resamples=20)
RATIOS = (0.42, 0.66, 0.7)
SIDE = 512


@pytest.fixture(scope="module")
def chests() -> list[Phantom]:
    return [
        draw(PhantomSpec(cardiothoracic_ratio=ratio, seed=1 + number), SIDE)
        for number, ratio in enumerate(RATIOS)
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, chests: list[Phantom]) -> Path:
    """Three films with outlines, ratios, labels and boxes; a fourth is no chest film."""
    folder = tmp_path_factory.mktemp("data")
    lines = ["file,patient,view,ctr,masks,cardiomegaly,pneumothorax"]
    boxes = ["file,finding,left,top,right,bottom"]
    for number, chest in enumerate(chests):
        plane(folder / f"f{number}.png", np.rint(chest.pixels * 255))
        for name in STRUCTURES:
            plane(folder / f"m{number}/{name}.png", chest.masks[name] * 255)
        large = int(chest.ctr > 0.5)
        lines.append(f"f{number}.png,P{number},PA,{chest.ctr:.4f},m{number},{large},0")
        if large:
            rows, columns = np.nonzero(chest.masks["heart"])
            ends = f"{columns.min()},{rows.min()},{columns.max() + 1},{rows.max() + 1}"
            boxes += [f"f{number}.png,cardiomegaly,{ends}", f"f{number}.png,pneumothorax,0,0,9,9"]
    stripes = np.tile(np.arange(SIDE) % 16 * 16, (SIDE, 1))
    plane(folder / "page.png", stripes)
    plane(folder / "m9/heart.png", stripes > 90)
    lines.append("page.png,P9,PA,0.5,m9,1,1")
    text(folder / "cases.csv", *lines)
    text(folder / "boxes.csv", *boxes)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of tools, so that each film is outlined once for all of these tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"


def run(name: str, data: Path, out: Path, cache: Path, **more: object) -> EvaluationResult:
    task = task_named(name, replace(TaskOptions(data=data), **more))  # type: ignore[arg-type]
    assert isinstance(task, FilmTask)
    task.reader.cache = cache
    try:
        return evaluate(task, out, FEW)
    finally:
        task.close()


def estimate(result: EvaluationResult, name: str, about: str, system: str) -> Estimate:
    (found,) = (
        one
        for one in result.estimates
        if (one.name, one.about, one.system) == (name, about, system)
    )
    return found


def outcomes(out: Path) -> Iterator[Outcome]:
    for line in (out / "outcomes.jsonl").read_text().splitlines():
        yield Outcome.model_validate_json(line)


def test_segmentation_on_the_command_line(data: Path, out: Path) -> None:
    ran = run_program(
        *("eval", "segmentation", "--data", data, "--out", out, "--resamples", "20", "--json"),
        traces=out,
    )
    assert ran.status == 0, ran.err
    result = EvaluationResult.model_validate(ran.json)
    ours, shape = result.counts
    assert (ours.done, ours.refused, ours.codes) == (3, 1, {"not_chest": 1})
    assert shape.done == 4
    heart = estimate(result, "Dice", "heart", "protocol")
    lungs = estimate(result, "Dice", "both lungs", "protocol")
    assert heart.value is not None
    assert heart.value > 0.9
    assert lungs.value is not None
    assert lungs.value > 0.9
    assert heart.cases == heart.groups == 3
    baseline = estimate(result, "Dice", "right clavicle", "mean shape")
    assert baseline.value is not None
    distance = estimate(result, "mean surface distance", "heart", "protocol")
    assert distance.unit == "px"
    assert distance.value is not None
    assert 0 < distance.value < 5
    assert "P0" not in ran.out
    for one in outcomes(out):
        if one.trace:
            assert (out / one.trace / "trace.jsonl").is_file()


def test_ratio(data: Path, out: Path, cache: Path, chests: list[Phantom]) -> None:
    result = run("ctr", data, out, cache)
    error = estimate(result, "mean absolute error", "", "protocol")
    assert error.value is not None
    assert error.value < 0.02
    measured = estimate(result, "films measured", "", "protocol")
    assert (measured.value, measured.cases) == (0.75, 4)
    # The mean of the others is judged on the three films that were measured, and on no other.
    mean = estimate(result, "mean absolute error", "", "mean of the set")
    truths = [*(round(chest.ctr, 4) for chest in chests), 0.5]
    others = [(sum(truths) - one) / 3 - one for one in truths[:3]]
    assert mean.value == pytest.approx(np.mean(np.abs(others)))
    assert mean.cases == 3
    assert estimate(result, "sensitivity", "ratio above 0.5", "protocol").value == 1.0
    assert estimate(result, "specificity", "ratio above 0.5", "protocol").value == 1.0
    assert estimate(result, "coverage of the 90 % interval", "", "protocol").cases == 3
    assert result.settings["reference"] == "readers"
    (plot,) = result.plots
    assert [line.name for line in plot.series] == ["protocol", "mean of the set"]
    assert plot.series[0].y[-1] == 1.0


def test_ratio_on_outlines_where_no_reader_gave_one(
    data: Path, out: Path, cache: Path, chests: list[Phantom]
) -> None:
    rows = [line.split(",") for line in (data / "cases.csv").read_text().splitlines()]
    table = text(data / "outlines.csv", *(",".join([*row[:3], row[4]]) for row in rows))
    result = run("ctr", table, out, cache)
    assert result.settings["reference"] == "readers' outlines"
    truths = sorted({one.values["truth"] for one in outcomes(out)})
    assert truths == pytest.approx(sorted(chest.ctr for chest in chests))
    assert any("error of the definition" in line for line in result.unknown)


def test_labels(data: Path, out: Path, cache: Path) -> None:
    result = run("labels", data, out, cache)
    name = "enlarged cardiac silhouette"
    for measure in ("AUC", "F1", "sensitivity", "specificity"):
        assert estimate(result, measure, name, "protocol").value == 1.0
    assert estimate(result, "AUC", name, "protocol").cases == 3
    error = estimate(result, "calibration error", name, "protocol")
    assert error.value is not None
    assert 0 <= error.value <= 1
    # No tool judges it: that is said, and no figure is made up.
    assert estimate(result, "films judged", "pneumothorax", "protocol").value == 0.0
    assert not [one for one in result.estimates if one.about == "pneumothorax" and one.name == "F1"]
    assert {one.system for one in result.estimates} == {"protocol", "prevalence", "chance"}
    (plot,) = result.plots
    assert plot.kind == "reliability"
    said = {o.values.get("said.cardiomegaly") for o in outcomes(out) if o.system == "protocol"}
    assert said == {"absent", "present", None}
    # The prevalence is that of the other patients.
    told = {
        (one.values["truth.cardiomegaly"], one.values["p.cardiomegaly"])
        for one in outcomes(out)
        if one.system == "prevalence"
    }
    assert told == {(False, 1.0), (True, 2 / 3)}


def test_localisation(data: Path, out: Path, cache: Path) -> None:
    result = run("localisation", data, out, cache)
    name = "enlarged cardiac silhouette"
    assert result.cases == 2
    overlap = estimate(result, "IoU", name, "protocol")
    assert overlap.value is not None
    assert overlap.value > 0.8
    assert estimate(result, "pointing game", name, "protocol").value == 1.0
    assert estimate(result, "share at IoU 0.7", name, "protocol").value == 1.0
    contrast = estimate(result, "contrast to noise", name, "protocol")
    assert contrast.value is not None
    assert contrast.value > 0
    for measure in ("place given", "IoU", "pointing game"):
        assert estimate(result, measure, "pneumothorax", "protocol").value == 0.0
    # The middle box of half the sides, against the heart's.
    (box, *_) = films_of(data).films[1].boxes
    assert estimate(result, "place given", "all findings", "centre box").value == 1.0
    centre = estimate(result, "IoU", name, "centre box").value
    assert centre is not None
    assert 0 < centre < overlap.value
    assert box.finding == "cardiomegaly"


def test_measurements_on_drawn_chests(out: Path, cache: Path) -> None:
    result = run("measurements", Path("phantoms:1"), out, cache)
    assert [one.done for one in result.counts] == [1, 1]
    for about in ("carinal angle", "ratio of aortic knob to trachea", "cardiothoracic ratio"):
        assert estimate(result, "measured", about, "true outlines").value == 1.0
    angle = estimate(result, "mean absolute error", "carinal angle", "true outlines")
    assert (angle.unit, angle.cases) == ("deg", 1)
    assert angle.value is not None
    assert angle.value < 4
    ratio = estimate(result, "mean absolute error", "cardiothoracic ratio", "all-tools")
    assert ratio.value is not None
    assert ratio.value < 0.02
    assert len({one.about for one in result.estimates if one.name == "measured"}) == 11


def test_measurements_on_readers_outlines(data: Path, out: Path, cache: Path) -> None:
    result = run("measurements", data, out, cache, limit=2)
    abouts = {one.about for one in result.estimates if one.name == "measured"}
    assert {"cardiothoracic ratio", "costophrenic angle, right"} <= abouts
    assert "carinal angle" not in abouts
    assert {one.system for one in result.estimates} == {"all-tools"}


def test_what_a_task_cannot_take(data: Path, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    text(tmp_path / "cases.csv", "file", "a.png")
    for name in ("ctr", "segmentation", "labels", "localisation", "measurements"):
        with pytest.raises(UsageError, match="nothing_to_evaluate"):
            task_named(name, TaskOptions(data=tmp_path))
    with pytest.raises(UsageError, match="bad_phantoms"):
        task_named("measurements", TaskOptions(data=Path("phantoms:many")))


def test_side_views_are_left_out_and_said(data: Path, tmp_path: Path) -> None:
    rows = (data / "cases.csv").read_text().replace("P0,PA", "P0,LATERAL")
    table = text(data / "lateral.csv", rows)
    task = task_named("ctr", TaskOptions(data=table))
    assert len(task.cases()) == 3
    assert "1 side views were left out." in task.unknown
    task.close()


def test_a_limit_draws_by_the_seed(data: Path) -> None:
    def names(seed: int, limit: int | None) -> list[str]:
        task = task_named("ctr", TaskOptions(data=data, seed=seed, limit=limit))
        task.close()
        return [case.name for case in task.cases()]

    assert names(0, 2) == names(0, None)[:2]
    assert len({tuple(names(seed, None)) for seed in range(6)}) > 1
    assert sorted(names(3, None)) == sorted(names(0, None))


def test_another_truth_is_another_case(data: Path, tmp_path: Path) -> None:
    task = task_named("ctr", TaskOptions(data=data))
    before = [case.content for case in task.cases()]
    table = text(data / "other.csv", (data / "cases.csv").read_text().replace(",0.5,", ",0.51,"))
    other = task_named("ctr", TaskOptions(data=table))
    assert len(set(before) - {case.content for case in other.cases()}) == 1
    task.close()
    other.close()


def test_nobody_is_known_by_his_own_films() -> None:
    means = OthersMean([("a", 1.0), ("a", 3.0), ("b", 7.0)])
    assert (means.without("a"), means.without("b"), means.without("c")) == (7.0, 2.0, 11 / 3)
    assert OthersMean([("a", 1.0)]).without("a") is None


def test_the_mean_shape_leaves_a_patient_out(data: Path) -> None:
    films = [one for one in films_of(data).films if one.name != "page.png"]
    shapes = MeanShape(films)
    shape = shapes.of("P1", "heart", (SIDE, SIDE))
    others = MeanShape([films[0], films[2]]).of("nobody", "heart", (SIDE, SIDE))
    assert shape is not None
    assert np.array_equal(shape, others)
    assert MeanShape(films[:1]).of("P0", "heart", (8, 8)) is None
    assert shapes.of("P0", "trachea", (8, 8)) is None


def test_masks_of_another_size_are_no_truth(data: Path, out: Path, cache: Path) -> None:
    text(data / "sizes.csv", "file,masks", "f0.png,small")
    plane(data / "small/heart.png", np.full((40, 40), 255))
    result = run("segmentation", data / "sizes.csv", out, cache)
    assert result.counts[0].codes == {"mask_size": 1}


def test_a_box_beyond_its_film_is_no_truth(data: Path, out: Path, cache: Path) -> None:
    folder = out.parent / "beyond"
    Image.open(data / "f0.png").save(picture(folder / "f0.png"))
    text(folder / "cases.csv", "file", "f0.png")
    text(
        folder / "boxes.csv", "file,finding,left,top,right,bottom", "f0.png,cardiomegaly,1,1,9999,9"
    )
    result = run("localisation", folder, out, cache)
    assert {one.refused for one in result.counts} == {1}
    assert result.counts[0].codes == {"bad_film_set": 1}
