"""SAM and MedSAM: prompts on the film, masks at its size, against the libraries' own code."""

from __future__ import annotations

import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models.adapters import load_adapter
from cxr_agent.models.adapters.hardware import choose
from cxr_agent.models.adapters.pixels import to_picture
from cxr_agent.models.adapters.prompts import (
    Point,
    Prompt,
    PromptSegmenter,
    default_recipe,
)
from cxr_agent.models.adapters.segment_anything import modeling
from cxr_agent.study import FloatImage
from tests.models.adapters import tiny

BOX = (15, 40, 60, 100)
SIDE = tiny.SIDE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sam")
    tiny.sam(path)
    return path


@pytest.fixture(scope="module")
def segmenter(folder: Path) -> PromptSegmenter:
    return load_adapter("sam", folder)


def reference(folder: Path, film: FloatImage, box: tuple[int, int, int, int]) -> Any:
    """What transformers' own processor and model give for one box."""
    import torch
    from transformers import SamImageProcessorPil, SamModel, SamProcessor

    from cxr_agent.models.adapters.quiet import quiet

    with quiet("transformers"):
        model = SamModel.from_pretrained(folder)
        processor = SamProcessor(SamImageProcessorPil.from_pretrained(folder))
        left, top, right, bottom = box
        inputs = processor(
            to_picture(film),
            input_boxes=[[[left, top, right - 1, bottom - 1]]],
            return_tensors="pt",
        )
        with torch.inference_mode():
            outputs = model(
                pixel_values=inputs["pixel_values"],
                input_boxes=inputs["input_boxes"].float(),
                multimask_output=False,
            )
        masks = processor.image_processor.post_process_masks(
            outputs.pred_masks, inputs["original_sizes"], inputs["reshaped_input_sizes"]
        )
    return masks[0][0, 0].numpy(), float(outputs.iou_scores[0, 0, 0])


def test_a_box_gives_what_the_library_gives(
    folder: Path, segmenter: PromptSegmenter, films: list[FloatImage]
) -> None:
    for film in films:
        rows, columns = film.shape
        box = (5, 10, columns - 20, rows - 15)
        (found,) = segmenter.segment(film, [Prompt(box=box)])
        plane, quality = reference(folder, film, box)
        assert found.plane.shape == film.shape
        assert found.plane.dtype == np.bool_
        assert 0 < plane.mean() < 1
        assert np.array_equal(found.plane, plane)
        assert found.predicted_iou == pytest.approx(quality, abs=1e-5)


def test_several_prompts_are_as_one_at_a_time(segmenter: PromptSegmenter, film: FloatImage) -> None:
    prompts = [
        Prompt(box=BOX),
        Prompt(points=(Point(20, 30),)),
        Prompt(box=BOX, points=(Point(30, 50), Point(70, 80, inside=False))),
    ]
    together = segmenter.segment(film, prompts)
    for prompt, found in zip(prompts, together, strict=True):
        (alone,) = segmenter.segment(film, [prompt])
        assert np.array_equal(alone.plane, found.plane)
        assert alone.predicted_iou == found.predicted_iou
    assert len({found.predicted_iou for found in together}) == 3


class Drawing:
    """An engine that paints the prompt where it was told, at a quarter of the side."""

    side = 256

    def embed(self, picture: Any) -> Any:
        assert picture.shape == (1, 3, self.side, self.side)
        return picture

    def decode(
        self,
        embedding: Any,
        points: FloatImage | None,
        inside: NDArray[np.int64] | None,
        box: FloatImage | None,
        several: bool,
    ) -> tuple[Any, Any]:
        import torch

        quarter = self.side // 4
        at = (torch.arange(quarter) + 0.5) * 4
        if box is not None:
            within = [(at >= box[i]) & (at <= box[i + 2] + 1) for i in (0, 1)]
        else:
            assert points is not None
            within = [(at - points[0][i]).abs() < 8 for i in (0, 1)]
        plane = (within[1][:, None] & within[0][None]).float() * 2 - 1
        assert several == (box is None)
        worst = torch.full_like(plane, -1.0)
        return torch.stack([worst, plane]), torch.tensor([0.1, 0.8])


