"""The model card: trained on what, how good on films it never saw, what it must not do."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Card(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Card):
    """One held-out result."""

    data: str
    """Films it was measured on, and how they were held out."""
    films: int = Field(gt=0)
    metric: str
    structure: str = ""
    value: float
    interval: tuple[float, float] | None = None
    """95 % interval by bootstrap over films."""

    @property
    def written(self) -> str:
        """The value as cards show it, with its interval behind."""
        if self.interval is None:
            return f"{self.value:.4f}"
        low, high = self.interval
        return f"{self.value:.4f} [{low:.3f}, {high:.3f}]"


class Calibration(_Card):
    """How the width of a measurement's interval follows from the doubt of the outlines.

    ``half width = factor * sqrt(floor**2 + spread**2)`` with ``spread`` the root mean square by
    which the value moves when the film is outlined again (:mod:`cxr_agent.measure.doubt`);
    ``factor`` is the split-conformal quantile at ``level`` (Vovk et al., 2005; Lei et al., 2018).
    """

    floor: float = Field(gt=0)
    """In the unit of the measurement."""
    factor: float = Field(gt=0)
    level: float = Field(gt=0, lt=1)
    films: int


class LabelCard(_Card):
    """One label of a classifier: how its logit becomes a probability and what follows from it."""

    code: str
    """Of ``kb/vocabulary.toml``."""
    offered: bool
    """Whether it is stated as a finding: the lower bound of its held-out AUC is at least 0.75."""
    scale: float
    offset: float
    """``probability = 1 / (1 + exp(-(scale * logit + offset)))`` (Platt, 1999)."""
    present_at: float = Field(ge=0, le=1)
    """The finding is present from this probability on: the one with ``specificity`` on the
    validation films."""
    absent_below: float = Field(ge=0, le=1)
    """It is absent below this one: that with ``sensitivity`` there; in between it is uncertain."""
    specificity: float
    sensitivity: float
    auc: float
    auc_interval: tuple[float, float]
    """Held-out area under the ROC curve with its 95 % interval by bootstrap over patients."""
    positives: int
    films: int
    """Held-out films that show the finding, and those with a known label."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.absent_below > self.present_at:
            raise ValueError("a probability cannot mean both absent and present")
        return self


class ModelCard(_Card):
    """Everything a user must know before trusting a model."""

    id: str
    name: str
    version: str
    task: str
    weights_file: str
    weights_sha256: str
    safetensors_file: str
    """The same weights in half precision, for torch."""
    safetensors_sha256: str
    weights_licence: str
    parameters: int
    input: str
    output: str
    structures: tuple[str, ...] = ()
    input_size: int
    architecture: str
    """Module of :mod:`cxr_agent.models.networks` that builds the network in torch."""
    outputs: tuple[str, ...] = Field(min_length=1)
    """Names of what the network gives, in its order."""
    training_data: tuple[str, ...]
    split: str
    figures: tuple[Figure, ...]
    intended_use: str
    not_for: tuple[str, ...]
    known_limits: tuple[str, ...]
    citations: tuple[str, ...]
    film_threshold: float | None = None
    """A film probability below this is no upright frontal chest film."""
    calibrations: dict[str, Calibration] = {}
    """Of what is measured on this model's outlines, by the code of the value."""
    labels: tuple[LabelCard, ...] = ()
    """Of a classifier, in the order of its logits."""
    limits: dict[str, float] = {}
    """Probabilities or distances from which on something is said, by name."""
    kind: Literal["onnx"] = "onnx"
