"""Synthetic films: reproducible, in range, and never without their mark."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models.adapters import load_adapter
from cxr_agent.models.adapters.quiet import quiet
from cxr_agent.models.adapters.roentgen import RoentGen, SyntheticFilm
from tests.models.adapters import tiny

PROMPT = "big right pleural effusion"
FAST: dict[str, Any] = {"steps": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("roentgen")
    tiny.roentgen(path)
    return path


@pytest.fixture(scope="module")
def model(folder: Path) -> RoentGen:
    return load_adapter("roentgen", folder)


def test_a_film_is_grey_in_range_and_of_its_size(model: RoentGen, folder: Path) -> None:
    film = model.draw(PROMPT, **FAST)
    assert film.pixels.shape == (64, 64)
    assert film.pixels.dtype == np.float32
    assert film.pixels.min() >= 0
    assert film.pixels.max() <= 1
    assert film.pixels.std() > 0
    assert (film.prompt, film.seed, film.model) == (PROMPT, 0, folder.name)
    assert model.draw(PROMPT, size=(48, 80), **FAST).pixels.shape == (48, 80)


def test_a_seed_gives_one_film(model: RoentGen, folder: Path) -> None:
    one = model.draw(PROMPT, seed=1, **FAST).pixels
    assert np.array_equal(one, model.draw(PROMPT, seed=1, **FAST).pixels)
    assert np.array_equal(one, load_adapter("roentgen", folder).draw(PROMPT, seed=1, **FAST).pixels)
    assert not np.array_equal(one, model.draw(PROMPT, seed=2, **FAST).pixels)
    assert not np.array_equal(one, model.draw("clear lungs", seed=1, **FAST).pixels)
    assert not np.array_equal(one, model.draw(PROMPT, seed=1, guidance=9.0, **FAST).pixels)


def test_the_film_is_that_of_the_library(model: RoentGen, folder: Path) -> None:
    import torch
    from diffusers import StableDiffusionPipeline

    with quiet("diffusers", "transformers"):
        pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
        pipeline.set_progress_bar_config(disable=True)
        picture = pipeline(
            PROMPT,
            num_inference_steps=3,
            guidance_scale=4.0,
            generator=torch.Generator().manual_seed(5),
            output_type="np",
        ).images[0]
    assert np.allclose(model.draw(PROMPT, seed=5, **FAST).pixels, picture.mean(axis=2), atol=1e-6)


def test_the_mark_cannot_be_taken_off(model: RoentGen) -> None:
    film = model.draw(PROMPT, **FAST)
    assert film.synthetic is True
    with pytest.raises(dataclasses.FrozenInstanceError):
        film.synthetic = False  # type: ignore[misc, assignment]
    with pytest.raises(TypeError):
        SyntheticFilm(film.pixels, PROMPT, 0, "x", synthetic=False)  # type: ignore[call-arg]
    with pytest.raises((TypeError, ValueError)):
        dataclasses.replace(film, synthetic=False)
    assert dataclasses.asdict(film)["synthetic"] is True


@pytest.mark.parametrize(
    "wrong", [{"prompt": " "}, {"steps": 0}, {"size": (60, 64)}, {"size": (8, 64)}]
)
def test_what_cannot_be_drawn_is_refused(model: RoentGen, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        model.draw(**{"prompt": PROMPT, **FAST, **wrong})
    assert caught.value.code == "bad_prompt"


def test_numbers_that_overflow_are_no_film(
    model: RoentGen, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        images = (np.full((64, 64, 3), np.nan),)

    monkeypatch.setattr(model, "_pipeline", lambda *_, **__: Broken)
    with pytest.raises(ModelError) as caught:
        model.draw(PROMPT)
    assert caught.value.code == "bad_output"


@pytest.mark.parametrize("lost", ["unet", "tokenizer", "vae/diffusion_pytorch_model.safetensors"])
def test_a_checkpoint_without_a_part_is_refused(folder: Path, tmp_path: Path, lost: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    if (copy / lost).is_dir():
        shutil.rmtree(copy / lost)
    else:
        (copy / lost).unlink()
    with pytest.raises(ModelError) as caught:
        load_adapter("roentgen", copy)
    assert caught.value.code == "bad_checkpoint"


def test_a_network_that_would_be_partly_random_is_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = copy / "unet" / "diffusion_pytorch_model.safetensors"
    state = load_file(path)
    del state["conv_out.weight"]
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(ModelError) as caught:
        load_adapter("roentgen", copy)
    assert caught.value.code == "bad_checkpoint"


def test_another_kind_of_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "clip"}))
    with pytest.raises(ModelError) as caught:
        load_adapter("roentgen", tmp_path)
    assert caught.value.code == "bad_checkpoint"
