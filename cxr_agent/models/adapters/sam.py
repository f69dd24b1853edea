"""SAM and MedSAM through transformers' ``SamModel``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_agent.models.adapters.hardware import Hardware, choose
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.pixels import recipe_of
from cxr_agent.models.adapters.pretrained import from_folder
from cxr_agent.models.adapters.prompts import Preparation, PromptSegmenter, default_recipe
from cxr_agent.models.adapters.segment_anything import load_checkpoint
from cxr_agent.models.adapters.sources import Source, folder, resolve
from cxr_agent.study import FloatImage


def load(
    source: Source,
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
    preparation: Preparation = "sam",
) -> PromptSegmenter:
    """A segmenter by prompts.

    Parameters
    ----------
    source
        A folder or hub name in transformers' layout (``facebook/sam-vit-base``), or a ``.pth``
        file of Meta's ``segment_anything``.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`.
    preparation
        How the film is prepared; the family ``medsam`` sets ``medsam``.

    Raises
    ------
    ModelError
        Weights or libraries missing, or another model's checkpoint.
    """
    hardware = choose(device, dtype)
    path = resolve(source, revision=revision)
    if path.is_file():
        return load_checkpoint(path, hardware, preparation)
    return _from_transformers(folder(path, needs="config.json"), hardware, preparation)


def load_medsam(source: Source, **options: Any) -> PromptSegmenter:
    """As :func:`load`, prepared as MedSAM was trained."""
    return load(source, **{"preparation": "medsam", **options})


def _from_transformers(path: Path, hardware: Hardware, preparation: Preparation) -> PromptSegmenter:
    model = from_folder("SamModel", path, hardware.exact(), family="sam")
    model.vision_encoder.to(hardware.dtype)
    engine = _Engine(model, hardware.exact())
    recipe = default_recipe(engine.side, preparation)
    if preparation == "sam":
        recipe = recipe_of(path, recipe)
    return PromptSegmenter(engine, recipe, preparation, hardware)


class _Engine:
    def __init__(self, model: Any, hardware: Hardware) -> None:
        self._model = model
        self._hardware = hardware
        self.side = int(model.config.vision_config.image_size)

    def embed(self, picture: Any) -> Any:
        return self._model.get_image_embeddings(picture).float()

    def decode(
        self,
        embedding: Any,
        points: FloatImage | None,
        inside: NDArray[np.int64] | None,
        box: FloatImage | None,
        several: bool,
    ) -> tuple[Any, Any]:
        torch = library("torch")
        given: dict[str, Any] = {}
        if points is not None and inside is not None:
            given["input_points"] = self._hardware.tensor(points[None, None])
            given["input_labels"] = torch.from_numpy(inside[None, None]).to(self._hardware.device)
        if box is not None:
            given["input_boxes"] = self._hardware.tensor(box[None, None])
        result = self._model(image_embeddings=embedding, multimask_output=several, **given)
        return result.pred_masks[0, 0], result.iou_scores[0, 0]
