"""What goes into a tool, told by content."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
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


def squeezed(mask: Mask) -> list[bytes]:
    """The pixels of a mask and, where it has any, those of its repeats, compressed by zlib.

    Before, they are packed: eight pixels a byte, in rows order, without padding but at the end.

    Raises
    ------
    ValueError
        When the repeats, which no contract checks, are no planes.
    """
    repeats: object = mask.repeats
    if repeats is None:
        return [_squeezed(mask.plane)]
    if not isinstance(repeats, np.ndarray):
        raise ValueError("repeats that are none")
    if repeats.dtype != np.bool_ or repeats.ndim != 3:
        raise ValueError("repeats of another kind")
    return [_squeezed(mask.plane), _squeezed(repeats)]


def _squeezed(plane: BoolMask) -> bytes:
    # Masks are runs of equal bytes: looking for longer matches takes half as long again.
    squeeze = zlib.compressobj(level=1, strategy=zlib.Z_RLE)
    return squeeze.compress(np.packbits(plane).data) + squeeze.flush()


@dataclass(frozen=True, slots=True)
class MaskDigests:
    """SHA-256 of masks, computed once for each; safe to share between threads."""

    _known: WeakKeyDictionary[Mask, str] = field(default_factory=WeakKeyDictionary)

    def of(self, mask: Mask, planes: Sequence[bytes] | None = None) -> str:
        """Over structure, model, pixels and repeats; raises as :func:`squeezed`.

        Parameters
        ----------
        planes
            What :func:`squeezed` gives, where that is at hand. To hash it takes a fortieth of the
            time that the pixels take; another zlib makes the same call another one, and no more.
        """
        known = self._known.get(mask)
        if known is None:
            known = self._known[mask] = _digest(mask, squeezed(mask) if planes is None else planes)
        return known

    def of_all(self, masks: Mapping[str, Mask]) -> dict[str, str]:
        """By structure."""
        return {name: self.of(mask) for name, mask in masks.items()}

    def know(self, mask: Mask, digest: str) -> None:
        """Take over the digest of a mask that was kept with it."""
        self._known[mask] = digest


def _digest(mask: Mask, planes: Sequence[bytes]) -> str:
    about = {
        "structure": mask.structure,
        "model": mask.model,
        "shape": list(mask.plane.shape),
        "repeats": None if mask.repeats is None else list(mask.repeats.shape),
    }
    digest = hashlib.sha256(digest_of(about).encode())
    for plane in planes:
        digest.update(plane)
    return digest.hexdigest()
