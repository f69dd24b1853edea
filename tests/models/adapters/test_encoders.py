"""Encoders: unit vectors of films and texts, and preprocessing against the libraries' own."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models.adapters import load_adapter
from cxr_agent.models.adapters.pixels import Recipe, recipe_of, to_bytes, to_picture
from cxr_agent.models.adapters.quiet import quiet
from cxr_agent.study import FloatImage
from tests.models.adapters import tiny
from tests.models.adapters.words import bert_like

TEXTS = ["the heart is large", "no effusion", "clear lung ."]


def check_units(vectors: np.ndarray, count: int, dimension: int) -> None:
    assert vectors.shape == (count, dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.fixture
def dino(tmp_path: Path) -> Path:
    tiny.dinov2(tmp_path)
    return tmp_path


def test_a_dinov2_encoder(dino: Path, films: list[FloatImage]) -> None:
    import torch
    from transformers import BitImageProcessorPil, Dinov2Model

    encoder = load_adapter("dinov2", dino)
    vectors = encoder.encode(films)
    check_units(vectors, 3, encoder.dimension)
    with quiet("transformers"):
        model = Dinov2Model.from_pretrained(dino)
        processor = BitImageProcessorPil.from_pretrained(dino)
    inputs = processor([to_picture(film) for film in films], return_tensors="pt")
    with torch.inference_mode():
        wanted = model(**inputs).pooler_output
    wanted = torch.nn.functional.normalize(wanted).numpy()
    assert np.allclose(vectors, wanted, atol=1e-5)
    assert np.abs(vectors[0] - vectors[2]).max() > 1e-3
    assert np.array_equal(vectors, encoder.encode(films))
    for film, vector in zip(films, vectors, strict=True):
        assert np.allclose(encoder.encode([film])[0], vector, atol=1e-6)
    check_units(encoder.encode(films * 4), 12, 16)
    assert encoder.encode([]).shape == (0, 16)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    tiny.clip(tmp_path)
    return tmp_path


def test_a_clip_encoder(clip: Path, films: list[FloatImage]) -> None:
    import torch
    from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    encoder = load_adapter("clip", clip)
    vectors, words = encoder.encode(films), encoder.encode_text(TEXTS)
    check_units(vectors, 3, encoder.dimension)
    check_units(words, 3, 12)
    with quiet("transformers"):
        model = CLIPModel.from_pretrained(clip)
        processor = CLIPImageProcessorPil.from_pretrained(clip)
        tokenizer = CLIPTokenizer.from_pretrained(clip)
    pictures = processor([to_picture(film) for film in films], return_tensors="pt")
    tokens = tokenizer(TEXTS, padding=True, truncation=True, max_length=16, return_tensors="pt")
    with torch.inference_mode():
        wanted = model(**pictures, **tokens)
    assert np.allclose(vectors, wanted.image_embeds.numpy(), atol=1e-5)
    assert np.allclose(words, wanted.text_embeds.numpy(), atol=1e-5)
    for text, vector in zip(TEXTS, words, strict=True):
        assert np.allclose(encoder.encode_text([text])[0], vector, atol=1e-5)
    check_units(encoder.encode_text(["a very long text " * 50]), 1, 12)
    assert encoder.encode_text([]).shape == (0, 12)
    with pytest.raises(UsageError) as caught:
        encoder.encode_text([" "])
    assert caught.value.code == "bad_text"


def test_a_siglip_encoder(tmp_path: Path, films: list[FloatImage]) -> None:
    import torch
    from transformers import SiglipConfig, SiglipModel

    tokenizer = bert_like()
    tower = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    config = SiglipConfig(
        text_config={**tower, "vocab_size": len(tokenizer), "max_position_embeddings": 12},
        vision_config={**tower, "image_size": 32, "patch_size": 8},
    )
    tiny.save(SiglipModel(config), tmp_path)
    tiny.save(tokenizer, tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps(
            {
                "size": {"height": 32, "width": 32},
                "resample": 3,
                "image_mean": [0.5] * 3,
                "image_std": [0.5] * 3,
            }
        )
    )
    encoder = load_adapter("clip", tmp_path)
    vectors, words = encoder.encode(films), encoder.encode_text(TEXTS)
    check_units(vectors, 3, 16)
    check_units(words, 3, 16)
    tokens = tokenizer(TEXTS, padding="max_length", max_length=12, return_tensors="pt")
    with quiet("transformers"):
        model = SiglipModel.from_pretrained(tmp_path)
    pictures = recipe_of(tmp_path, Recipe("shortest", (8, 8))).batch(films)
    with torch.inference_mode():
        wanted = model(input_ids=tokens["input_ids"], pixel_values=torch.from_numpy(pictures))
    assert np.allclose(vectors, wanted.image_embeds.numpy(), atol=1e-5)
    assert np.allclose(words, wanted.text_embeds.numpy(), atol=1e-5)


@pytest.fixture
def biomedclip(tmp_path: Path) -> Path:
    tiny.biomedclip(tmp_path)
    return tmp_path


def test_biomedclip_without_open_clip(biomedclip: Path, films: list[FloatImage]) -> None:
    encoder = load_adapter("clip", biomedclip)
    vectors, words = encoder.encode(films), encoder.encode_text(TEXTS)
    check_units(vectors, 3, encoder.dimension)
    check_units(words, 3, 24)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(words[one] - words[other]).max() > 1e-3
    for text, vector in zip(TEXTS, words, strict=True):
        assert np.allclose(encoder.encode_text([f"  {text}\n"])[0], vector, atol=1e-5)
    assert np.array_equal(vectors, load_adapter("clip", biomedclip).encode(films))


def test_its_image_tower_is_a_vision_transformer() -> None:
    """The same weights in transformers' ViT give the same vectors."""
    import torch
    from transformers import ViTConfig, ViTModel

    ours = tiny.biomedclip_network(40)
    other = ViTModel(
        ViTConfig(
            hidden_size=128,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            image_size=32,
            patch_size=16,
            layer_norm_eps=1e-6,
        ),
        add_pooling_layer=False,
    ).eval()
    trunk = ours.visual.trunk.state_dict()
    state = {
        "embeddings.cls_token": trunk["cls_token"],
        "embeddings.position_embeddings": trunk["pos_embed"],
        "embeddings.patch_embeddings.projection.weight": trunk["patch_embed.proj.weight"],
        "embeddings.patch_embeddings.projection.bias": trunk["patch_embed.proj.bias"],
        "layernorm.weight": trunk["norm.weight"],
        "layernorm.bias": trunk["norm.bias"],
    }
    names = {
        "layernorm_before": "norm1",
        "layernorm_after": "norm2",
        "attention.o_proj": "attn.proj",
        "mlp.fc1": "mlp.fc1",
        "mlp.fc2": "mlp.fc2",
    }
    for layer in range(2):
        for part in ("weight", "bias"):
            for theirs, mine in names.items():
                state[f"layers.{layer}.{theirs}.{part}"] = trunk[f"blocks.{layer}.{mine}.{part}"]
            thirds = trunk[f"blocks.{layer}.attn.qkv.{part}"].chunk(3)
            for name, third in zip(("q", "k", "v"), thirds, strict=True):
                state[f"layers.{layer}.attention.{name}_proj.{part}"] = third
    other.load_state_dict(state)
    pictures = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        seen = other(pixel_values=pictures).last_hidden_state[:, 0]
        assert torch.allclose(ours.visual.trunk(pictures), seen, atol=1e-5)


