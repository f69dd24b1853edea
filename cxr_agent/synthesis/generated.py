"""Films that a text-to-image model draws, and views that it fills in: marked, and of nobody.

A drawn view may show what a report says. It is never evidence, neither beside a patient's films nor
as a prior of them (:mod:`cxr_agent.imaging.synthetic`).

References
----------
RoentGen (Bluethgen et al., Nature Biomedical Engineering 2024) draws from text; ViewXGen (Lee et
al., 2023) fills in the missing view of a study, which a model of text can only do by its words.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import numpy as np

from cxr_agent.errors import UsageError
from cxr_agent.models.adapters.roentgen import SyntheticFilm
from cxr_agent.prose.structure import structure
from cxr_agent.synthesis.writing import png_bytes

MARK: Final = "SYNTHETIC: drawn by a text-to-image model; not a patient's film"
_MOST_WORDS: Final = 60
"""Of a report: CLIP's text encoders read 77 tokens."""


class DrawnView(StrEnum):
    """The view that is drawn."""

    PA = "PA"
    AP = "AP"
    LATERAL = "LATERAL"


_NAMES: Final = {
    DrawnView.PA: "Posteroanterior chest radiograph.",
    DrawnView.AP: "Anteroposterior portable chest radiograph.",
    DrawnView.LATERAL: "Lateral chest radiograph.",
}


class Generator(Protocol):
    """A model that draws films, as :class:`cxr_agent.models.adapters.roentgen.RoentGen`."""

    def draw(self, prompt: str, *, seed: int = 0, steps: int = 75) -> SyntheticFilm:
        """One film."""


@dataclass(frozen=True, slots=True)
class DrawnFilm:
    """A film of nobody, and what it was made from."""

    film: SyntheticFilm
    view: DrawnView | None

    def png(self) -> bytes:
        """The film as a file; the mark in it makes every reader here treat it as synthetic."""
        return png_bytes(np.clip(self.film.pixels, 0, 1), MARK, "synthesise")

    def record(self) -> bytes:
        """How it was made, as JSON."""
        told = {
            "synthetic": True,
            "mark": MARK,
            "model": self.film.model,
            "prompt": self.film.prompt,
            "seed": self.film.seed,
            "view": self.view,
        }
        return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


def drawn(
    generator: Generator,
    said: str,
    view: DrawnView | None = None,
    *,
    seed: int = 0,
    steps: int = 75,
) -> DrawnFilm:
    """Draw a film of what is said, in a view where one is named.

    Raises
    ------
    UsageError
        ``bad_prompt`` for an empty text or no step.
    """
    prompt = f"{_NAMES[view]} {said}".strip() if view is not None and said.strip() else said
    return DrawnFilm(generator.draw(prompt, seed=seed, steps=steps), view)


def said_in(report: str) -> str:
    """What of a free-text report is drawn: its impression, else its findings, cut to 60 words.

    History, technique and comparisons say nothing of what this film shows.

    Raises
    ------
    UsageError
        ``nothing_said`` for a report that says nothing of a film; ``report_too_long``.
    """
    read = structure(report)
    sentences = read.of("impression") or read.of("findings")
    words = re.findall(r"\S+", " ".join(one.text for one in sentences if not one.recommends))
    if not words:
        raise UsageError(
            "nothing_said",
            "the report has neither findings nor an impression",
            hint="Give a report, or say what is to be drawn.",
        )
    return " ".join(words[:_MOST_WORDS])
