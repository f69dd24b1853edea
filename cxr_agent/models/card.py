"""The model card: trained on what, how good on films it never saw, what it must not do."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


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


class CtrCalibration(_Card):
    """How the width of a CTR's interval follows from the doubt of the outlines.

    ``half width = factor * sqrt(floor**2 + spread**2)`` with ``spread`` the standard error that
    the :class:`~cxr_agent.toolbox.contract.EdgeSpread` of heart and lungs gives the ratio;
    ``factor`` is the split-conformal quantile at ``level`` (Vovk et al., 2005; Lei et al., 2018).
    """

    floor: float = Field(gt=0)
    factor: float = Field(gt=0)
    level: float = Field(gt=0, lt=1)
    films: int


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
    ctr: CtrCalibration | None = None
    kind: Literal["onnx"] = "onnx"
