"""The catalogue of pretrained upgrades, and where an installed one is found."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.errors import ConfigError, ModelError
from cxr_agent.models import catalogue
from cxr_agent.models.adapters.families import FAMILIES, OF_MODEL
from cxr_agent.models.catalogue import Upgrade, models_root, resolve, upgrades
from cxr_agent.models.manifest import MANIFEST, Manifest, ModelFile, write

ENTRY: dict[str, Any] = {
    "family": "sam",
    "name": "A model",
    "source": "owner/name",
    "revision": "main",
    "files": ["config.json", "*.safetensors"],
    "licence": "MIT",
    "licence_url": "https://example.org/licence",
    "purpose": "tests",
    "citation": "nobody",
}
ADDRESS = {"source": "https://example.org/weights/", "revision": "", "files": ["a.pt"]}
DIGEST = "0" * 64


def upgrade(**changes: Any) -> Upgrade:
    return Upgrade.model_validate({"id": "one", **ENTRY, **changes})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path))
    return tmp_path


def place(folder: Path, **files: bytes) -> Manifest:
    """Lay files down as a pull of ``medsam`` would have."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    made = Manifest(
        id=folder.name,
        source="owner/name",
        revision="main",
        pulled_from="hub",
        pulled_at="2026-01-01T00:00:00+00:00",
        files=tuple(
            ModelFile(
                name=name,
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                checked_against=None,
            )
            for name, content in files.items()
        ),
    )
    write(folder, made)
    return made


def test_the_models_that_were_promised_are_there() -> None:
    entries = upgrades()
    assert set(entries) >= {
        *("sam-vit-base", "medsam", "cxas", "torchxrayvision-densenet121-all", "rad-dino"),
        *("biomedclip", "all-minilm-l6-v2", "chexagent", "maira-2", "roentgen", "smolvlm-256m"),
    }
    assert {name: entry.family for name, entry in entries.items()} == OF_MODEL
    assert {entry.family for entry in entries.values()} <= set(FAMILIES)
    assert list(entries) == [entry.id for entry in entries.values()]


def test_every_entry_tells_what_a_user_must_know() -> None:
    for entry in upgrades().values():
        assert "torch" in entry.needs
        assert len(entry.citation) > 20
        assert entry.revision or not entry.on_hub
        # What runs code of its own is told apart by that code being among its files.
        assert entry.trust_remote_code == any(name.endswith(".py") for name in entry.files)
    assert upgrades()["maira-2"].gated
    assert not upgrades()["sam-vit-base"].gated


def test_only_a_commit_or_the_hash_of_every_file_pins() -> None:
    assert upgrade(revision="a" * 40).pinned
    assert not upgrade(revision="main").pinned
    assert not upgrade(revision="a" * 7).pinned
    assert not upgrade(**ADDRESS).pinned
    assert upgrade(**ADDRESS, sha256={"a.pt": DIGEST}).pinned


@pytest.mark.parametrize(
    "raw",
    [
        "text",
        {},
        ENTRY | {"colour": "red"},
        ENTRY | {"family": ""},
        ENTRY | {"licence": ""},
        ENTRY | {"licence_url": "http://example.org"},
        ENTRY | {"files": []},
        ENTRY | {"revision": ""},
        ENTRY | {"source": "owner"},
        ENTRY | {"source": "../name"},
        ENTRY | {"size_mb": 0},
        ENTRY | {"sha256": {"config.json": "short"}},
        ENTRY | {"sha256": {"other.json": DIGEST}},
        ENTRY | ADDRESS | {"source": "https://example.org/weights"},
        ENTRY | ADDRESS | {"source": "http://example.org/weights/"},
        ENTRY | ADDRESS | {"source": "ftp://example.org/weights/"},
        ENTRY | ADDRESS | {"source": "file://localhost/weights/"},
        ENTRY | ADDRESS | {"files": ["*.pt"]},
        ENTRY | ADDRESS | {"optional": ["b.pt"]},
    ],
)
def test_a_malformed_entry_is_a_configuration_error(
    raw: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "load", lambda name: {"one": raw})
    catalogue._upgrades.cache_clear()
    try:
        with pytest.raises(ConfigError) as caught:
            upgrades()
    finally:
        catalogue._upgrades.cache_clear()
    assert caught.value.code == "bad_definition"
    assert "one" in caught.value.message


