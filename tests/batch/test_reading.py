"""Batches of real readings: priors, tables, and what a changed tool costs."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cxr_agent.batch.layout import report_file, traces_of
from cxr_agent.errors import UsageError
from cxr_agent.reading import Agent
from cxr_agent.reading.batches import BatchOptions
from cxr_agent.report.model import Report
from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.toolbox.registry import Registry, built_in
from cxr_agent.trace import ToolReturned, read_trace
from tests.imaging.films import dicom

HERE = BatchOptions(workers=0)


def write(path: Path, ratio: float, **values: str) -> None:
    pixels = draw(PhantomSpec(cardiothoracic_ratio=ratio), size=320).pixels
    levels = np.rint(pixels * 4095).astype(np.uint16)
    path.write_bytes(dicom(levels, PatientAge="058Y", ImagerPixelSpacing=[1.2, 1.2], **values))


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A patient's two studies, a year apart, and somebody else's."""
    folder = tmp_path_factory.mktemp("dicom")
    write(folder / "a.dcm", 0.45, PatientID="7", StudyInstanceUID="1.2.1", StudyDate="20230101")
    write(folder / "b.dcm", 0.60, PatientID="7", StudyInstanceUID="1.2.2", StudyDate="20240101")
    write(folder / "c.dcm", 0.50, PatientID="8", StudyInstanceUID="1.2.3", StudyDate="20240101")
    return folder


def read(source: Path, out: Path, registry: Registry | None = None) -> int:
    """Read what is to be read; how much it was."""
    with (
        Agent(model="none", device="cpu", registry=registry) as agent,
        agent.batch(source, out, HERE) as batch,
    ):
        return batch.run().here


def table(out: Path, name: str) -> list[dict[str, str]]:
    with (out / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def done(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("batch") / "out"
    assert read(films, out) == 3
    return out


def by_name(out: Path) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in table(out, "studies")}


def test_an_earlier_study_of_the_same_patient_is_the_prior(done: Path, films: Path) -> None:
    rows = by_name(done)
    assert rows["b.dcm"]["priors"] == str(films / "a.dcm")
    assert [rows[name]["priors"] for name in ("a.dcm", "c.dcm")] == ["", ""]
    compared = table(done, "comparisons")
    assert {row["study"] for row in compared} == {rows["b.dcm"]["study"]}
    assert {row["days_before"] for row in compared} == {"365"}
    assert "cardiothoracic_ratio" in {row["code"] for row in compared}


def test_the_tables_say_what_the_reports_say(done: Path) -> None:
    for row in table(done, "measurements"):
        data = report_file(done, int(row["study"][1:]), ".json").read_bytes()
        evidence = Report.model_validate_json(data).cited(row["evidence"])
        assert float(row["value"]) == evidence.value
        assert (row["code"], row["tool"]) == (evidence.code, evidence.provenance.tool)


def test_a_prior_that_does_not_fit_costs_no_study(films: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        f"study,file,prior,indication\nnow,{films / 'b.dcm'},{films / 'c.dcm'},cough\n"
    )
    assert read(tmp_path / "list.csv", tmp_path / "out") == 1
    (row,) = table(tmp_path / "out", "studies")
    assert (row["outcome"], row["notes"]) == ("read", "other_patient")
    report = Report.model_validate_json(report_file(tmp_path / "out", 1, ".json").read_bytes())
    assert report.history == "cough"


def test_a_changed_tool_alone_is_computed_again(films: Path, done: Path) -> None:
    before = {row["name"]: row["run"] for row in table(done, "studies")}
    specs = [
        dataclasses.replace(spec, version="99") if spec.name == "measure_ctr" else spec
        for spec in built_in()
    ]
    assert read(films, done, Registry(specs)) == 3
    for row in table(done, "studies"):
        assert row["run"] != before[row["name"]]
        trace = read_trace(traces_of(done, int(row["study"][1:])) / row["run"])
        computed = {
            event.tool
            for event in trace.events
            if isinstance(event, ToolReturned) and not event.cached
        }
        assert computed == {"measure_ctr"}, row["name"]


def test_a_mistyped_input_is_no_option(films: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(UsageError) as caught:
            read(wrong, tmp_path / "out")
        assert caught.value.code in ("no_batch_input", "no_studies")
    assert read(films / "c.dcm", tmp_path / "out") == 1
    with pytest.raises(UsageError) as caught:
        read(films, tmp_path / "out")
    assert caught.value.code == "batch_differs"


def test_a_program_may_list_its_studies_itself(films: Path, tmp_path: Path) -> None:
    with (
        Agent(model="none", device="cpu") as agent,
        agent.batch([films / "a.dcm"], tmp_path / "out", HERE) as batch,
    ):
        (one,) = batch
        assert one.report().films[0].view == "PA"
        assert one.trace().finished is not None
        assert one.report_path is not None
        frame = batch.to_frame("measurements")
        assert "cardiothoracic_ratio" in set(frame["code"])