@pytest.mark.parametrize("preparation", ["sam", "medsam"])
@pytest.mark.parametrize("shape", [(500, 300), (300, 500)])
def test_a_box_lands_where_it_was_drawn(preparation: Any, shape: tuple[int, int]) -> None:
    hardware = choose("cpu", None)
    segmenter = PromptSegmenter(Drawing(), default_recipe(256, preparation), preparation, hardware)
    film = np.random.default_rng(0).random(shape, dtype=np.float32)
    (found,) = segmenter.segment(film, [Prompt(box=(60, 40, 220, 260))])
    wanted = np.zeros(shape, dtype=bool)
    wanted[40:260, 60:220] = True
    overlap = 2 * (found.plane & wanted).sum() / (found.plane.sum() + wanted.sum())
    assert overlap > 0.96
    assert found.predicted_iou == pytest.approx(0.8)
    (found,) = segmenter.segment(film, [Prompt(points=(Point(200, 100),))])
    rows, columns = np.nonzero(found.plane)
    assert abs(rows.mean() - 100) < 4
    assert abs(columns.mean() - 200) < 4


def test_medsam_scales_grey_values_to_the_whole_range(folder: Path, film: FloatImage) -> None:
    medsam = load_adapter("medsam", folder)
    faint = np.float32(0.2) + film * np.float32(0.5)
    one, other = (medsam.segment(f, [Prompt(box=BOX)])[0] for f in (film, faint))
    assert np.mean(one.plane != other.plane) < 0.03
    plain = load_adapter("sam", folder).segment(film, [Prompt(box=BOX)])[0]
    assert not np.array_equal(plain.plane, one.plane)


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(),
        Prompt(box=(10, 10, 10, 20)),
        Prompt(box=(0, 0, 91, 20)),
        Prompt(box=(-1, 0, 9, 20)),
        Prompt(points=(Point(90, 5),)),
        Prompt(points=(Point(float("nan"), 5),)),
    ],
)
def test_a_prompt_off_the_film_is_refused(
    segmenter: PromptSegmenter, film: FloatImage, prompt: Prompt
) -> None:
    with pytest.raises(UsageError) as caught:
        segmenter.segment(film, [prompt])
    assert caught.value.code == "bad_prompt"


def tiny_meta() -> Any:
    """A tiny network of Meta's package, as its own builder puts one together."""
    import torch

    kit = modeling()
    network = kit.Sam(
        image_encoder=kit.ImageEncoderViT(
            depth=2,
            embed_dim=16,
            img_size=SIDE,
            mlp_ratio=4,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            num_heads=2,
            patch_size=8,
            qkv_bias=True,
            use_rel_pos=True,
            global_attn_indexes=[1],
            window_size=14,
            out_chans=16,
        ),
        prompt_encoder=kit.PromptEncoder(
            embed_dim=16,
            image_embedding_size=(8, 8),
            input_image_size=(SIDE, SIDE),
            mask_in_chans=16,
        ),
        mask_decoder=kit.MaskDecoder(
            num_multimask_outputs=3,
            transformer=kit.TwoWayTransformer(depth=2, embedding_dim=16, mlp_dim=32, num_heads=8),
            transformer_dim=16,
            iou_head_depth=3,
            iou_head_hidden_dim=16,
        ),
    ).eval()
    torch.manual_seed(1)
    tiny.scatter(network, 0.4)
    return network


