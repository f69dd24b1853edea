"""``cxr-agent measure`` as users run it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.cli.measure import COLUMNS
from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.trace import RunStarted, read_trace
from tests.cli.program import Ran, run_program

SPEC = PhantomSpec(thorax_width=0.72)


def run(*arguments: str) -> Ran:
    return run_program(*arguments, traces=Path("unused"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film and its true masks."""
    root = tmp_path_factory.mktemp("measure")
    phantom = draw(SPEC, 384)
    Image.fromarray(np.rint(phantom.pixels * 255).astype(np.uint8)).save(root / "film.png")
    (root / "masks").mkdir()
    for name, plane in phantom.masks.items():
        Image.fromarray(plane.astype(np.uint8) * 255).save(root / "masks" / f"{name}.png")
    return root


def test_values_limits_and_what_is_missing(folder: Path) -> None:
    done = run("measure", str(folder / "film.png"))
    assert done.status == 0, done.err
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.strip()}
    assert "limit 0.5, 0.55" in lines["ctr"]
    assert "an outline that it needs is missing" in lines["carina_angle"]
    assert done.out.rstrip().endswith("not for patient care.")


def test_masks_of_ones_own_enable_the_twelve(folder: Path) -> None:
    done = run("measure", str(folder / "film.png"), "--masks", str(folder / "masks"), "--json")
    assert done.status == 0, done.err
    found = {item["id"] for item in json.loads(done.out)["items"]}
    assert {"carina_angle", "trachea_deviation", "aortic_knob", "inspiration"} <= found


def test_table_and_overlay(folder: Path, tmp_path: Path) -> None:
    table, picture = tmp_path / "t.csv", tmp_path / "o.png"
    films = [str(folder / "film.png"), str(tmp_path / "none.png")]
    done = run("measure", *films, "--only", "ctr,carina_angle", "--csv", str(table))
    assert done.status == 3
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["id"], row["status"]) for row in rows] == [
        ("ctr", "measured"),
        ("carina_angle", "not_measured"),
        ("", "error"),
    ]
    assert float(rows[0]["low"]) <= float(rows[0]["value"]) <= float(rows[0]["high"])
    assert rows[1]["reason"] == "mask_missing"
    done = run("measure", films[0], "--only", "ctr", "--overlay", str(picture))
    assert done.status == 0
    drawn = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    assert (drawn.max(axis=2) - drawn.min(axis=2) > 60).sum() > 500


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--only", "ctx"], 2, "Did you mean ctr?"),
        (["--spacing", "wide"], 2, "bad_spacing"),
        (["--spacing", "-1"], 2, "bad_spacing"),
        (["--config", "none.toml"], 9, "config_unreadable"),
        (["--masks", "none"], 3, "no_masks"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    folder: Path, arguments: list[str], status: int, said: str
) -> None:
    done = run("measure", str(folder / "film.png"), *arguments)
    assert (done.status, said in done.err) == (status, True), done.err
    assert "Traceback" not in done.err


def test_a_limit_that_a_user_changed_is_in_trace_evidence_and_report(
    folder: Path, tmp_path: Path
) -> None:
    config = tmp_path / "mine.toml"
    config.write_text("[thresholds]\nctr_pa = 0.31\nctr_ap = 0.32\n")
    done = run_program(
        *("read", str(folder / "film.png"), "--config", str(config), "--json"),
        traces=tmp_path / "traces",
    )
    assert done.status == 0, done.err
    report = json.loads(done.out)
    started = next(e for e in read_trace(Path(report["trace"])).events if isinstance(e, RunStarted))
    assert started.config["thresholds"] == {"ctr_pa": 0.31, "ctr_ap": 0.32}
    texts = [sentence["text"] for sentence in report["technique"]]
    assert any("limit ctr pa 0.31, limit ctr ap 0.32" in text for text in texts)
    heart = next(
        e for e in report["evidence"] if e["code"] == "cardiomegaly" and e["value"] is not None
    )
    assert "user's configuration" in heart["threshold_source"]
    assert heart["polarity"] == "present"
