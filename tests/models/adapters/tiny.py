"""Tiny random networks, saved in the layouts of the public checkpoints."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cxr_agent.models.adapters.cxas_labels import LABELS
from cxr_agent.models.adapters.medimageinsight import WEIGHTS as MEDIMAGEINSIGHT
from cxr_agent.models.adapters.quiet import quiet
from cxr_agent.models.adapters.xrv_weights import WEIGHTS
from tests.models.adapters.words import bert_like, clip_like, word_level

SIDE: Final = 64
"""Of what the tiny SAM sees."""
XRV: Final = WEIGHTS["densenet121-res224-all"]
CHAT: Final = (
    "{% for m in messages %}user :{% for p in m['content'] %}"
    "{% if p['type'] == 'image' %}<image>{% else %} {{ p['text'] }}{% endif %}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %} assistant :{% endif %}"
)
SPECIAL: Final = ["<pad>", "<unk>", "<s>", "</s>", "<image>"]
IMAGE: Final = SPECIAL.index("<image>")


def save(part: Any, folder: Path) -> None:
    """Save a part of a checkpoint without the library's progress bars."""
    with quiet("transformers"):
        part.save_pretrained(folder)


def scatter(network: Any, std: float) -> None:
    """Random weights whose results differ from place to place; the usual ones are too small."""
    import torch

    for name, tensor in network.named_parameters():
        if tensor.ndim > 1:
            torch.nn.init.normal_(tensor, std=std)
        elif name.endswith("bias"):
            torch.nn.init.zeros_(tensor)


def sam(path: Path) -> None:
    """SAM as transformers saves it."""
    import torch
    from transformers import (
        SamConfig,
        SamImageProcessorPil,
        SamMaskDecoderConfig,
        SamModel,
        SamPromptEncoderConfig,
        SamVisionConfig,
    )

    torch.manual_seed(1)
    config = SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=16,
            output_channels=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=SIDE,
            patch_size=8,
            window_size=4,
            global_attn_indexes=[1],
            mlp_dim=32,
            num_pos_feats=8,
        ),
        prompt_encoder_config=SamPromptEncoderConfig(hidden_size=16, image_size=SIDE, patch_size=8),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=16,
            mlp_dim=32,
            num_attention_heads=2,
            num_hidden_layers=1,
            iou_head_hidden_dim=16,
        ),
    )
    model = SamModel(config)
    scatter(model, 0.4)
    processor = SamImageProcessorPil(
        size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE}
    )
    save(model, path)
    save(processor, path)


def cxas_network() -> Any:
    """CXAS with few channels."""
    import torch

    from cxr_agent.models.adapters.networks.cxas import CxasNet

    torch.manual_seed(3)
    network = CxasNet(4, (1, 2, 1, 1), 8, len(LABELS)).eval()
    torch.nn.init.normal_(network.head.out.conv.weight, std=2)
    return network


def cxas(path: Path) -> None:
    """As the authors store it: under ``model``, from data-parallel training, with company."""
    import torch

    state = {f"module.{name}": tensor for name, tensor in cxas_network().state_dict().items()}
    state["module.projection.weight"] = torch.zeros(3)
    torch.save({"model": state, "epoch": 7}, path / "UNet_ResNet50_default.pth")


def densenet() -> Any:
    """torchxrayvision's classifier with few channels."""
    import torch

    from cxr_agent.models.adapters.networks.densenet import DenseNet

    torch.manual_seed(5)
    network = DenseNet(1, 8, (2, 1, 1, 2), 4, 8, 18).eval()
    torch.nn.init.normal_(network.classifier.weight, std=1)
    return network


def xrv(path: Path) -> None:
    """Its weights, under the name of the file that holds the published ones."""
    import torch

    torch.save(densenet().state_dict(), path / XRV.file)


def dinov2(path: Path) -> None:
    """RAD-DINO's layout."""
    from transformers import BitImageProcessorPil, Dinov2Config, Dinov2Model

    save(
        Dinov2Model(
            Dinov2Config(
                hidden_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                image_size=28,
                patch_size=14,
            )
        ),
        path,
    )
    save(
        BitImageProcessorPil(
            size={"shortest_edge": 28},
            crop_size={"height": 28, "width": 28},
            image_mean=[0.5307] * 3,
            image_std=[0.2583] * 3,
        ),
        path,
    )