def test_an_id_is_a_plain_name() -> None:
    for wrong in ("../up", "a/b", "", ".hidden", "Upper"):
        with pytest.raises(ValueError, match="pattern"):
            Upgrade.model_validate({"id": wrong, **ENTRY})


def test_files_are_chosen_by_name_and_pattern_within_one_folder() -> None:
    one = upgrade(files=["config.json", "*.safetensors", "unet/*"], optional=["*.txt", "*.md"])
    there = [
        *("config.json", "b.safetensors", "a.safetensors", "vocab.txt", "run.py"),
        *("unet/config.json", "unet/deep/config.json", "onnx/a.safetensors", "onnx/notes.txt"),
    ]
    assert one.choose(there) == [
        *("a.safetensors", "b.safetensors", "config.json", "unet/config.json", "vocab.txt")
    ]


def test_a_source_without_a_needed_file_is_named() -> None:
    with pytest.raises(ModelError) as caught:
        upgrade(note="Ask the authors.").choose(["config.json", "folder/a.safetensors"])
    assert caught.value.code == "files_missing"
    assert "*.safetensors" in caught.value.message
    assert "config.json" not in caught.value.message
    assert caught.value.hint == "Ask the authors."


def test_models_go_where_the_user_says_or_to_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CXR_AGENT_MODELS", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cached")
    assert models_root() == Path("/var/cached/cxr-agent/models")
    for unset in ("", "relative"):  # the specification says to ignore what is relative
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert models_root() == tmp_path / ".cache/cxr-agent/models"
    monkeypatch.setattr("sys.platform", "darwin")
    assert models_root() == tmp_path / "Library/Caches/cxr-agent/models"
    monkeypatch.setenv("CXR_AGENT_MODELS", "~/mine")
    assert models_root() == tmp_path / "mine"


def test_what_is_not_pulled_is_said_with_the_command(root: Path) -> None:
    with pytest.raises(ModelError) as caught:
        resolve("medsam")
    assert caught.value.code == "not_pulled"
    assert "`cxr-agent models pull medsam`" in caught.value.hint
    with pytest.raises(ModelError) as caught:
        resolve("medsan")
    assert caught.value.code == "unknown_model"


def test_a_folder_without_a_manifest_is_not_installed(root: Path) -> None:
    (root / "medsam").mkdir()
    (root / "medsam/pytorch_model.bin").write_bytes(b"weights")
    with pytest.raises(ModelError) as caught:
        resolve("medsam")
    assert caught.value.code == "not_pulled"


def test_a_pulled_model_is_found(root: Path) -> None:
    made = place(root / "medsam", **{"config.json": b"{}", "pytorch_model.bin": b"weights"})
    assert resolve("medsam") == root / "medsam"
    assert catalogue.installed("medsam") == made


@pytest.mark.parametrize("content", [b"weigh", None])
def test_a_cut_or_lost_file_is_not_resolved(root: Path, content: bytes | None) -> None:
    place(root / "medsam", **{"config.json": b"{}", "pytorch_model.bin": b"weights"})
    lost = root / "medsam/pytorch_model.bin"
    lost.unlink() if content is None else lost.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        resolve("medsam")
    assert caught.value.code == "weights_damaged"
    assert "pytorch_model.bin" in caught.value.message


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "{",
        lambda text: text.replace('"a.bin"', '"../a.bin"'),
        lambda text: text.replace('"a.bin"', '"/etc/passwd"'),
        lambda text: text.replace('"version": 1', '"version": 2'),
        lambda text: re.sub('"sha256": "[0-9a-f]+"', '"sha256": "?"', text),
    ],
)
def test_a_damaged_manifest_is_an_error(root: Path, change: Any) -> None:
    place(root / "medsam", **{"a.bin": b"weights"})
    file = root / "medsam" / MANIFEST
    changed = change(file.read_text())
    assert changed != file.read_text()
    file.write_text(changed)
    with pytest.raises(ModelError) as caught:
        resolve("medsam")
    assert caught.value.code == "bad_manifest"
