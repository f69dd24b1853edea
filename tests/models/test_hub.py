"""Installing upgrades through the Hugging Face hub's own client, against a hub on the loopback."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.errors import ModelError
from cxr_agent.models import hub, manifest, pull
from cxr_agent.models.catalogue import Upgrade
from tests.models.pulling import BIG, SMALL, WRONG, failure, installed, process, upgrade
from tests.models.server import COMMIT, Server, serving

FILES = {"config.json": SMALL, "model.safetensors": BIG, "sub/a.txt": b"a", "other.bin": b"no"}


@pytest.fixture
def hub_server(server: Server) -> Server:
    server.files.clear()
    server.repositories["owner/name"] = dict(FILES)
    return server


def hub_upgrade(source: str = "owner/name", **changes: Any) -> Upgrade:
    wanted = {"files": ["config.json", "*.safetensors", "sub/*"], "revision": "main"}
    return upgrade(source, **(wanted | changes))


def through_hub(server: Server, one: Upgrade, tmp_path: Path, **more: str) -> tuple[int, str]:
    """A pull through the hub's own client, whose settings are read when it is imported."""
    running = process(one, HF_ENDPOINT=server.url.rstrip("/"), HF_HOME=str(tmp_path / "hf"), **more)
    _, err = running.communicate(timeout=60)
    return running.returncode, err.decode()


def test_a_hub_model_is_installed_at_its_commit(
    hub_server: Server, root: Path, tmp_path: Path
) -> None:
    status, err = through_hub(hub_server, hub_upgrade(), tmp_path)
    assert status == 0, err
    assert installed(root) == {name: FILES[name] for name in FILES if name != "other.bin"}
    made = manifest.read(root / "one")
    assert made is not None
    assert made.revision == COMMIT
    assert {one.name: one.checked_against for one in made.files} == {
        "config.json": None,
        "model.safetensors": "hub",
        "sub/a.txt": None,
    }
    assert all(f"/resolve/{COMMIT}/" in one.path for one in hub_server.gets()[2:])
    assert sorted(path.name for path in root.iterdir()) == [".one.lock", "one"]
    assert not (tmp_path / "hf").exists()


def test_a_hub_model_is_pulled_again_once_the_catalogue_pins_another_commit(
    hub_server: Server, root: Path, tmp_path: Path
) -> None:
    assert through_hub(hub_server, hub_upgrade(), tmp_path)[0] == 0
    assert pull.intact(hub_upgrade(revision="dev")) is not None  # a branch is whatever it was
    assert pull.intact(hub_upgrade(revision=COMMIT)) is not None
    assert pull.intact(hub_upgrade(revision="a" * 40)) is None


def test_a_hub_file_with_another_hash_is_refused(
    hub_server: Server, root: Path, tmp_path: Path
) -> None:
    one = hub_upgrade(files=["model.safetensors"], sha256={"model.safetensors": WRONG})
    status, err = through_hub(hub_server, one, tmp_path)
    assert status == 1
    assert "[checksum_mismatch]" in err
    assert not (root / "one").exists()


def test_a_gated_model_asks_for_consent_and_a_token(
    hub_server: Server, root: Path, tmp_path: Path
) -> None:
    hub_server.gated = True
    status, err = through_hub(hub_server, hub_upgrade(), tmp_path)
    assert status == 1
    assert "[access_denied]" in err
    assert not (root / "one").exists()
    status, err = through_hub(hub_server, hub_upgrade(), tmp_path, HF_TOKEN="hf_secret")
    assert status == 0, err
    assert hub_server.asked[-1].token == "Bearer hf_secret"


def test_a_hub_repository_that_is_gone(hub_server: Server, root: Path, tmp_path: Path) -> None:
    status, err = through_hub(hub_server, hub_upgrade(source="owner/gone"), tmp_path)
    assert status == 1
    assert "[source_gone]" in err


def test_a_hub_without_a_needed_file(hub_server: Server, root: Path, tmp_path: Path) -> None:
    status, err = through_hub(hub_server, hub_upgrade(files=["*.gguf"]), tmp_path)
    assert status == 1
    assert "[files_missing]" in err


def test_a_hub_that_is_out_of_reach(root: Path, tmp_path: Path) -> None:
    with serving() as gone:
        pass
    began = time.monotonic()
    status, err = through_hub(gone, hub_upgrade(), tmp_path)
    assert status == 1
    assert "[offline]" in err
    assert time.monotonic() - began < 60


def test_a_hub_file_that_the_client_left_out_is_noticed(tmp_path: Path) -> None:
    """Without a connection the client may give a folder that is not whole as if it were."""
    (tmp_path / "config.json").write_bytes(SMALL)
    (tmp_path / "model.safetensors").write_bytes(BIG[:10])
    found = hub.HubFiles(COMMIT, ["config.json"], {"config.json": len(SMALL)})
    hub._require_all(tmp_path, found)
    for name in ("model.safetensors", "sub/a.txt"):
        found.names, found.sizes = [name], {name: len(BIG)}
        with pytest.raises(ModelError) as caught:
            hub._require_all(tmp_path, found)
        assert caught.value.code == "download_interrupted"


def test_the_hub_needs_its_library(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    error = failure(hub_upgrade())
    assert error.code == "library_missing"
    assert "cxr-agent[pretrained]" in error.hint
