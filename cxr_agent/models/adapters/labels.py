"""Classifiers of whole reports through transformers: probabilities of findings, in any language.

As CT-BERT-JPN does for Japanese CT reports (Yamagishi et al., arXiv 2412.15907) on BERT (Devlin et
al., NAACL 2019): a network with one output per finding, named in its configuration.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cxr_agent.errors import UsageError
from cxr_agent.knowledge import report_lexicon
from cxr_agent.models.adapters.checkpoints import bad_layout
from cxr_agent.models.adapters.hardware import Hardware, choose
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.pretrained import from_folder, tokenizer_of
from cxr_agent.models.adapters.quiet import quiet
from cxr_agent.models.adapters.sources import Source, folder, read_json, resolve

_FAMILY: Final = "labels"
_AT_ONCE: Final = 8
_UNNAMED: Final = re.compile(r"LABEL_\d+")
_SYNONYMS: Final = {
    "medical material": "support_devices",
    "lung nodule": "lung_lesion",
    "pulmonary fibrotic sequela": "pulmonary_fibrosis",
}
"""Names of CT-RATE's labels that no report words so."""


@dataclass(frozen=True, slots=True)
class LabelScore:
    """What the classifier says of one finding of a report."""

    label: str
    """As the checkpoint names it."""
    code: str | None
    """Of ``kb/report_lexicon.toml``; None where it has no such finding."""
    probability: float
    """Of the network, in [0, 1]; not calibrated here."""


class ReportLabeller:
    """Scores reports for findings.

    Parameters
    ----------
    network, tokenizer
        Of the checkpoint.
    names
        Of its outputs, in order.
    exclusive
        Whether one of the outputs alone can be true.
    hardware
        Where it runs.
    """

    def __init__(
        self,
        network: Any,
        tokenizer: Any,
        names: Sequence[str],
        exclusive: bool,
        hardware: Hardware,
    ) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._exclusive = exclusive
        self._hardware = hardware
        self.labels = tuple(names)
        self._codes = tuple(code_of(name) for name in names)

    def score(self, texts: Sequence[str]) -> list[tuple[LabelScore, ...]]:
        """Scores of each report, in the order of :attr:`labels`; what is too long is cut.

        Raises
        ------
        UsageError
            ``bad_text`` for a report without a word.
        """
        if any(not text.strip() for text in texts):
            raise UsageError("bad_text", "an empty report has no findings", hint="Leave it out.")
        return [
            one
            for start in range(0, len(texts), _AT_ONCE)
            for one in self._scores(list(texts[start : start + _AT_ONCE]))
        ]

    def _scores(self, texts: list[str]) -> list[tuple[LabelScore, ...]]:
        torch = library("torch")
        tokens = self._tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=int(self._network.config.max_position_embeddings),
            return_tensors="pt",
        ).to(self._hardware.device)
        with torch.inference_mode(), quiet("transformers"):
            raw = self._network(**tokens).logits.float()
        shares = raw.softmax(-1) if self._exclusive else raw.sigmoid()
        return [
            tuple(
                LabelScore(label, code, float(share))
                for label, code, share in zip(self.labels, self._codes, row, strict=True)
            )
            for row in shares.cpu().numpy()
        ]


def code_of(label: str) -> str | None:
    """The finding that a label names in English."""
    wanted = " ".join(label.lower().replace("_", " ").split())
    if wanted in _SYNONYMS:
        return _SYNONYMS[wanted]
    for code, words in report_lexicon().finding.items():
        if wanted in (code.replace("_", " "), words.name.lower(), *words.phrases):
            return code
    return None


def load(
    source: Source = "YYama0/CT-BERT-JPN",
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
) -> ReportLabeller:
    """A classifier of reports.

    Parameters
    ----------
    source
        A folder or hub name that AutoModelForSequenceClassification reads, whose configuration
        names its labels.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`.

    Raises
    ------
    ModelError
        Weights or libraries missing (Japanese tokenizers need fugashi), or another model's
        checkpoint.
    """
    hardware = choose(device, dtype)
    path = folder(resolve(source, revision=revision), needs="config.json")
    kinds = read_json(path / "config.json").get("architectures") or ["nothing"]
    if not str(kinds[0]).endswith("ForSequenceClassification"):
        raise bad_layout(_FAMILY, f"its config says {str(kinds[0])[:40]}")
    network = from_folder("AutoModelForSequenceClassification", path, hardware, family=_FAMILY)
    named = network.config.id2label
    names = [str(named[number]) for number in range(len(named))]
    if any(_UNNAMED.fullmatch(name) for name in names):
        raise bad_layout(_FAMILY, "its config does not name its labels")
    exclusive = network.config.problem_type == "single_label_classification"
    return ReportLabeller(network, tokenizer_of(path), names, exclusive, hardware)
