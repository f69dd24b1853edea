"""MAIRA-2: grounded reports and phrase grounding (Bannur et al., arXiv 2406.04449).

The checkpoint comes with Python code for an older transformers, which does not run in this one.
None of it is needed: the network is a DINOv2, a projector and a Llama, put together here, so
``trust_remote_code`` has no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_agent.models.adapters.answers import Answer, Decoding, check_words, generate
from cxr_agent.models.adapters.checkpoints import bad_layout
from cxr_agent.models.adapters.grounding import GroundedSentence, parse
from cxr_agent.models.adapters.hardware import Hardware, choose
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.maira2_prompt import Sections, ground_message, report_message
from cxr_agent.models.adapters.pixels import Frame, Recipe, recipe_of, stretched_bytes
from cxr_agent.models.adapters.pretrained import from_folder, tokenizer_of
from cxr_agent.models.adapters.sources import Source, folder, read_json, resolve
from cxr_agent.study import FloatImage

_FAMILY: Final = "maira2"
_TEMPLATE: Final = "chat_template.json"
"""Where a processor of older transformers keeps the frame of a conversation."""
_GREY: Final = ((0.5307,) * 3, (0.2583,) * 3)
"""Mean and spread of its films, where the checkpoint does not say."""


@dataclass(frozen=True, slots=True)
class GroundedReport:
    """What MAIRA-2 writes about a film; data, and no finding."""

    sentences: tuple[GroundedSentence, ...]
    malformed: bool
    """Part of the text was not in MAIRA-2's form; see :func:`grounding.parse`."""
    answer: Answer
    """The text as written."""


class Maira2:
    """Describes a frontal film, or finds a phrase on it.

    Parameters
    ----------
    network
        Its three parts.
    tokenizer
        With the checkpoint's chat template.
    recipe
        Its preprocessing, to a square.
    image_token
        Number and text of the token that stands for a patch.
    hardware
        Where it runs.
    """

    def __init__(
        self,
        network: _Network,
        tokenizer: Any,
        recipe: Recipe,
        image_token: tuple[int, str],
        hardware: Hardware,
    ) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._recipe = recipe
        self._image_number, self._image_text = image_token
        self._hardware = hardware

    def report(
        self,
        frontal: FloatImage,
        *,
        lateral: FloatImage | None = None,
        prior: FloatImage | None = None,
        sections: Sections | None = None,
        grounded: bool = True,
        decoding: Decoding | None = None,
    ) -> GroundedReport:
        """The findings of a study.

        Parameters
        ----------
        frontal, lateral, prior
            Films as (rows, columns) float32 in [0, 1], bone white; the prior is a frontal one.
        sections
            What the referrer and the technologist wrote.
        grounded
            Whether sentences carry boxes on the frontal film.
        decoding
            Greedy without it.

        Raises
        ------
        UsageError
            ``bad_film``, or ``bad_question`` for a section with a token that steers the model.
        """
        given = sections or Sections()
        for text in (given.indication, given.technique, given.comparison, given.prior_report):
            check_words(text, self._tokenizer, (self._image_text,))
        message = report_message(
            given, lateral=lateral is not None, prior=prior is not None, grounded=grounded
        )
        films = [film for film in (frontal, lateral, prior) if film is not None]
        return self._write(films, message, decoding)

    def ground(
        self, frontal: FloatImage, phrase: str, decoding: Decoding | None = None
    ) -> GroundedReport:
        """Boxes for a phrase such as "Left pleural effusion."; errors as for :meth:`report`."""
        check_words(phrase, self._tokenizer, (self._image_text,))
        return self._write([frontal], ground_message(phrase), decoding)

    def _write(
        self, films: Sequence[FloatImage], message: list[dict[str, Any]], decoding: Decoding | None
    ) -> GroundedReport:
        prepared = [self._recipe.prepare(stretched_bytes(film)) for film in films]
        torch = library("torch")
        with torch.inference_mode():
            pictures = np.stack([picture for picture, _ in prepared])
            patches = self._network.look(self._hardware.tensor(pictures))
            words = self._words(message, patches.shape[1])
            inputs = self._network.join(words, patches, self._image_number)
            answer = generate(
                self._network.language, self._tokenizer, inputs, decoding or Decoding(), skip=0
            )
        frame: Frame = prepared[0][1]
        parsed = parse(answer.text, frame, self._recipe.size[0])
        return GroundedReport(parsed.sentences, parsed.malformed, answer)

    def _words(self, message: list[dict[str, Any]], patches: int) -> Any:
        text: str = self._tokenizer.apply_chat_template(
            message, add_generation_prompt=True, tokenize=False
        )
        text = text.replace(self._image_text, self._image_text * patches)
        numbers = self._tokenizer(text, return_tensors="pt", add_special_tokens=True)
        return numbers["input_ids"].to(self._hardware.device)


