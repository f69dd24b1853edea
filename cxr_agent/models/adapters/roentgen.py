"""RoentGen and other Stable Diffusion checkpoints: synthetic films from a description.

Bluethgen et al., "A vision-language foundation model for the generation of realistic chest X-ray
images", Nature Biomedical Engineering 2024. A film made here shows no patient and must never be
read as one: what comes back says so and cannot be made to say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models.adapters.checkpoints import bad_layout
from cxr_agent.models.adapters.hardware import Hardware, choose
from cxr_agent.models.adapters.libraries import library, missing
from cxr_agent.models.adapters.pretrained import from_folder
from cxr_agent.models.adapters.quiet import quiet
from cxr_agent.models.adapters.sources import Source, folder, read_json, resolve
from cxr_agent.study import FloatImage

_FAMILY: Final = "roentgen"
_PARTS: Final = ("scheduler", "text_encoder", "tokenizer", "unet", "vae")


@dataclass(frozen=True, slots=True)
class SyntheticFilm:
    """A picture that a model made up."""

    pixels: FloatImage
    """(rows, columns) float32 in [0, 1], bone white as far as the model knows."""
    prompt: str
    seed: int
    model: str
    """The source that it was loaded from."""
    synthetic: Literal[True] = field(default=True, init=False)
    """Always. Whoever stores or shows the pixels carries this on."""


class RoentGen:
    """Draws films.

    Parameters
    ----------
    pipeline
        A ``StableDiffusionPipeline``.
    name
        Its source, for the films' provenance.
    """

    def __init__(self, pipeline: Any, name: str) -> None:
        self._pipeline = pipeline
        self._name = name

    def draw(
        self,
        prompt: str,
        *,
        seed: int = 0,
        steps: int = 75,
        guidance: float = 4.0,
        size: tuple[int, int] | None = None,
    ) -> SyntheticFilm:
        """One film; the same arguments give the same film on the same hardware.

        Parameters
        ----------
        prompt
            A finding in plain words: "Big right-sided pleural effusion".
        seed
            Of the noise that the film grows out of.
        steps
            Of denoising; time grows with them.
        guidance
            How closely to follow the prompt (Ho and Salimans, 2022); 1 is not at all.
        size
            (rows, columns), multiples of 8; None is what the model was trained on.

        Raises
        ------
        UsageError
            ``bad_prompt`` for an empty prompt or sizes that cannot be drawn.
        """
        if not prompt.strip() or steps < 1 or any(side % 8 or side < 16 for side in size or ()):
            raise UsageError(
                "bad_prompt",
                "a film needs a description, at least one step, and sides that are multiples of 8",
                hint="Leave size out for the model's own.",
            )
        torch = library("torch")
        rows, columns = size or (None, None)
        # On the CPU, where a seed gives the same noise whatever the device.
        noise = torch.Generator("cpu").manual_seed(seed)
        with torch.inference_mode(), quiet("diffusers", "transformers"):
            drawn = self._pipeline(
                prompt,
                height=rows,
                width=columns,
                num_inference_steps=steps,
                guidance_scale=guidance,
                generator=noise,
                output_type="np",
            ).images[0]
        grey = np.asarray(drawn, dtype=np.float32).mean(axis=2)
        if not np.isfinite(grey).all():
            raise ModelError(
                "bad_output",
                "the model gave no picture: its numbers overflowed",
                hint="Use dtype='float32' or 'bfloat16'.",
            )
        return SyntheticFilm(np.clip(grey, 0, 1).astype(np.float32), prompt, seed, self._name)


def load(
    source: Source = "stanfordmimi/RoentGen-v2",
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
) -> RoentGen:
    """A generator of synthetic films.

    Parameters
    ----------
    source
        A folder or hub name in diffusers' layout.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`; on a GPU the default is bfloat16.

    Raises
    ------
    ModelError
        Weights or libraries missing, or another model's checkpoint.
    """
    hardware = choose(device, dtype, large=True)
    path = folder(resolve(source, revision=revision), needs="model_index.json")
    pipeline = _pipeline(path, hardware)
    pipeline.set_progress_bar_config(disable=True)
    # Of a local path the last part alone: the rest may say whose machine this is.
    name = path.name if Path(source).expanduser().exists() else str(source)
    return RoentGen(pipeline.to(hardware.device), name)


def _pipeline(path: Path, hardware: Hardware) -> Any:
    kit = library("diffusers")
    _check_parts(path)
    text = from_folder("CLIPTextModel", path / "text_encoder", hardware, family=_FAMILY)
    with quiet("diffusers", "transformers"):
        try:
            return kit.StableDiffusionPipeline.from_pretrained(
                path,
                local_files_only=True,
                dtype=hardware.dtype,
                text_encoder=text,
                unet=_part(kit.UNet2DConditionModel, path / "unet", hardware),
                vae=_part(kit.AutoencoderKL, path / "vae", hardware),
                # The filter for offensive photographs blackens films; it knows nothing of them.
                safety_checker=None,
                feature_extractor=None,
                requires_safety_checker=False,
            )
        except ImportError as error:
            raise missing("this checkpoint", error) from None
        except library("safetensors").SafetensorError as error:
            raise ModelError(
                "weights_damaged",
                f"the weights in {path} cannot be read",
                hint="Fetch the checkpoint again.",
            ) from error
        except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
            raise bad_layout(_FAMILY, "it is no whole Stable Diffusion pipeline") from error


def _check_parts(path: Path) -> None:
    """The library makes an empty tokenizer where there is none, and draws from nonsense."""
    index = read_json(path / "model_index.json")
    for part in _PARTS:
        if part not in index or not any((path / part).glob("*")):
            raise bad_layout(_FAMILY, f"its {part} is missing")


def _part(kind: Any, path: Path, hardware: Hardware) -> Any:
    """A network, every weight of it from the checkpoint."""
    model, report = kind.from_pretrained(
        path, local_files_only=True, dtype=hardware.dtype, output_loading_info=True
    )
    if report["missing_keys"]:
        raise bad_layout(_FAMILY, f"{min(report['missing_keys'])} is missing")
    return model
