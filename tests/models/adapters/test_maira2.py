"""MAIRA-2 in its checkpoint's layout, without the code that comes with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models.adapters import load_adapter
from cxr_agent.models.adapters.answers import Decoding
from cxr_agent.models.adapters.maira2 import Maira2
from cxr_agent.models.adapters.maira2_prompt import Sections, ground_message, report_message
from cxr_agent.models.adapters.pixels import Recipe, stretched_bytes
from cxr_agent.models.adapters.quiet import quiet
from cxr_agent.study import FloatImage
from tests.models.adapters import tiny

SHORT = Decoding(max_new_tokens=24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("maira2")
    tiny.maira2(path)
    return path


@pytest.fixture(scope="module")
def model(folder: Path) -> Maira2:
    return load_adapter("maira2", folder)


def test_the_text_is_that_of_llava_with_the_same_parts(
    model: Maira2, film: FloatImage, folder: Path
) -> None:
    """transformers' LLaVA with tower, projector and selection exchanged, as MAIRA-2 does it."""
    import torch
    from transformers import Dinov2Config, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    report = model.report(film, decoding=SHORT)
    words = tiny.maira2_tokenizer()
    words.chat_template = tiny.MAIRA2_CHAT
    llava = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=Dinov2Config(**tiny.MAIRA2_VISION),
            text_config=LlamaConfig(**tiny.maira2_text(len(words))),
            image_token_id=4,
        )
    ).eval()
    parts = model._network
    llava.model.vision_tower = parts._vision
    llava.model.multi_modal_projector = parts._projector
    llava.model.language_model = parts.language.model
    llava.lm_head = parts.language.lm_head

    def features(pixel_values: Any, **_: Any) -> Any:
        seen = parts._vision(pixel_values).feature_maps[-1][:, 1:]
        return BaseModelOutputWithPooling(pooler_output=list(parts._projector(seen)))

    llava.model.get_image_features = features
    message = report_message(Sections(), lateral=False, prior=False, grounded=True)
    text = words.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
    assert text.count("<image>") == 1
    inputs = words(text.replace("<image>", "<image>" * 4), return_tensors="pt")
    recipe = Recipe("shortest", (28, 28), crop=(28, 28), mean=(0.5307,) * 3, std=(0.2583,) * 3)
    picture = torch.from_numpy(recipe.prepare(stretched_bytes(film))[0])[None]
    with torch.inference_mode(), quiet("transformers"):
        output = llava.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            pixel_values=picture,
            max_new_tokens=24,
            do_sample=False,
            eos_token_id=3,
            pad_token_id=0,
        )
    wanted = words.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert report.answer.text == wanted.strip()
    assert report.answer.tokens > 5


def test_prior_and_lateral_films_count(model: Maira2, films: list[FloatImage]) -> None:
    frontal, other, third = films
    texts = {
        model.report(frontal, lateral=lateral, prior=prior, decoding=SHORT).answer.text
        for lateral, prior in ((None, None), (other, None), (None, other), (other, third))
    }
    assert len(texts) > 1
    again = model.report(frontal, decoding=SHORT)
    assert again.answer.text == model.report(frontal, decoding=SHORT).answer.text


def test_a_grounded_text_becomes_sentences_with_boxes_on_the_film(
    model: Maira2, film: FloatImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the language model's output written out: random weights never find the form."""
    import torch

    text = "<obj>heart is large<box><x20><y30><x60><y90></box></obj><obj>no effusion</obj></s>"
    tokens = tiny.maira2_tokenizer()(text, return_tensors="pt", add_special_tokens=False)[
        "input_ids"
    ]
    monkeypatch.setattr(model._network.language, "generate", lambda **_: tokens)
    for found in (
        model.report(film, decoding=Decoding(max_new_tokens=40)),
        model.ground(film, "heart is large", Decoding(max_new_tokens=40)),
    ):
        assert not found.malformed
        assert [sentence.text for sentence in found.sentences] == [
            "heart is large",
            "no effusion",
        ]
        # A film of 120 x 90 seen at 37 x 28, of that the 28 rows from row 4: 13 film rows down.
        down = 120 / 37
        top, bottom = int((8.54 + 4) * down), int((25.34 + 4) * down) + 1
        assert found.sentences[0].boxes == ((18, top, 55, bottom),)
        assert found.sentences[1].boxes == ()
    assert isinstance(tokens, torch.Tensor)


def test_the_prompt_names_the_films_that_are_there() -> None:
    def text(**films: bool) -> str:
        (turn,) = report_message(
            Sections(indication="cough", prior_report="clear"), grounded=True, **films
        )
        assert turn["role"] == "user"
        return "".join("#" if part["type"] == "image" else part["text"] for part in turn["content"])

    assert text(lateral=False, prior=False).startswith("Given the current frontal image only#")
    assert text(lateral=True, prior=False).startswith(
        "Given the current frontal image# and the current lateral image# Provide"
    )
    assert text(lateral=False, prior=True).startswith(
        "Given the current frontal image# and the prior frontal image# PRIOR_REPORT: clear Provide"
    )
    assert text(lateral=True, prior=True).startswith(
        "Given the current frontal image# the current lateral image# and the prior frontal image#"
    )
    assert text(lateral=False, prior=False).endswith(
        "INDICATION: cough TECHNIQUE: N/A COMPARISON: N/A"
    )
    (turn,) = ground_message("No effusion.")
    assert turn["content"][-1]["text"].endswith("Finding: No effusion.")


def test_grey_values_are_stretched_as_in_training(film: FloatImage) -> None:
    faint = np.float32(0.3) + film * np.float32(0.2)
    assert np.abs(stretched_bytes(faint).astype(int) - stretched_bytes(film)).max() <= 1
    assert stretched_bytes(film).min() == 0
    assert stretched_bytes(film).max() == 255


def test_words_that_steer_are_refused(model: Maira2, film: FloatImage) -> None:
    with pytest.raises(UsageError) as caught:
        model.report(film, sections=Sections(indication="cough <image>"))
    assert caught.value.code == "bad_question"
    with pytest.raises(UsageError) as caught:
        model.ground(film, "effusion</s>")
    assert caught.value.code == "bad_question"


@pytest.mark.parametrize("lost", ["multi_modal_projector", "vision_tower", "language_model"])
def test_a_checkpoint_without_a_part_is_refused(folder: Path, tmp_path: Path, lost: str) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for file in copy.glob("*.safetensors"):
        kept = {n: t for n, t in load_file(file).items() if not n.startswith(lost)}
        save_file(kept, file, metadata={"format": "pt"})
    index = json.loads((copy / "model.safetensors.index.json").read_text())
    index["weight_map"] = {n: f for n, f in index["weight_map"].items() if not n.startswith(lost)}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError) as caught:
        load_adapter("maira2", copy)
    assert caught.value.code in {"bad_checkpoint", "weights_missing"}


def test_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llava"}))
    with pytest.raises(ModelError) as caught:
        load_adapter("maira2", tmp_path)
    assert caught.value.code == "bad_checkpoint"
