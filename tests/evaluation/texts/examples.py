"""Made-up inputs that public code and ours are both run on; ``goldens.json`` has what it gave."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

PRESENT: Final = "Observation::definitely present"
ABSENT: Final = "Observation::definitely absent"
PLACE: Final = "Anatomy::definitely present"


def graph(*entities: tuple[str, str, list[list[str]]]) -> dict[str, Any]:
    """A report in RadGraph's form."""
    return {
        "entities": {
            str(number): {
                "tokens": tokens,
                "label": label,
                "start_ix": number,
                "end_ix": number,
                "relations": relations,
            }
            for number, (tokens, label, relations) in enumerate(entities, start=1)
        }
    }


GRAPHS: Final = {
    "same": [
        graph(("effusion", PRESENT, [["located_at", "2"]]), ("left", PLACE, [])),
        graph(("Effusion", PRESENT, [["located_at", "2"]]), ("left", PLACE, [])),
    ],
    "side": [
        graph(("effusion", PRESENT, [["located_at", "2"]]), ("left", PLACE, [])),
        graph(("effusion", PRESENT, [["located_at", "2"]]), ("right", PLACE, [])),
    ],
    "more": [
        graph(
            ("small", PRESENT, [["modify", "2"]]),
            ("effusion", PRESENT, [["located_at", "3"], ["suggestive_of", "4"]]),
            ("left", PLACE, []),
            ("heart failure", PRESENT, []),
            ("pneumothorax", ABSENT, []),
        ),
        graph(
            ("effusion", PRESENT, [["located_at", "2"]]),
            ("left", PLACE, []),
            ("pneumothorax", ABSENT, []),
            ("pneumothorax", ABSENT, []),
        ),
    ],
    "denied": [graph(("edema", PRESENT, [])), graph(("edema", ABSENT, []))],
    "empty": [graph(("edema", PRESENT, [])), graph()],
}
"""Reference and candidate."""

_NAMES: Final = (
    "(a) False report of a finding in the candidate",
    "(b) Missing a finding present in the reference",
    "(c) Misidentification of a finding's anatomic location/position",
    "(d) Misassessment of the severity of a finding",
    "(e) Mentioning a comparison that isn't in the reference",
    "(f) Omitting a comparison detailing a change from a prior study",
)


def green_answer(major: list[str], minor: list[str], matched: str) -> str:
    """An answer in GREEN's form; a line of errors is its count with what follows."""
    blocks = (
        ("Clinically Significant Errors", major),
        ("Clinically Insignificant Errors", minor),
    )
    text = "\nThe candidate differs.\n\n"
    for title, lines in blocks:
        told = [f"{name}: {line}" for name, line in zip(_NAMES, lines, strict=True)]
        text += f"[{title}]:\n" + "\n".join(told) + "\n\n"
    return f"{text}[Matched Findings]:\n{matched}"


NONE: Final = ["0."] * 6
GREEN_ANSWERS: Final = {
    "usual": green_answer(
        ["1. Right effusion.", "2. Edema; Nodule.", "0.", "1. Severe for mild.", "0.", "0."],
        NONE,
        "3. Left effusion; No pneumothorax; Enlarged heart.",
    ),
    "nothing matched": green_answer(["2. Mass; Edema.", *["0."] * 5], NONE, "0."),
    "minor alone": green_answer(NONE, ["1. Scoliosis.", *["0."] * 5], "1. Clear lungs."),
    "no errors in words": (
        "[Clinically Significant Errors]:\nNo errors.\n\n"
        "[Clinically Insignificant Errors]:\nNo errors.\n\n"
        "[Matched Findings]:\n2. Effusion; Edema."
    ),
    "numbered": (
        "[Clinically Significant Errors]:\n(1) False report: 1. Mass.\n(6) Omitting: 2. Worse; New."
        "\n\n[Matched Findings]:\n4. One; Two; Three; Four."
    ),
    "no point": green_answer(["1", *["0."] * 5], NONE, "2. One; Two."),
    "two digits": green_answer(["12. Many.", *["0."] * 5], NONE, "10. Many."),
    "no match in words": green_answer(NONE, NONE, "No matched findings."),
}
CHEXPROMPT_ANSWERS: Final = {
    "square": (
        "Number of clinically significant errors by type: "
        "[(A, 1), (B, 2), (C, 0), (D, 0), (E, 0), (F, 3)]\n"
        "Number of clinically insignificant errors by type: "
        "[(A, 0), (B, 0), (C, 1), (D, 0), (E, 10), (F, 0)]"
    ),
    "round, explained": (
        "Number of clinically significant errors by type: "
        "((A, 0), (B, 1), (C, 0), (D, 1), (E, 0), (F, 0))\n"
        "Number of clinically insignificant errors by type: "
        "((A, 2), (B, 0), (C, 0), (D, 0), (E, 0), (F, 0))\nExplanation: the size differs."
    ),
}
BOXES: Final = {
    "same": [[[0.1, 0.1, 0.2, 0.2]], [[0.1, 0.1, 0.2, 0.2]]],
    "half": [[[0.0, 0.0, 0.5, 0.5]], [[0.25, 0.0, 0.9, 0.5]]],
    "union": [[[0.1, 0.1, 0.6, 0.4]], [[0.0, 0.0, 0.3, 0.5], [0.3, 0.2, 0.5, 0.9]]],
    "apart": [[[0.1, 0.1, 0.2, 0.2]], [[0.3, 0.3, 0.4, 0.4]]],
    "fine": [[[0.113, 0.207, 0.487, 0.333]], [[0.05, 0.219, 0.401, 0.7]]],
}
"""Boxes, and those that they should lie in."""
COMPONENTS: Final = {
    "copy": [1.0, 1.0, 1.0, 1.0],
    "nothing": [0.0, 0.0, 0.0, 0.0],
    "middling": [0.31, 0.42, 0.77, 0.18],
    "blind": [0.05, 0.91, 0.88, 0.6],
}
"""RadGraph, BERTScore, s_emb, BLEU-2."""
TEXTS: Final = (
    ("No pleural effusion.", "small pleural effusion"),
    ("No pleural effusion.", "No pleural effusion."),
    ("The heart is large . No effusion .", "Heart is large. no effusion is shown."),
    ("The lungs are clear. There is no effusion.", "clear"),
    ("The lungs are clear.", "effusion"),
    ("a small left effusion . the heart is normal .", "the heart is small . a left effusion"),
)
"""Reference and candidate, for BLEU-2 and BERTScore."""
LAYER: Final = 1
BASELINE: Final = "LAYER,P,R,F\n0,0.1,0.2,0.15\n1,0.3,0.25,0.27\n2,0.4,0.45,0.42\n"


def write_bert(folder: Path) -> None:
    """A tiny BERT with weights by formula, so that it is the same on every machine."""
    import torch
    from transformers import BertConfig, BertModel

    from tests.models.adapters.tiny import save
    from tests.models.adapters.words import bert_like

    tokenizer = bert_like()
    tokenizer.model_max_length = 64
    model = BertModel(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=64,
        )
    )
    with torch.no_grad():
        for number, (name, tensor) in enumerate(sorted(model.named_parameters())):
            places = np.arange(tensor.numel(), dtype=np.float64)
            values = 0.4 * np.sin(places * (1.7 + 0.13 * number) + number)
            values += 1.0 if name.endswith("LayerNorm.weight") else 0.0
            tensor.copy_(torch.from_numpy(values.reshape(tensor.shape)).float())
    save(model, folder)
    save(tokenizer, folder)