def test_the_published_biomedclip_has_its_published_size() -> None:
    import torch

    from cxr_agent.models.adapters.networks.biomedclip import BiomedClip, TextSize, VisionSize

    with torch.device("meta"):
        network = BiomedClip(
            VisionSize(768, 16, 197, 12, 3072), TextSize(30522, 768, 512, 12, 3072), 512
        )
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes["visual.head.proj.weight"] == (512, 768)
    assert shapes["text.proj.0.weight"] == (640, 768)
    assert shapes["text.proj.2.weight"] == (512, 640)
    assert sum(p.numel() for p in network.visual.trunk.parameters()) == 85_798_656


def other_layout(folder: Path) -> Path:
    config = json.loads(json.dumps(tiny.BIOMEDCLIP))
    config["model_cfg"]["vision_cfg"]["timm_model_name"] = "convnext_base"
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


def test_another_layout_needs_open_clip(biomedclip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other_layout(biomedclip)
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(ModelError) as caught:
        load_adapter("clip", biomedclip)
    assert caught.value.code == "library_missing"
    assert "open_clip" in caught.value.message
    assert "pip install open_clip_torch" in caught.value.hint


def test_another_layout_goes_through_open_clip(
    biomedclip: Path, monkeypatch: pytest.MonkeyPatch, films: list[FloatImage]
) -> None:
    """With a stand-in that has open_clip's interface: that library cannot be installed here."""
    import torch

    class Model(torch.nn.Module):
        def encode_image(self, pictures: Any) -> Any:
            return pictures.mean(dim=(2, 3)).repeat(1, 8)

        def encode_text(self, tokens: Any) -> Any:
            return tokens.float().repeat(1, 24)

    def create(name: str, device: str) -> Any:
        assert (name, device) == (f"local-dir:{biomedclip}", "cpu")
        recipe = Recipe("stretch", (8, 8))
        return Model(), lambda picture: torch.from_numpy(
            recipe.prepare(np.asarray(picture.convert("L")))[0]
        )

    stand_in = types.ModuleType("open_clip")
    stand_in.create_model_from_pretrained = create  # type: ignore[attr-defined]
    stand_in.get_tokenizer = lambda name: lambda texts: torch.tensor([[len(t)] for t in texts])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "open_clip", stand_in)
    encoder = load_adapter("clip", other_layout(biomedclip))
    check_units(encoder.encode(films), 3, 24)
    check_units(encoder.encode_text(TEXTS), 3, 24)