class _Network:
    """Vision tower, projector, language model."""

    def __init__(self, vision: Any, projector: Any, language: Any, whole: bool) -> None:
        self._vision = vision
        self._projector = projector
        self.language = language
        self._first = 0 if whole else 1

    def look(self, pictures: Any) -> Any:
        """Patches (n, count, width of the language model) of pictures (n, 3, side, side)."""
        seen = self._vision(pictures).feature_maps[-1]
        return self._projector(seen[:, self._first :])

    def join(self, words: Any, patches: Any, image: int) -> dict[str, Any]:
        """Inputs of the language model: the words with the patches in their places."""
        vectors = self.language.get_input_embeddings()(words)
        here = words == image
        if int(here.sum()) != patches.shape[0] * patches.shape[1]:
            raise bad_layout(_FAMILY, "its chat template leaves no place for the films")
        vectors = vectors.masked_scatter(here.unsqueeze(-1), patches.to(vectors.dtype))
        return {
            "inputs_embeds": vectors,
            "attention_mask": library("torch").ones_like(words),
        }


def load(
    source: Source = "microsoft/maira-2",
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
) -> Maira2:
    """MAIRA-2.

    Parameters
    ----------
    source
        A folder or hub name; its owner asks to accept terms before a download.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`; on a GPU the default is bfloat16.

    Raises
    ------
    ModelError
        Weights or libraries missing, or another model's checkpoint.
    """
    hardware = choose(device, dtype, large=True)
    path = folder(resolve(source, revision=revision), needs="config.json")
    config = read_json(path / "config.json")
    if config.get("model_type") != "maira2":
        raise bad_layout(_FAMILY, f"its config says {config.get('model_type')}")
    tokenizer = tokenizer_of(path)
    if tokenizer.chat_template is None:
        tokenizer.chat_template = read_json(path / _TEMPLATE).get("chat_template", "")
    try:
        number = int(config["image_token_index"])
        side = int(config["vision_config"]["image_size"])
        network = _assemble(path, config, hardware)
    except (KeyError, TypeError) as error:
        raise bad_layout(_FAMILY, f"its config lacks {error}") from None
    mean, std = _GREY
    default = Recipe("shortest", (side, side), crop=(side, side), mean=mean, std=std)
    text = str(tokenizer.convert_ids_to_tokens(number))
    return Maira2(network, tokenizer, recipe_of(path, default), (number, text), hardware)


def _assemble(path: Path, config: dict[str, Any], hardware: Hardware) -> _Network:
    kit = library("transformers")
    vision = from_folder(
        "Dinov2Backbone",
        path,
        hardware,
        family=_FAMILY,
        config=kit.Dinov2Config(**config["vision_config"]),
        key_mapping={r"^vision_tower\.": ""},
    )
    text = kit.LlamaConfig(**config["text_config"])
    language = from_folder(
        "LlamaForCausalLM",
        path,
        hardware,
        family=_FAMILY,
        config=text,
        key_mapping={r"^language_model\.": ""},
        generation_config=_ends(path, text),
    )
    projector = _projector(path, config["projector_hidden_act"])
    return _Network(
        vision,
        projector.to(hardware.device, hardware.dtype),
        language,
        config.get("vision_feature_select_strategy") == "full",
    )


def _ends(path: Path, text: Any) -> Any:
    """Which tokens end a text."""
    given = read_json(path / "generation_config.json")
    return library("transformers").GenerationConfig(
        bos_token_id=given.get("bos_token_id", text.bos_token_id),
        eos_token_id=given.get("eos_token_id", text.eos_token_id),
        pad_token_id=given.get("pad_token_id", text.pad_token_id or 0),
    )


def _projector(path: Path, activation: str) -> Any:
    """Linear layers with an activation between, from whichever file holds them."""
    torch = library("torch")
    tensors = {}
    for file in sorted(path.glob("*.safetensors")):
        with library("safetensors").safe_open(file, framework="pt") as archive:
            for name in archive.keys():  # noqa: SIM118 - no mapping
                if name.startswith("multi_modal_projector.layers."):
                    tensors[name.removeprefix("multi_modal_projector.layers.")] = (
                        archive.get_tensor(name)
                    )
    numbers = sorted({int(name.split(".")[0]) for name in tensors})
    if not numbers:
        raise bad_layout(_FAMILY, "it has no projector")
    act = library("transformers.activations").ACT2FN[activation]
    layers: list[Any] = []
    for number in numbers:
        weight, bias = tensors[f"{number}.weight"], tensors[f"{number}.bias"]
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        linear.load_state_dict({"weight": weight, "bias": bias})
        layers += [linear, act]
    return torch.nn.Sequential(*layers[:-1]).eval().requires_grad_(False)