def clip(path: Path) -> None:
    """CLIP as transformers saves it."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    tokenizer = clip_like()
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": 16,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)
    save(CLIPModel(config), path)
    save(tokenizer, path)
    save(
        CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        path,
    )


BIOMEDCLIP: Final[dict[str, Any]] = {
    "model_cfg": {
        "embed_dim": 24,
        "vision_cfg": {
            "timm_model_name": "vit_base_patch16_224",
            "timm_model_pretrained": False,
            "timm_pool": "",
            "timm_proj": "linear",
            "image_size": 32,
        },
        "text_cfg": {
            "hf_model_name": "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract",
            "hf_proj_type": "mlp",
            "hf_pooler_type": "cls_last_hidden_state_pooler",
            "context_length": 256,
        },
    },
    "preprocess_cfg": {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]},
}
"""Its ``open_clip_config.json``."""


def biomedclip_network(words: int) -> Any:
    """BiomedCLIP with few channels, for texts of so many words."""
    import torch

    from cxr_agent.models.adapters.networks.biomedclip import BiomedClip, TextSize, VisionSize

    network = BiomedClip(VisionSize(128, 16, 5, 2, 64), TextSize(words, 64, 300, 2, 32), 24).eval()
    for tensor in network.parameters():
        torch.nn.init.normal_(tensor, std=0.1)
    return network


def biomedclip(path: Path) -> None:
    """BiomedCLIP as open_clip saves it."""
    import torch

    tokenizer = bert_like()
    save(tokenizer, path)
    (path / "open_clip_config.json").write_text(json.dumps(BIOMEDCLIP))
    state = biomedclip_network(len(tokenizer)).state_dict()
    state["text.transformer.embeddings.position_ids"] = torch.arange(300)[None]
    torch.save(state, path / "open_clip_pytorch_model.bin")


def sentence(path: Path, pooling: str = "mean_tokens", longest: int = 24) -> None:
    """A BERT as sentence-transformers saves it, like all-MiniLM-L6-v2."""
    from transformers import BertConfig, BertModel

    tokenizer = bert_like()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=32,
    )
    model = BertModel(config)
    scatter(model, 0.4)
    save(model, path)
    save(tokenizer, path)
    kinds = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    modules = [
        {"idx": number, "path": within, "type": f"sentence_transformers.models.{kind}"}
        for number, (kind, within) in enumerate(kinds.items())
    ]
    (path / "modules.json").write_text(json.dumps(modules))
    (path / "sentence_bert_config.json").write_text(
        json.dumps({"max_seq_length": longest, "do_lower_case": False})
    )
    ways = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
    (path / "1_Pooling").mkdir()
    (path / "1_Pooling" / "config.json").write_text(
        json.dumps(
            {"word_embedding_dimension": 16, **{f"pooling_mode_{w}": w == pooling for w in ways}}
        )
    )


def labels(path: Path) -> None:
    """A BERT that labels reports, as CT-BERT-JPN, for a few of its findings."""
    from transformers import BertConfig, BertForSequenceClassification

    tokenizer = bert_like()
    names = ("Medical material", "Cardiomegaly", "Lung nodule", "Pleural effusion", "Hiatal hernia")
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=32,
        id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
        problem_type="multi_label_classification",
    )
    model = BertForSequenceClassification(config)
    scatter(model, 0.4)
    save(model, path)
    save(tokenizer, path)


def speech(path: Path) -> None:
    """A Whisper of one layer on each side, with words for tokens."""
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    tokenizer = word_level(
        ["<pad>", "<unk>", "<s>", "</s>"],
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
    )
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        num_mel_bins=8,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_target_positions=32,
        decoder_start_token_id=2,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    model = WhisperForConditionalGeneration(config)
    scatter(model, 0.4)
    save(model, path)
    save(tokenizer, path)
    save(WhisperFeatureExtractor(feature_size=8), path)


def llava_tokenizer() -> Any:
    """Words, and a token for pictures."""
    made = word_level(
        SPECIAL,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
    )
    made.image_token = "<image>"
    return made


def text_config(words: int) -> Any:
    """A Llama of two layers."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=words,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
    )


def llava(path: Path) -> None:
    """A vision-language model without a chat template."""
    import torch
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    torch.manual_seed(0)
    words = llava_tokenizer()
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
        ),
        text_config=text_config(len(words)),
        image_token_id=IMAGE,
        vision_feature_layer=-1,
    )
    model = LlavaForConditionalGeneration(config)
    scatter(model, 0.3)
    processor = LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    save(model, path)
    save(processor, path)


def maira2_tokenizer() -> Any:
    """Words, places for patches, and the tokens of grounding; the frame is in a file of its own."""
    made = llava_tokenizer()
    bins = [f"<{axis}{number}>" for axis in "xy" for number in range(100)]
    made.add_tokens(["<obj>", "</obj>", "<box>", "</box>", *bins])
    return made