@pytest.mark.parametrize(("family", "kind"), [("dinov2", "bert"), ("clip", "dinov2")])
def test_another_kind_of_model_is_refused(tmp_path: Path, family: str, kind: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(ModelError) as caught:
        load_adapter(family, tmp_path)
    assert caught.value.code == "bad_checkpoint"


def test_a_network_that_would_be_partly_random_is_refused(dino: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = dino / "model.safetensors"
    state = load_file(path)
    del state["encoder.layer.1.norm1.weight"]
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(ModelError) as caught:
        load_adapter("dinov2", dino)
    assert caught.value.code == "bad_checkpoint"
    assert "norm1" in caught.value.message


def test_torn_weights_are_refused(dino: Path) -> None:
    path = dino / "model.safetensors"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ModelError) as caught:
        load_adapter("dinov2", dino)
    assert caught.value.code == "weights_damaged"
    path.unlink()
    with pytest.raises(ModelError) as caught:
        load_adapter("dinov2", dino)
    assert caught.value.code == "weights_missing"


def test_half_precision_stays_close(dino: Path, films: list[FloatImage]) -> None:
    whole = load_adapter("dinov2", dino).encode(films)
    half = load_adapter("dinov2", dino, dtype="bfloat16").encode(films)
    check_units(half, 3, 16)
    assert np.abs(whole - half).max() < 0.05
    assert not np.array_equal(whole, half)


def test_preparing_does_what_the_library_does(films: list[FloatImage]) -> None:
    from transformers import BitImageProcessorPil, ViTImageProcessorPil

    for film in films:
        shortest = BitImageProcessorPil(
            size={"shortest_edge": 41}, crop_size={"height": 37, "width": 33}
        )
        recipe = Recipe(
            "shortest",
            (41, 41),
            crop=(37, 33),
            mean=tuple(shortest.image_mean),
            std=tuple(shortest.image_std),
        )
        wanted = shortest(to_picture(film), return_tensors="np")["pixel_values"][0]
        assert np.allclose(recipe.prepare(to_bytes(film))[0], wanted, atol=1e-6)
        stretch = ViTImageProcessorPil(size={"height": 30, "width": 50})
        recipe = Recipe("stretch", (30, 50), resample=2, mean=(0.5,) * 3, std=(0.5,) * 3)
        wanted = stretch(to_picture(film), return_tensors="np")["pixel_values"][0]
        assert np.allclose(recipe.prepare(to_bytes(film))[0], wanted, atol=1e-6)


def test_a_checkpoint_without_words_is_refused(clip: Path) -> None:
    (clip / "tokenizer.json").unlink()
    with pytest.raises(ModelError) as caught:
        load_adapter("clip", clip)
    assert caught.value.code == "bad_checkpoint"
    assert "tokenizer" in caught.value.message
