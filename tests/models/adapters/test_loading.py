"""What all adapters share: families, sources, libraries, devices."""

from __future__ import annotations

import ast
import builtins
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cxr_agent.models.adapters as adapters
from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models.adapters import FAMILIES, load_adapter
from cxr_agent.models.adapters.hardware import choose
from cxr_agent.models.adapters.libraries import library, missing
from cxr_agent.models.adapters.pixels import Recipe, check_film, recipe_of
from cxr_agent.models.adapters.quiet import quiet
from cxr_agent.models.adapters.sources import one_file, resolve

FOLDER = Path(adapters.__file__).parent
HUB_NAME = "nobody/cxr-agent-test-that-does-not-exist"


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_every_family_has_its_loader(name: str) -> None:
    family = FAMILIES[name]
    assert family.name == name
    assert family.gives
    assert family.sources
    assert family.licence
    module = importlib.import_module(f"cxr_agent.models.adapters.{family.module}")
    assert callable(getattr(module, family.loader))


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        load_adapter("resnet", "x/y")
    assert caught.value.code == "unknown_family"
    assert "maira2" in caught.value.hint


def test_listing_families_imports_nothing_heavy() -> None:
    code = (
        "import sys, cxr_agent.models.adapters as a; assert a.FAMILIES;"
        "heavy = {'torch', 'transformers', 'diffusers', 'huggingface_hub', 'safetensors'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_heavy_libraries_are_asked_for_in_one_place() -> None:
    heavy = {"torch", "transformers", "diffusers", "huggingface_hub", "safetensors", "torchvision"}
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert not heavy & {name.partition(".")[0] for name in names}, path.name


# Sources


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, and a hub that nobody answers for."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"xrv", "cxas"}))
def test_offline_gives_one_line(offline: None, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_adapter(name, HUB_NAME)
    assert caught.value.code == "weights_unavailable"
    assert HUB_NAME in caught.value.message
    assert "\n" not in caught.value.message
    assert "cxr-agent models pull" in caught.value.hint


def test_a_hub_that_cannot_be_reached_gives_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the offline switch: sockets refuse, as the fixture of all these tests makes them."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError) as caught:
        resolve(HUB_NAME)
    assert caught.value.code == "weights_unavailable"
    assert "cannot be reached" in caught.value.message


def test_a_name_in_the_cache_needs_no_network(offline: None, tmp_path: Path) -> None:
    commit = "0" * 40
    repo = tmp_path / "cache" / ("models--" + HUB_NAME.replace("/", "--"))
    snapshot = repo / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    (snapshot / "config.json").write_text("{}")
    assert resolve(HUB_NAME) == snapshot
    assert resolve(HUB_NAME, revision=commit) == snapshot


@pytest.mark.parametrize(
    "source", ["./nothing", "~/nothing/at/all", "/nothing", "a/b/c.pth", Path("nothing/here")]
)
def test_a_path_that_does_not_exist_is_no_hub_name(source: str | Path) -> None:
    with pytest.raises(ModelError) as caught:
        resolve(source)
    assert caught.value.code == "weights_missing"


@pytest.mark.parametrize("source", ["", "nothing", "a b/c", "https:x"])
def test_what_is_neither_is_refused(source: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(source or "?")
    assert caught.value.code == "bad_source"


def test_one_checkpoint_in_a_folder_is_found(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        one_file(tmp_path, ("*.pt", "*.pth"))
    assert caught.value.code == "weights_missing"
    (tmp_path / "a.pt").write_bytes(b"")
    assert one_file(tmp_path, ("*.pt", "*.pth")) == tmp_path / "a.pt"
    (tmp_path / "b.pth").write_bytes(b"")
    with pytest.raises(ModelError) as caught:
        one_file(tmp_path, ("*.pt", "*.pth"))
    assert caught.value.code == "weights_ambiguous"


# Libraries


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make ``import name`` fail as it does where the library is not installed."""
    real = builtins.__import__

    def fake(wanted: str, *rest: Any, **more: Any) -> Any:
        if wanted.partition(".")[0] == name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(wanted, *rest, **more)

    for module in [m for m in sys.modules if m.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(builtins, "__import__", fake)


@pytest.mark.parametrize(
    ("family", "name"), [("roentgen", "diffusers"), ("sam", "segment_anything")]
)
def test_a_missing_library_gives_one_line_and_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, family: str, name: str
) -> None:
    import torch

    without(monkeypatch, name)
    source = tmp_path
    (tmp_path / "model_index.json").write_text("{}")
    if family == "sam":
        source = tmp_path / "sam.pth"
        torch.save({"image_encoder.pos_embed": torch.zeros(1)}, source)
    with pytest.raises(ModelError) as caught:
        load_adapter(family, source)
    assert caught.value.code == "library_missing"
    assert name in caught.value.message
    assert "\n" not in caught.value.message
    assert "pip install 'cxr-agent[pretrained]'" in caught.value.hint


def test_without_torch_every_family_says_so() -> None:
    """In a process of its own: torch cannot be taken out of this one."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from cxr_agent.errors import ModelError\n"
        "from cxr_agent.models.adapters import FAMILIES, load_adapter\n"
        "for name in FAMILIES:\n"
        "    try:\n"
        "        load_adapter(name, '.')\n"
        "    except ModelError as error:\n"
        "        assert error.code == 'library_missing', (name, error)\n"
        "        assert 'torch' in error.message, name\n"
        "        assert 'pretrained' in error.hint, name\n"
        "    else:\n"
        "        raise SystemExit(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "said",
    [
        ModuleNotFoundError("No module named 'torchvision'", name="torchvision"),
        ModuleNotFoundError("No module named 'torchvision.ops'", name="torchvision.ops"),
        ImportError(
            "This modeling file requires the following packages that were not found in your "
            "environment: torchvision. Run `pip install torchvision`"
        ),
        ImportError("X requires the Torchvision library but it was not found."),
    ],
)
def test_torchvision_is_named_plainly(said: ImportError) -> None:
    error = missing("this checkpoint", said)
    assert error.code == "library_missing"
    assert error.message == "this checkpoint needs torchvision, which is not installed"
    assert "environment of its own" in error.hint


def test_another_library_is_named_with_its_command() -> None:
    error = missing("open_clip", ModuleNotFoundError("No module named 'ftfy'", name="ftfy"))
    assert "ftfy" in error.message
    assert error.hint.endswith("pip install ftfy")
    assert library("json") is json


# Devices


def test_devices_and_number_formats() -> None:
    import torch

    assert choose("cpu", None).dtype is torch.float32
    assert choose("cpu", None, large=True).dtype is torch.float32
    assert choose("cpu", "bfloat16").dtype is torch.bfloat16
    assert choose("auto", None).device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    for device, dtype, code in (("tpu9", None, "bad_device"), ("cpu", "int8", "bad_dtype")):
        with pytest.raises(UsageError) as caught:
            choose(device, dtype)
        assert caught.value.code == code


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ModelError) as caught:
        choose("cuda:1", None)
    assert caught.value.code == "device_unavailable"
    assert choose("cuda", None, large=True).dtype is torch.bfloat16
    assert choose("cuda:0", None).dtype is torch.float32


# Films and recipes


@pytest.mark.parametrize(
    "film",
    [
        np.zeros((20, 20, 3), np.float32),
        np.zeros((8, 40), np.float32),
        np.zeros((20, 20), np.uint8),
        np.full((20, 20), 1.5, np.float32),
        np.full((20, 20), -0.5, np.float32),
        np.full((20, 20), np.nan, np.float32),
    ],
)
def test_what_is_no_film_is_refused(film: Any) -> None:
    with pytest.raises(UsageError) as caught:
        check_film(film)
    assert caught.value.code == "bad_film"


def test_a_film_of_doubles_is_taken() -> None:
    film = check_film(np.linspace(0, 1, 400).reshape(20, 20).T)
    assert film.dtype == np.float32
    assert film.flags.c_contiguous


DEFAULT = Recipe("shortest", (8, 8), crop=(8, 8))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, DEFAULT),
        ({"size": 6}, Recipe("stretch", (6, 6), crop=(8, 8))),
        ({"size": 6, "crop_size": 4}, Recipe("shortest", (6, 6), crop=(4, 4))),
        ({"size": {"longest_edge": 9}}, Recipe("longest", (9, 9), crop=(8, 8))),
        (
            {"size": {"height": 5, "width": 7}, "do_center_crop": False, "resample": 2},
            Recipe("stretch", (5, 7), resample=2),
        ),
        (
            {"do_normalize": False, "do_rescale": False},
            Recipe("shortest", (8, 8), crop=(8, 8), rescale=1, mean=(0, 0, 0), std=(1, 1, 1)),
        ),
    ],
)
def test_recipes_are_read_from_the_checkpoint(
    tmp_path: Path, config: dict[str, Any], expected: Recipe
) -> None:
    if config:
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    assert recipe_of(tmp_path, DEFAULT) == expected


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"size": {}}', '{"image_mean": [1]}', '{"do_resize": false}']
)
def test_recipes_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "preprocessor_config.json").write_text(text)
    with pytest.raises(ModelError) as caught:
        recipe_of(tmp_path, DEFAULT)
    assert caught.value.code == "bad_checkpoint"