MAIRA2_VISION: Final[dict[str, Any]] = {
    "model_type": "dinov2",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
    "out_features": ["stage2"],
    "apply_layernorm": True,
    "reshape_hidden_states": False,
}


def maira2_text(words: int) -> dict[str, Any]:
    """The text part of its configuration."""
    return {
        "model_type": "llama",
        "vocab_size": words,
        "hidden_size": 24,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "rope_scaling": {"type": "linear", "factor": 1.5},
    }


MAIRA2_CHAT: Final = (
    "given {% for m in messages %}user :{% for p in m['content'] %}"
    "{% if p['type'] == 'image' %}<image>{% else %}{{ p['text'] }}{% endif %}{% endfor %}"
    "{% endfor %} assistant :"
)


def maira2(path: Path) -> None:
    """Saved in parts by transformers under its old names, then put together in two files."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import Dinov2Backbone, Dinov2Config, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(2)
    parts = path / "parts"
    words = maira2_tokenizer()
    text = maira2_text(len(words))
    vision = Dinov2Backbone(Dinov2Config(**MAIRA2_VISION))
    language = LlamaForCausalLM(LlamaConfig(**text))
    scatter(vision, 0.3)
    scatter(language, 0.3)
    projector = torch.nn.Sequential(
        torch.nn.Linear(16, 24), torch.nn.GELU(), torch.nn.Linear(24, 24)
    )
    save(vision, parts / "vision")
    save(language, parts / "language")
    save(words, path)
    first = {
        f"vision_tower.{name}": tensor
        for name, tensor in load_file(parts / "vision" / "model.safetensors").items()
    }
    first |= {
        f"multi_modal_projector.layers.{name}": tensor
        for name, tensor in projector.state_dict().items()
    }
    second = {
        f"language_model.{name}": tensor
        for name, tensor in load_file(parts / "language" / "model.safetensors").items()
    }
    files = {f"model-0000{n}-of-00002.safetensors": t for n, t in ((1, first), (2, second))}
    index: dict[str, Any] = {"metadata": {}, "weight_map": {}}
    for name, tensors in files.items():
        save_file(tensors, path / name, metadata={"format": "pt"})
        index["weight_map"] |= dict.fromkeys(tensors, name)
    (path / "model.safetensors.index.json").write_text(json.dumps(index))
    (path / "config.json").write_text(
        json.dumps(
            {
                "model_type": "maira2",
                "architectures": ["Maira2ForConditionalGeneration"],
                "auto_map": {"AutoConfig": "configuration_maira2.Maira2Config"},
                "image_token_index": IMAGE,
                "projector_hidden_act": "gelu",
                "projector_n_layers": 2,
                "vision_feature_layer": -1,
                "vision_feature_select_strategy": "default",
                "vision_config": MAIRA2_VISION,
                "text_config": text,
            }
        )
    )
    (path / "configuration_maira2.py").write_text("raise SystemExit('this must never run')\n")
    (path / "chat_template.json").write_text(json.dumps({"chat_template": MAIRA2_CHAT}))
    shutil.rmtree(parts)


_CONFIGURATION: Final = """
from transformers import LlamaConfig
class CheXagentConfig(LlamaConfig):
    model_type = "chexagent"
"""
_NETWORK: Final = """
from transformers import LlamaForCausalLM
from .configuration_chexagent import CheXagentConfig
class CheXagentForCausalLM(LlamaForCausalLM):
    config_class = CheXagentConfig
