"""What several test packages build: films with known masks, a model that knows them, evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from cxr_agent.evidence import Evidence, EvidenceKind, Observation, Polarity, Provenance
from cxr_agent.models.anatomy import Anatomy, AnatomyModel, Outline
from cxr_agent.models.card import LabelCard, ModelCard
from cxr_agent.models.embedding import EmbeddingModel
from cxr_agent.models.findings import FindingsModel
from cxr_agent.models.shelf import Shelf
from cxr_agent.models.view import ViewModel
from cxr_agent.study import FloatImage, Image, Study, View
from cxr_agent.testing.phantom import STRUCTURES, Phantom, PhantomSpec, draw
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.contract import BoolMask, Mask
from cxr_agent.toolbox.execute import Toolbox
from cxr_agent.toolbox.reading import reading_of
from cxr_agent.toolbox.registry import Registry
from cxr_agent.trace import Event, TraceWriter, read_trace

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Data beside the repository; tests that need it skip without it."""


def rectangle(shape: tuple[int, int], left: int, top: int, right: int, bottom: int) -> BoolMask:
    """A mask of one rectangle; right and bottom exclusive."""
    plane = np.zeros(shape, dtype=np.bool_)
    plane[top:bottom, left:right] = True
    return plane


def film(pixels: FloatImage | None = None, handle: str = "img-1", **rest: Any) -> Image:
    """One film; grey and PA unless told otherwise."""
    pixels = np.full((100, 200), 0.5, dtype=np.float32) if pixels is None else pixels
    rest = {"view": View.PA, "view_source": "header", **rest}
    return Image(handle, pixels, hashlib.sha256(pixels.tobytes()).hexdigest(), **rest)


def mask(structure: str, plane: BoolMask, *, doubt: int | None = 0) -> Mask:
    """A mask as the anatomy model would give it; without doubt it comes from nowhere.

    Parameters
    ----------
    doubt
        Pixels by which one of three repeats is wider on both sides.
    """
    if doubt is None:
        return Mask(structure, plane)
    return Mask(structure, plane, repeats(plane, doubt), "anatomy")


def repeats(plane: BoolMask, doubt: int = 0) -> BoolMask:
    """(3, rows, columns): twice as it is, and once wider by some pixels on both sides."""
    wider = plane.copy()
    for step in range(1, doubt + 1):
        wider[:, step:] |= plane[:, :-step]
        wider[:, :-step] |= plane[:, step:]
    return np.stack([plane, plane, wider])


@dataclass(frozen=True)
class FakeCard:
    id: str = "anatomy"
    film_threshold: float | None = 0.5


@dataclass
class FakeModel:
    """Knows the true masks of the films that it was given; anything else is no chest film."""

    truth: list[tuple[FloatImage, dict[str, BoolMask]]] = field(default_factory=list)
    card: FakeCard = field(default_factory=FakeCard)
    fails: Exception | None = None

    is_film = AnatomyModel.is_film

    def segment(self, pixels: FloatImage, *, repeat: bool = False) -> Anatomy:
        if self.fails is not None:
            raise self.fails
        for known, masks in self.truth:
            if known is pixels:
                outlines = {
                    n: Outline(plane, repeats(plane) if repeat else None)
                    for n, plane in masks.items()
                }
                return Anatomy(outlines, 0.99)
        return Anatomy({}, 0.01)


LIMITS = {
    **dict.fromkeys(("other", "lateral", "turned", "mirrored", "inverted", "child", "ap"), 0.9),
    "pa": 0.1,
    "strangeness": 0.5,
}


def model_card(model: str, **rest: Any) -> ModelCard:
    """The card of a model that is not there."""
    return ModelCard(
        **{
            "id": model,
            "name": model,
            "version": "1",
            "task": "tests",
            "weights_file": "none.onnx",
            "weights_sha256": "0" * 64,
            "safetensors_file": "none.safetensors",
            "safetensors_sha256": "0" * 64,
            "weights_licence": "none",
            "parameters": 1,
            "input": "",
            "output": "",
            "input_size": 32,
            "architecture": model,
            "outputs": ("x",),
            "training_data": (),
            "split": "",
            "figures": (),
            "intended_use": "",
            "not_for": (),
            "known_limits": (),
            "citations": (),
            "limits": LIMITS,
            **rest,
        }
    )


def label_card(code: str, **rest: Any) -> LabelCard:
    """One label whose probability is the logistic function of its logit."""
    return LabelCard(
        **{
            "code": code,
            "offered": True,
            "scale": 1.0,
            "offset": 0.0,
            "present_at": 0.7,
            "absent_below": 0.2,
            "specificity": 0.95,
            "sensitivity": 0.9,
            "auc": 0.85,
            "auc_interval": (0.8, 0.9),
            "positives": 50,
            "films": 500,
            **rest,
        }
    )


LABELS = (label_card("pleural_effusion"), label_card("lung_lesion", offered=False))


