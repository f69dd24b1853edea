"""What goes into a tool, told by content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from cxr_agent.study import Image
from cxr_agent.toolbox.contract import BoolMask, Mask

Json = dict[str, Any] | list[Any] | str | float | bool | None


def digest_of(content: Json) -> str:
    """SHA-256 over the canonical JSON of ``content``."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def film_content(film: Image) -> dict[str, Any]:
    """A film without its place in the study: another study may have it as a prior."""
    spacing = film.spacing
    return {
        "pixels": film.sha256,
        "shape": list(film.shape),
        "view": film.view.value,
        "view_source": film.view_source,
        "age_group": film.age_group.value,
        "spacing": spacing and [spacing.row_mm, spacing.column_mm, spacing.kind.value],
        "notices": [notice.value for notice in film.notices],
    }


def film_place(film: Image) -> dict[str, Any]:
    """A film's place in its study."""
    return {"handle": film.handle, "days_before": film.days_before}


def packed(plane: BoolMask) -> bytes:
    """Eight pixels a byte, in rows order, without padding but at the end."""
    return np.packbits(plane).tobytes()


@dataclass(frozen=True, slots=True)
class MaskDigests:
    """SHA-256 of masks, computed once for each; safe to share between threads."""

    _known: WeakKeyDictionary[Mask, str] = field(default_factory=WeakKeyDictionary)

    def of(self, mask: Mask) -> str:
        """Over structure, model, pixels and repeats.

        Raises
        ------
        ValueError
            When the repeats, which no contract checks, are no planes.
        """
        known = self._known.get(mask)
        if known is None:
            known = self._known[mask] = _digest(mask)
        return known

    def of_all(self, masks: Mapping[str, Mask]) -> dict[str, str]:
        """By structure."""
        return {name: self.of(mask) for name, mask in masks.items()}

    def know(self, mask: Mask, digest: str) -> None:
        """Take over the digest of a mask that was kept with it."""
        self._known[mask] = digest


def _digest(mask: Mask) -> str:
    repeats: object = mask.repeats
    if isinstance(repeats, np.ndarray):
        if repeats.dtype != np.bool_ or repeats.ndim != 3:
            raise ValueError("repeats of another kind")
    elif repeats is not None:
        raise ValueError("repeats that are none")
    about = {
        "structure": mask.structure,
        "model": mask.model,
        "shape": list(mask.plane.shape),
        "repeats": None if repeats is None else list(repeats.shape),
    }
    digest = hashlib.sha256(digest_of(about).encode())
    digest.update(packed(mask.plane))
    if repeats is not None:
        digest.update(packed(repeats))
    return digest.hexdigest()
