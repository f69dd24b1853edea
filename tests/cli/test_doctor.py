"""``cxr-agent doctor``, and a reading, where a model is missing or damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cxr_agent import diagnosis
from cxr_agent.models import store
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.reading import Agent
from tests.models.runtime.fakes import FakeGpu

from .program import Films, Ran, run_program

DRIVER = """
import pathlib, sys
from cxr_agent.models import store
root = pathlib.Path(sys.argv.pop(1))
store.weights_root = lambda: root
from cxr_agent.cli.main import run
run()
"""
LOST = "a model that it needs cannot be loaded"


def _no_weights(root: Path) -> None:
    (root / "anatomy" / "anatomy.onnx").unlink()


def _other_weights(root: Path) -> None:
    file = root / "anatomy" / "anatomy.onnx"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def _bad_card(root: Path) -> None:
    (root / "anatomy" / "card.json").write_text("{}")


def _nothing(root: Path) -> None:
    shutil.rmtree(root)


DAMAGES = {
    "weights_missing": _no_weights,
    "weights_damaged": _other_weights,
    "bad_card": _bad_card,
    "unknown_model": _nothing,
}


def with_weights(root: Path, *arguments: str, traces: Path) -> Ran:
    """The program with its weights looked for elsewhere."""
    return run_program(str(root), *arguments, traces=traces, start=("-c", DRIVER))


def copied(damage: Callable[[Path], None], folder: Path) -> Path:
    root = folder / "weights"
    shutil.copytree(store.weights_root(), root)
    damage(root)
    return root


def test_healthy(tmp_path: Path) -> None:
    ran = run_program("doctor", "--json", traces=tmp_path)
    assert ran.status == 0, ran.err
    told = ran.json
    assert told["healthy"]
    assert {model["id"]: model["state"] for model in told["models"]}["anatomy"] == "ready"
    assert told["speed"]["next_s"] > 0
    assert told["speed"]["first_s"] > 0
    assert {lib["name"] for lib in told["libraries"]} >= {"numpy", "onnxruntime"}
    assert not any(tmp_path.iterdir())  # its own readings leave no trace


def test_it_says_which_language_model_and_asks_none(tmp_path: Path) -> None:
    ran = run_program("doctor", "--json", traces=tmp_path)
    assert ran.json["language_model"] == "none: the protocol plans, rules word"
    named = {"CXR_AGENT_MODEL": "openai/nobody", "CXR_AGENT_API_BASE": "http://127.0.0.1:9/v1"}
    ran = run_program("doctor", "--json", traces=tmp_path, env=named)
    assert ran.status == 0, ran.err
    assert ran.json["language_model"] == "openai/nobody on this machine"
    assert ran.json["speed"]["next_s"] < 10  # nobody was waited for


def test_text(tmp_path: Path) -> None:
    ran = run_program("doctor", "--no-speed", traces=tmp_path)
    assert ran.status == 0
    for title in ("Libraries", "Models", "Device", "Language model"):
        assert f"\n{title}\n" in ran.out
    assert "All that a reading needs is here." in ran.out


@pytest.fixture
def damaged(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Weights with a damage, as this process sees them."""
    root = copied(DAMAGES[request.param], tmp_path)
    monkeypatch.setattr(Runtime, "_shared", {})  # nothing that was loaded before the damage
    for module in (store, diagnosis):
        monkeypatch.setattr(module, "weights_root", lambda: root)
    store.load_card.cache_clear()
    yield request.param
    store.load_card.cache_clear()


@pytest.mark.parametrize("damaged", DAMAGES, indirect=True)
def test_model_that_is_not_sound(damaged: str, films: Films, tmp_path: Path) -> None:
    told = diagnosis.examine()
    assert not told.healthy
    assert told.speed is None
    assert {model.id: model.state for model in told.models}["anatomy"] == damaged

    # A reading still ends with a report, which says what it could not do and claims nothing.
    with Agent(traces=tmp_path / "traces") as agent:
        report = agent.read(films["grey8.png"])
    assert report.status == "partial"
    assert any(LOST in sentence.text for sentence in report.limitations)
    assert not [e for e in report.evidence if e.kind.value in ("finding", "measurement", "region")]
    assert all(sentence.text.startswith("Not examined") for sentence in report.findings)


def test_on_a_gpu_the_weights_are_those_of_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeGpu().install(monkeypatch)
    root = copied(_no_weights, tmp_path)  # the ONNX file, which a GPU does not need
    monkeypatch.setattr(Runtime, "_shared", {})
    for module in (store, diagnosis):
        monkeypatch.setattr(module, "weights_root", lambda: root)
    told = diagnosis.examine(speed=False, device="cuda")
    assert told.device == "cuda:0, Fake 0, 8192 MiB"
    assert {model.id: model.state for model in told.models}["anatomy"] == "ready"
    (root / "anatomy" / "anatomy.safetensors").unlink()
    told = diagnosis.examine(speed=False, device="cuda")
    assert {model.id: model.state for model in told.models}["anatomy"] == "weights_missing"


def test_program_without_weights(films: Films, tmp_path: Path) -> None:
    root = copied(_no_weights, tmp_path)
    told = with_weights(root, "doctor", traces=tmp_path / "t")
    assert told.status == 6
    assert "weights_missing" in told.out
    assert "A reading cannot run." in told.out
    ran = with_weights(root, "read", str(films["grey8.png"]), traces=tmp_path / "t")
    assert ran.status == 0, ran.err
    assert LOST in " ".join(ran.out.split())
    assert "(partial)" in ran.out
    findings = ran.out.split("\nFINDINGS\n")[1].split("\nIMPRESSION\n")[0]
    assert findings.count("\n  - ") == findings.count("- Not examined")


def test_segment_without_weights(films: Films, tmp_path: Path) -> None:
    root = copied(_no_weights, tmp_path)
    out = tmp_path / "masks"
    ran = with_weights(root, "segment", str(films["grey8.png"]), "--out", str(out), traces=out)
    assert ran.status == 6
    assert ran.errors == [("", "weights_missing")]
    assert not out.exists()