@dataclass
class FakeNetwork:
    """Gives the same outputs for every tile, unless it is to fail."""

    card: ModelCard
    outputs: dict[str, Any]
    fails: Exception | None = None

    def run(self, tiles: FloatImage) -> dict[str, FloatImage]:
        if self.fails is not None:
            raise self.fails
        return {
            name: np.repeat(np.asarray(value, dtype=np.float32)[None], len(tiles), axis=0)
            for name, value in self.outputs.items()
        }


def networks() -> dict[str, FakeNetwork]:
    """An upright frontal film of an adult, like those that were learned from, with no finding."""
    return {
        "view": FakeNetwork(
            model_card("view"),
            {
                "kind": [0.98, 0.01, 0.01],
                "turn": [0.97, 0.01, 0.01, 0.01],
                "flags": [0.5, 0.02, 0.01, 0.03],
            },
        ),
        "findings": FakeNetwork(
            model_card("findings", labels=LABELS),
            {"logits": [-3.0, 0.0], "maps": np.linspace(0, 1, 32).reshape(2, 4, 4)},
        ),
        "embedding": FakeNetwork(
            model_card("embedding"), {"embedding": [1.0, 0.0], "strangeness": 0.2}
        ),
    }


class FakeShelf(Shelf):
    """Hands out the model that knows, and networks that always say the same."""

    def __init__(self, model: FakeModel | None = None) -> None:
        super().__init__()
        self.model = model or FakeModel()
        self.networks = networks()

    def anatomy(self) -> Any:
        return self.model

    def view(self) -> ViewModel:
        return ViewModel(self.networks["view"])

    def findings(self) -> FindingsModel:
        return FindingsModel(self.networks["findings"])

    def embedding(self) -> EmbeddingModel:
        return EmbeddingModel(self.networks["embedding"])


@dataclass
class Scene:
    """A study of phantoms and the shelf that outlines them without a fault."""

    study: Study
    shelf: FakeShelf
    phantoms: dict[str, Phantom]


def scene(
    *specs: PhantomSpec | None,
    priors: Sequence[PhantomSpec] = (),
    size: int = 128,
    indication: str = "",
    drop: Sequence[str] = (),
    strange: Sequence[str] = (),
    **rest: Any,
) -> Scene:
    """Draw a study.

    Parameters
    ----------
    drop
        Structures that the model does not outline.
    strange
        Handles that the model takes for no chest film.
    """
    model, phantoms = FakeModel(), {}
    films: dict[str, Image] = {}
    wanted = [(f"img-{n}", spec) for n, spec in enumerate(specs or (None,), 1)]
    wanted += [(f"prior-{n}", spec) for n, spec in enumerate(priors, 1)]
    for handle, spec in wanted:
        phantom = draw(spec, size)
        phantoms[handle] = phantom
        films[handle] = film(phantom.pixels, handle, **rest)
        if handle not in strange:
            kept = {name: phantom.masks[name] for name in STRUCTURES if name not in drop}
            model.truth.append((phantom.pixels, kept))
    current = tuple(f for f in films.values() if not f.is_prior)
    earlier = tuple(f for f in films.values() if f.is_prior)
    return Scene(Study(current, earlier, indication), FakeShelf(model), phantoms)


@dataclass
class Bank:
    """A toolbox over a scene with its trace on the disk."""

    toolbox: Toolbox
    writer: TraceWriter
    shelf: FakeShelf

    @property
    def events(self) -> tuple[Event, ...]:
        return read_trace(self.writer.directory).events

    def artifact(self, sha256: str) -> bytes:
        return read_trace(self.writer.directory).artifact(sha256)


def bank(root: Path, registry: Registry, made: Scene | None = None) -> Bank:
    """Lay a scene on the bench; close ``writer`` afterwards."""
    made = made or scene()
    writer = TraceWriter.create(root)
    return Bank(Toolbox(registry, Bench(made.study, made.shelf), writer), writer, made.shelf)


@dataclass
class Maker:
    """Evidence with the rule's own reading; ids count up."""

    ids: count[int] = field(default_factory=lambda: count(1))
    made: list[Evidence] = field(default_factory=list)

    def __call__(
        self, observation: Observation | None = None, image: str = "img-1", **fields: Any
    ) -> Evidence:
        observation = observation or Observation(**fields)
        evidence = Evidence(
            **{name: getattr(observation, name) for name in Observation.model_fields},
            id=f"e{next(self.ids)}",
            image=image,
            reading=reading_of(observation, self.basis_of(observation)),
            provenance=Provenance(step=1, tool="test", tool_version="1", image_sha256="0" * 64),
        )
        self.made.append(evidence)
        return evidence

    def basis_of(self, observation: Observation) -> list[Evidence]:
        """What was made before under the ids that are named; stand-ins where nothing was."""
        known = {item.id: item for item in self.made}
        if not set(observation.basis) <= known.keys():
            other = Maker()
            for polarity in (Polarity.PRESENT, Polarity.ABSENT):
                other(
                    kind=EvidenceKind.FINDING,
                    code="cardiomegaly",
                    category="classified",
                    polarity=polarity,
                    probability=0.7 if polarity is Polarity.PRESENT else 0.02,
                    details={"limit_present": 0.61, "limit_absent": 0.24},
                )
            return other.made
        return [known[identity] for identity in observation.basis]