@pytest.mark.parametrize("fit", ["stretch", "shortest", "longest"])
def test_the_way_to_the_picture_and_back(fit: Any) -> None:
    recipe = Recipe(fit, (50, 50), crop=(40, 40) if fit == "shortest" else None)
    grey = np.zeros((300, 200), np.uint8)
    grey[120:180, 80:140] = 255
    picture, frame = recipe.prepare(grey)
    rows, columns = np.nonzero(picture[0] > 0)
    left, top = frame.to_film(columns.min(), rows.min())
    right, bottom = frame.to_film(columns.max() + 1, rows.max() + 1)
    assert np.allclose([left, top, right, bottom], [80, 120, 140, 180], atol=6)
    assert np.allclose(frame.to_film(*frame.to_picture(12.5, 99)), (12.5, 99))


def test_a_small_picture_is_padded_to_its_crop() -> None:
    recipe = Recipe("stretch", (20, 30), crop=(24, 24), mean=(0, 0, 0), std=(1, 1, 1))
    picture, frame = recipe.prepare(np.full((40, 60), 255, np.uint8))
    assert picture.shape == (3, 24, 24)
    assert (picture[0, :2] == 0).all()
    assert (picture[0, 2:22] == 1).all()
    assert frame.to_film(0, 2) == (6, 0)


# Silence


@pytest.fixture
def log() -> Iterator[Any]:
    """transformers' logging with its usual settings."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_warning()
    logging.enable_progress_bar()
    yield logging
    logging.set_verbosity(level)
    if not bars:
        logging.disable_progress_bar()


def test_remarks_are_silenced_inside_alone(log: Any) -> None:
    speaker = log.get_logger("transformers.x")
    with quiet("transformers", "diffusers"):
        assert not speaker.isEnabledFor(log.WARNING)
        assert speaker.isEnabledFor(log.ERROR)
        assert not log.is_progress_bar_enabled()
    assert speaker.isEnabledFor(log.WARNING)
    assert log.is_progress_bar_enabled()
    with pytest.raises(ValueError, match="kept"), quiet("transformers"):
        raise ValueError("kept")
    assert speaker.isEnabledFor(log.WARNING)


def test_silence_of_two_threads_ends_with_the_later(log: Any) -> None:
    first, second = quiet("transformers"), quiet("transformers")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert log.get_verbosity() == log.ERROR
    second.__exit__(None, None, None)
    assert log.get_verbosity() == log.WARNING
