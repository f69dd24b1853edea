"""Phantoms whose true masks lie on a bench, and every measuring tool run on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from cxr_agent.evidence import Side
from cxr_agent.knowledge import definition, structures
from cxr_agent.measure.extent import BoolMask
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import FloatImage, PixelSpacing, SpacingKind, Study
from cxr_agent.testing.phantom import Phantom, PhantomSpec, draw, random_spec
from cxr_agent.toolbox.arguments import ToolCall, bind
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.contract import Abstain, Mask, ToolSpec
from cxr_agent.toolbox.measurement import Measured, Measurement
from cxr_agent.toolbox.registry import built_in
from tests.builders import film

SPACING = PixelSpacing(0.3, 0.3, SpacingKind.CALIBRATED)
TOOLS: dict[str, ToolSpec] = {one.name: one for one in built_in() if one.result is Measured}
"""Every tool that measures."""

Key = tuple[str, Side | None]


def upright(seed: int, **changed: Any) -> PhantomSpec:
    """A chest drawn at random that is not tilted."""
    return replace(random_spec(np.random.default_rng(seed)), tilt_deg=0.0, **changed)


@lru_cache(maxsize=4)
def drawn(spec: PhantomSpec, size: int) -> Phantom:
    """As :func:`draw`; nothing of it may be altered."""
    return draw(spec, size)


def run(tool: str, pixels: FloatImage, masks: Mapping[str, BoolMask], **of_film: Any) -> Measured:
    """Run a tool by its contract, as the toolbox does.

    Raises
    ------
    Abstain
        When it does.
    """
    taken = film(pixels, **{"spacing": SPACING, **of_film})
    bench = Bench(Study((taken,)), Shelf())
    bench.put_masks("img-1", {name: Mask(name, plane) for name, plane in masks.items()})
    spec = TOOLS[tool]
    result = spec.function(**bind(spec, ToolCall(tool, {"film": "img-1"}), bench).keywords)
    assert isinstance(result, Measured)
    return result


@dataclass(frozen=True)
class Seen:
    """Pixels and outlines of one film."""

    pixels: FloatImage
    masks: Mapping[str, BoolMask]

    @classmethod
    def of(cls, phantom: Phantom) -> Seen:
        return cls(phantom.pixels, {n: m for n, m in phantom.masks.items() if m.any()})

    def enlarged(self, factor: int) -> Seen:
        def grown(plane: Any) -> Any:
            return plane.repeat(factor, axis=0).repeat(factor, axis=1)

        return Seen(grown(self.pixels), {name: grown(mask) for name, mask in self.masks.items()})

    def mirrored(self) -> Seen:
        """With the patient's sides exchanged."""
        about = structures()
        return Seen(
            np.ascontiguousarray(self.pixels[:, ::-1]),
            {about[name].mirrored or name: mask[:, ::-1] for name, mask in self.masks.items()},
        )

    def one(self, name: str, **of_film: Any) -> Measurement:
        """One measurement that has no side of its own.

        Raises
        ------
        Abstain
            When its tool does.
        """
        found = run(definition(name).tool, self.pixels, self.masks, **of_film)
        (item,) = (item for item in found.items if item.id == name)
        return item

    def all(self, **of_film: Any) -> dict[Key, Measurement]:
        """Whatever can be measured, by id, and by side where a tool looks at both."""
        found: dict[Key, Measurement] = {}
        for tool in TOOLS:
            try:
                items = run(tool, self.pixels, self.masks, **of_film).items
            except Abstain:
                continue
            ids = [item.id for item in items]
            found |= {
                (item.id, item.side if ids.count(item.id) > 1 else None): item for item in items
            }
        return found
