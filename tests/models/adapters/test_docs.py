"""``docs/pretrained.md``: its table is the table of families, and its examples run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import ModelError
from cxr_agent.models import catalogue, manifest
from cxr_agent.models.adapters import FAMILIES, load_adapter, load_pulled
from cxr_agent.models.adapters.families import OF_MODEL
from cxr_agent.models.adapters.roentgen import SyntheticFilm
from cxr_agent.models.adapters.sources import resolve
from cxr_agent.models.manifest import Manifest
from cxr_agent.study import FloatImage
from tests.models.adapters import tiny

PAGE = Path(__file__).resolve().parents[3] / "docs" / "pretrained.md"
COMMIT = "0" * 40


def install(model: str) -> Path:
    """A tiny network in the place of a pulled model."""
    upgrade = catalogue.find(model)
    folder = catalogue.folder_of(model)
    folder.mkdir(parents=True)
    tiny.BUILDERS[OF_MODEL[model]](folder)
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    manifest.write(
        folder,
        Manifest(
            id=model,
            source=upgrade.source,
            revision=upgrade.revision,
            pulled_from="folder",
            pulled_at="2026-01-01T00:00:00+00:00",
            files=manifest.describe(folder, names, {}),
        ),
    )
    return folder


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model of the catalogue but the first, which lies in the hub's cache."""
    from huggingface_hub import constants
    from transformers import dynamic_module_utils

    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    for model in catalogue.upgrades():
        if model != "sam-vit-base":
            install(model)
    repo = tmp_path / "hub" / "models--facebook--sam-vit-base"
    snapshot = repo / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    tiny.sam(snapshot)


def test_the_table_is_the_families() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{one.name}` | {one.gives} | {', '.join(one.sources)} | {one.licence} |"
        for one in FAMILIES.values()
    ]


def test_every_model_of_the_catalogue_has_its_family() -> None:
    assert set(OF_MODEL) == set(catalogue.upgrades())
    assert set(OF_MODEL.values()) == set(FAMILIES) == set(tiny.BUILDERS)


@pytest.mark.slow
def test_the_examples_run_as_they_stand(
    installed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 1 + len(FAMILIES)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    film = names["film"]
    for mask in (names["heart"].plane, names["lung"], names["rib"], names["arch"]):
        assert mask.shape == film.shape
        assert mask.dtype == np.bool_
    assert names["similarity"] == pytest.approx(1)
    assert names["texts"].shape[0] == 2
    assert names["answer"].text
    assert names["report"].answer.tokens > 0
    assert isinstance(names["drawn"], SyntheticFilm)
    assert names["drawn"].model == "roentgen"
    assert "Cardiomegaly cardiomegaly" in capsys.readouterr().out


def test_a_pulled_model_is_found_by_its_name_and_by_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, film: FloatImage
) -> None:
    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        load_pulled("rad-dino")
    assert caught.value.code == "not_pulled"
    folder = install("rad-dino")
    assert resolve("rad-dino") == resolve("microsoft/rad-dino") == folder
    wanted = load_adapter("dinov2", folder).encode([film])
    assert np.array_equal(load_pulled("rad-dino").encode([film]), wanted)
    assert np.array_equal(load_adapter("dinov2", "microsoft/rad-dino").encode([film]), wanted)


def test_a_model_that_can_be_pulled_is_named_in_the_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for family, source, model in (
        ("dinov2", "microsoft/rad-dino", "rad-dino"),
        ("cxas", "UNet_ResNet50_default", "cxas"),
        ("xrv", "densenet121-res224-all", "torchxrayvision-densenet121-all"),
    ):
        with pytest.raises(ModelError) as caught:
            load_adapter(family, source)
        assert caught.value.code == "weights_unavailable"
        assert f"`cxr-agent models pull {model}`" in caught.value.hint


def test_pulling_is_no_leave_to_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path))
    install("chexagent")
    with pytest.raises(ModelError) as caught:
        load_pulled("chexagent")
    assert caught.value.code == "remote_code_not_trusted"


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        load_pulled("nothing")
    assert caught.value.code == "unknown_model"
