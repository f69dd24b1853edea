"""Tokenizers made on the spot, for the words of a few sentences."""

from __future__ import annotations

from typing import Any

_SENTENCES = """
a no the film shows heart lung left right is are large small clear effusion what in this image
picture question answer given user assistant normal chest radiograph . , ? :
"""
WORDS = tuple(_SENTENCES.split())


def word_level(special: list[str], **roles: str) -> Any:
    """A fast tokenizer: one number per word; ``roles`` such as ``pad_token="[PAD]"``."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    kit = Tokenizer(models.WordLevel(vocabulary, unk_token=roles["unk_token"]))
    kit.normalizer = normalizers.Lowercase()
    kit.pre_tokenizer = pre_tokenizers.Whitespace()
    kit.add_special_tokens(special)
    return PreTrainedTokenizerFast(tokenizer_object=kit, **roles)


def bert_like() -> Any:
    """[CLS] text [SEP], as BERT reads."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = word_level(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def clip_like() -> Any:
    """CLIP's own tokenizer over letters."""
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), ".</w>", "?</w>"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    vocabulary["<|startoftext|>"] = len(pieces)
    vocabulary["<|endoftext|>"] = len(pieces) + 1
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=16)