"""
_TOKENIZER: Final = """
from transformers import PreTrainedTokenizerFast
class CheXagentTokenizer(PreTrainedTokenizerFast):
    seen = []
    def from_list_format(self, parts):
        from PIL import Image
        words = []
        for part in parts:
            if "image" in part:
                with Image.open(part["image"]) as picture:
                    CheXagentTokenizer.seen.append((picture.size, picture.mode, part["image"]))
                    grey = picture.convert("L").resize((1, 1)).getpixel((0, 0))
                words.append("film " * (1 + grey // 16))
            else:
                words.append(part["text"])
        return " ".join(words)
"""
_CONVERSATION: Final = (
    "{% for m in messages %}{{ m['from'] }} : {{ m['value'] }} {% endfor %}"
    "{% if add_generation_prompt %}assistant :{% endif %}"
)


def change(path: Path, **values: Any) -> None:
    """Change values in a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def chexagent(path: Path) -> None:
    """A checkpoint with code of its own, laid out as CheXagent-2's."""
    import torch
    from transformers import LlamaForCausalLM

    words = word_level(
        SPECIAL[:4],
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
    )
    words.chat_template = _CONVERSATION
    model = LlamaForCausalLM(text_config(len(words)))
    torch.manual_seed(0)
    scatter(model, 0.5)
    save(model, path)
    save(words, path)
    change(
        path / "config.json",
        model_type="chexagent",
        architectures=["CheXagentForCausalLM"],
        auto_map={
            "AutoConfig": "configuration_chexagent.CheXagentConfig",
            "AutoModelForCausalLM": "modeling_chexagent.CheXagentForCausalLM",
        },
    )
    change(
        path / "tokenizer_config.json",
        tokenizer_class="CheXagentTokenizer",
        auto_map={"AutoTokenizer": [None, "tokenization_chexagent.CheXagentTokenizer"]},
    )
    (path / "configuration_chexagent.py").write_text(_CONFIGURATION)
    (path / "modeling_chexagent.py").write_text(_NETWORK)
    (path / "tokenization_chexagent.py").write_text(_TOKENIZER)


def roentgen(path: Path) -> None:
    """A Stable Diffusion pipeline for films of 64 x 64."""
    import torch
    from diffusers import (
        AutoencoderKL,
        PNDMScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    tokenizer = clip_like()
    with quiet("diffusers", "transformers"):
        pipeline = StableDiffusionPipeline(
            vae=AutoencoderKL(
                block_out_channels=(8, 16),
                down_block_types=("DownEncoderBlock2D",) * 2,
                up_block_types=("UpDecoderBlock2D",) * 2,
                latent_channels=4,
                norm_num_groups=4,
                layers_per_block=1,
            ),
            text_encoder=CLIPTextModel(
                CLIPTextConfig(
                    vocab_size=len(tokenizer),
                    hidden_size=16,
                    intermediate_size=32,
                    num_hidden_layers=1,
                    num_attention_heads=2,
                    max_position_embeddings=16,
                    bos_token_id=tokenizer.bos_token_id,
                    eos_token_id=tokenizer.eos_token_id,
                    pad_token_id=tokenizer.pad_token_id,
                )
            ),
            tokenizer=tokenizer,
            unet=UNet2DConditionModel(
                sample_size=32,
                block_out_channels=(8, 16),
                layers_per_block=1,
                norm_num_groups=4,
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
                cross_attention_dim=16,
                attention_head_dim=4,
            ),
            scheduler=PNDMScheduler(skip_prk_steps=True, steps_offset=1),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.save_pretrained(path)


def medimageinsight(path: Path) -> None:
    """The vision model of MedImageInsight under its published names, and tensors of its texts."""
    import torch
    from safetensors.torch import save_file

    tensors: dict[str, Any] = {"lang_projection": torch.zeros(4, 6), "logit_scale": torch.ones(())}
    dice = torch.Generator().manual_seed(1)

    def put(name: str, *shape: int) -> None:
        tensors[name] = torch.randn(shape, generator=dice) * 0.2

    def both(name: str, *shape: int) -> None:
        put(f"image_encoder.{name}.weight", *shape)
        put(f"image_encoder.{name}.bias", shape[0])

    before = 3
    for stage, (width, depth) in enumerate(((32, 1), (32, 1), (64, 2), (64, 1))):
        both(f"convs.{stage}.proj", width, before, 7 if stage == 0 else 3, 7 if stage == 0 else 3)
        both(f"convs.{stage}.norm", width if stage == 0 else before)
        for kind, block in itertools.product(("window", "channel"), range(depth)):
            named = "spatial" if kind == "window" else "channel"
            part = f"blocks.{stage}.{block}.{named}_block"
            for place in (1, 2):
                both(f"{part}.conv{place}.fn.dw", width, 1, 3, 3)
            both(f"{part}.{kind}_attn.norm", width)
            both(f"{part}.{kind}_attn.fn.qkv", 3 * width, width)
            both(f"{part}.{kind}_attn.fn.proj", width, width)
            both(f"{part}.ffn.norm", width)
            both(f"{part}.ffn.fn.net.fc1", 4 * width, width)
            both(f"{part}.ffn.fn.net.fc2", width, 4 * width)
        before = width
    both("norms", before)
    put("image_projection", before, 6)
    file = path / MEDIMAGEINSIGHT
    file.parent.mkdir(parents=True)
    save_file(tensors, file)


BUILDERS: Final[dict[str, Callable[[Path], None]]] = {
    "sam": sam,
    "medsam": sam,
    "cxas": cxas,
    "xrv": xrv,
    "dinov2": dinov2,
    "medimageinsight": medimageinsight,
    "clip": biomedclip,
    "sentence": sentence,
    "labels": labels,
    "speech": speech,
    "vlm": llava,
    "chexagent": chexagent,
    "maira2": maira2,
    "roentgen": roentgen,
}
"""By family."""