def test_a_checkpoint_of_segment_anything(tmp_path: Path, film: FloatImage) -> None:
    import torch

    network = tiny_meta()
    torch.save(network.state_dict(), tmp_path / "sam_tiny.pth")
    segmenter = load_adapter("sam", tmp_path / "sam_tiny.pth")
    (found,) = segmenter.segment(film, [Prompt(box=BOX)])
    # The package's own way, with its own scaling of the box.
    scale = SIDE / max(film.shape)
    picture, _ = default_recipe(SIDE, "sam").prepare(np.rint(film * 255).astype(np.uint8))
    left, top, right, bottom = BOX
    with torch.inference_mode():
        sparse, dense = network.prompt_encoder(
            points=None,
            boxes=torch.tensor([[left, top, right - 1, bottom - 1]]) * scale,
            masks=None,
        )
        logits, quality = network.mask_decoder(
            image_embeddings=network.image_encoder(torch.from_numpy(picture[None])),
            image_pe=network.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        plane = network.postprocess_masks(logits, (64, 48), film.shape)[0, 0] > 0
    assert 0 < found.plane.mean() < 1
    assert np.array_equal(found.plane, plane.numpy())
    assert found.predicted_iou == pytest.approx(float(quality[0, 0]), abs=1e-5)


def test_the_published_sizes_are_read_off_the_tensors() -> None:
    import torch

    from cxr_agent.models.adapters.segment_anything import _build

    kit = modeling()
    with torch.device("meta"):
        published = kit.Sam(
            image_encoder=kit.ImageEncoderViT(
                depth=12,
                embed_dim=768,
                img_size=1024,
                mlp_ratio=4,
                norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
                num_heads=12,
                patch_size=16,
                qkv_bias=True,
                use_rel_pos=True,
                global_attn_indexes=[2, 5, 8, 11],
                window_size=14,
                out_chans=256,
            ),
            prompt_encoder=kit.PromptEncoder(
                embed_dim=256,
                image_embedding_size=(64, 64),
                input_image_size=(1024, 1024),
                mask_in_chans=16,
            ),
            mask_decoder=kit.MaskDecoder(
                num_multimask_outputs=3,
                transformer=kit.TwoWayTransformer(
                    depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8
                ),
                transformer_dim=256,
                iou_head_depth=3,
                iou_head_hidden_dim=256,
            ),
        )
        rebuilt = _build(kit, published.state_dict())
    assert repr(rebuilt) == repr(published)
    windows = [block.window_size for block in rebuilt.image_encoder.blocks]
    assert windows == [block.window_size for block in published.image_encoder.blocks]


def test_the_networks_come_without_the_package_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == "segment_anything"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    kit = modeling()
    assert kit.Sam.__module__ == "segment_anything.modeling.sam"
    assert "segment_anything" not in sys.modules


@pytest.mark.parametrize("kind", ["transformers", "segment_anything"])
def test_half_precision_is_for_the_encoder_alone(
    folder: Path, tmp_path: Path, film: FloatImage, kind: str
) -> None:
    import torch

    source = folder
    if kind == "segment_anything":
        source = tmp_path / "sam_tiny.pth"
        torch.save(tiny_meta().state_dict(), source)
    prompts = [Prompt(box=BOX), Prompt(points=(Point(20, 30),))]
    whole = load_adapter("sam", source).segment(film, prompts)
    half = load_adapter("sam", source, dtype="bfloat16").segment(film, prompts)
    for one, other in zip(whole, half, strict=True):
        assert np.mean(one.plane != other.plane) < 0.1
        assert one.predicted_iou == pytest.approx(other.predicted_iou, abs=0.2)
    assert any(a.predicted_iou != b.predicted_iou for a, b in zip(whole, half, strict=True))


def test_weights_in_the_older_file_format(
    folder: Path, tmp_path: Path, segmenter: PromptSegmenter, film: FloatImage
) -> None:
    """``pytorch_model.bin``, as MedSAM is published."""
    import torch
    from safetensors.torch import load_file

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    found = load_adapter("sam", copy).segment(film, [Prompt(box=BOX)])
    (wanted,) = segmenter.segment(film, [Prompt(box=BOX)])
    assert np.array_equal(found[0].plane, wanted.plane)
    (copy / "pytorch_model.bin").write_bytes(b"torn")
    with pytest.raises(ModelError) as caught:
        load_adapter("sam", copy)
    assert caught.value.code in {"weights_damaged", "bad_checkpoint"}


def test_other_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    import torch

    torch.save({"some.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ModelError) as caught:
        load_adapter("sam", tmp_path / "other.pth")
    assert caught.value.code == "bad_checkpoint"
    with pytest.raises(ModelError) as caught:
        load_adapter("sam", tmp_path)
    assert caught.value.code == "bad_checkpoint"
