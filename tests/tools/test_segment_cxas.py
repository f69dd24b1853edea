"""CXAS inside a reading: pulled, offered, run, said; and what changes where it is not there."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from cxr_agent import diagnosis
from cxr_agent.evidence import EvidenceKind
from cxr_agent.knowledge import structures
from cxr_agent.measure.ctr import cardiothoracic_ratio
from cxr_agent.models.adapters.cxas_labels import STRUCTURES
from cxr_agent.models.anatomy import Outline
from cxr_agent.models.manifest import MANIFEST, sha256_of
from cxr_agent.models.repeats import REPEATS
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.reading import Agent
from cxr_agent.report.model import Report
from cxr_agent.testing.phantom import draw
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.contract import Mask
from cxr_agent.toolbox.measuring import Wanted, measure
from cxr_agent.toolbox.registry import built_in, known, lacking
from cxr_agent.tools.segment_anatomy import STRUCTURES as EMBEDDED
from cxr_agent.tools.segment_cxas import PROVIDED
from tests.builders import Bank, FakeShelf, repeats, scene
from tests.models.adapters import pulled

PULL = "cxr-agent models pull cxas"
CALL = ToolCall("segment_cxas", {"film": "img-1"})
OPEN = Callable[..., Bank]


@pytest.fixture(autouse=True)
def nothing_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(Runtime, "_shared", {})  # nothing that another test loaded


@pytest.fixture
def cxas() -> Iterator[Path]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield pulled.install_cxas()
    torch.set_num_threads(before)


@pytest.fixture
def phantom(tmp_path: Path) -> Path:
    path = tmp_path / "phantom.png"
    PillowImage.fromarray(np.rint(draw().pixels * 255).astype(np.uint8)).save(path)
    return path


def read(film: Path, traces: Path) -> Report:
    with Agent(traces=traces, device="cpu") as agent:
        return agent.read(film)


def test_it_provides_what_the_embedded_model_does_not() -> None:
    assert set(PROVIDED) == set(STRUCTURES) - set(EMBEDDED)
    assert len(PROVIDED) == len(STRUCTURES) - 5


def test_it_is_offered_where_it_was_pulled_and_nowhere_else() -> None:
    spec = known().get("segment_cxas")
    assert spec is not None
    assert spec.pretrained == "cxas"
    assert built_in().get("segment_cxas") is None
    assert lacking(spec) == (PULL,)
    pulled.install_cxas()
    assert lacking(spec) == ()
    assert built_in().get("segment_cxas") is not None
    offered = {spec.name for spec in built_in(library=True, vision=True)}
    # The other tool whose model has to be pulled is still missing.
    assert {spec.name for spec in known()} - offered == {"classify_xrv"}


def test_without_torch_it_is_not_offered(cxas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "cxr_agent.toolbox.registry.find_spec",
        lambda name: None if name == "torch" else find(name),
    )
    spec = known().get("segment_cxas")
    assert spec is not None
    assert lacking(spec) == ("pip install torch",)
    assert built_in().get("segment_cxas") is None


def test_in_a_reading_it_outlines_and_the_report_says_so(
    cxas: Path, phantom: Path, tmp_path: Path
) -> None:
    report = read(phantom, tmp_path / "traces")
    said = [item for item in report.evidence if item.provenance.tool == "segment_cxas"]
    regions = [item for item in said if item.kind is EvidenceKind.REGION]
    assert regions
    assert len(said) < 20  # groups are folded
    weights = sha256_of(cxas / "UNet_ResNet50_default.pth")
    for item in said:
        assert (item.provenance.model, item.provenance.weights_sha256) == ("cxas", weights)
    for item in regions:
        drawn = set(item.artifacts)
        assert drawn <= set(PROVIDED)
        assert len(drawn) == item.details.get("count", 1)
        assert {structures()[name].side for name in drawn} == {item.side}
    (sentence,) = [s for s in report.technique if "CXAS" in s.text]
    assert sentence.evidence == tuple(item.id for item in regions)
    ours = {item.id for item in said}
    assert not [one for one in report.dropped if ours.intersection(one.evidence)]
    # Lungs, heart and clavicles are still those of the embedded model.
    embedded = {i.code for i in report.evidence if i.provenance.tool == "segment_anatomy"}
    assert set(EMBEDDED) == embedded


def test_without_the_model_a_reading_is_as_before(phantom: Path, tmp_path: Path) -> None:
    report = read(phantom, tmp_path / "traces")
    assert not any("CXAS" in sentence.text for sentence in report.technique)
    assert not [i for i in report.evidence if i.provenance.tool == "segment_cxas"]


def test_masks_have_names_repeats_and_their_model(cxas: Path, open_bank: OPEN) -> None:
    bank = open_bank(scene(size=96))
    outcome = bank.toolbox.run(CALL)
    assert outcome.status == "ok", outcome.codes
    masks = bank.toolbox.bench.masks("img-1")
    assert masks
    for name, mask in masks.items():
        assert mask.structure == name
        assert mask.model == "cxas"
        assert mask.plane.shape == (96, 96)
        assert mask.repeats is not None
        assert mask.repeats.shape[0] == len(REPEATS)


def test_weights_that_are_damaged_are_said(cxas: Path, open_bank: OPEN) -> None:
    (cxas / "UNet_ResNet50_default.pth").write_bytes(b"")
    bank = open_bank(scene(size=96))
    outcome = bank.toolbox.run(CALL)
    assert (outcome.status, outcome.codes) == ("failed", ("model_error",))
    (cxas / MANIFEST).write_text("{}")
    assert built_in().get("segment_cxas") is not None


def test_where_nothing_is_found_it_abstains(
    cxas: Path, open_bank: OPEN, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Blind:
        def outline(self, pixels: np.ndarray, names: tuple[str, ...]) -> dict[str, Outline]:
            return {name: Outline(np.zeros(pixels.shape, dtype=np.bool_)) for name in names}

    monkeypatch.setattr(FakeShelf, "cxas", lambda _: Blind(), raising=False)
    outcome = open_bank(scene(size=96)).toolbox.run(CALL)
    assert (outcome.status, outcome.codes) == ("abstained", ("not_outlined",))


def test_what_is_measured_on_its_outlines_has_an_interval_that_nobody_checked() -> None:
    made = scene(size=128)
    outlined = {
        name: Mask(name, plane, repeats(plane, 2), "cxas")
        for name, plane in made.phantoms["img-1"].masks.items()
        if name in EMBEDDED
    }
    wanted = Wanted("ctr", cardiothoracic_ratio)
    (item,) = measure(made.study.images[0], outlined.values(), wanted).items
    assert item.outlined_by == ("cxas",)
    assert item.interval is not None
    assert not item.calibrated


def told(*arguments: str) -> str:
    code = (
        f"import sys; sys.argv[1:] = {list(arguments)!r}; from cxr_agent.cli.main import run; run()"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_the_list_of_tools_shows_it_with_what_would_bring_it() -> None:
    before = {one["name"]: one for one in json.loads(told("tools", "list", "--json"))}
    assert before["segment_cxas"]["available"] is False
    assert before["segment_cxas"]["enabled_by"] == [PULL]
    assert before["segment_anatomy"]["available"] is True
    assert f"not available here; what would bring it: {PULL}\n" in told("tools", "list")
    pulled.install_cxas()
    after = {one["name"]: one for one in json.loads(told("tools", "list", "--json"))}
    assert after["segment_cxas"]["available"] is True
    assert after["segment_cxas"]["enabled_by"] == []
    assert f"not available here; what would bring it: {PULL}\n" not in told("tools", "list")


def states() -> dict[str, diagnosis.MeasurementState]:
    return {one.id: one for one in diagnosis.examine(speed=False, device="cpu").measurements}


def test_doctor_says_which_measurements_have_outlines(monkeypatch: pytest.MonkeyPatch) -> None:
    one = diagnosis.measurements()["ctr"]
    airway = one.model_copy(
        update={"id": "airway", "structures": ("trachea", "vertebrae", "heart")}
    )
    elsewhere = one.model_copy(update={"id": "elsewhere", "structures": ("humerus",)})
    table = {"ctr": one, "airway": airway, "elsewhere": elsewhere}
    monkeypatch.setattr(diagnosis, "measurements", lambda: table)
    before = states()
    assert before["ctr"].ready
    assert before["ctr"].sources == ("segment_anatomy",)
    assert before["ctr"].enabled_by == ()
    assert not before["airway"].ready
    assert before["airway"].missing == ("trachea", "vertebrae")
    assert before["airway"].enabled_by == (PULL, diagnosis.MASKS)
    assert before["elsewhere"].enabled_by == (diagnosis.MASKS,)
    pulled.install_cxas()
    after = states()
    assert after["airway"].ready
    assert after["airway"].sources == ("segment_cxas", "segment_anatomy")
    assert not after["elsewhere"].ready


def test_doctor_lists_every_measurement() -> None:
    assert set(states()) == set(diagnosis.measurements())
    text = told("doctor", "--no-speed", "--device", "cpu")
    assert "\nMeasurements\n" in text
    for name in diagnosis.measurements():
        assert f"  {name} " in text
