"""What holding a film against a prior one costs, against outlining one film.

Two phantoms of a detector's size, outlined by the embedded model: laying one over the other,
holding their greys against each other, and all that the tool does once both are outlined.
"""

from __future__ import annotations

import hashlib
import statistics
from dataclasses import replace

from benchmarks.runtimes import in_turns, ratio
from cxr_agent.compare.density import difference
from cxr_agent.compare.registration import register
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import Image, View
from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.toolbox.comparing import Seen, compare
from cxr_agent.toolbox.contract import Mask

_SIDE = 2048


def rows() -> list[tuple[str, str]]:
    """What the table shows."""
    shelf = Shelf()
    anatomy = shelf.anatomy()
    spec = PhantomSpec()
    changed = replace(spec, cardiothoracic_ratio=0.56, tilt_deg=3, exposure=1.2)
    current, prior = _seen(spec, shelf, "img-1"), _seen(changed, shelf, "prior-1")
    fixed, moving = current.planes, prior.planes
    laid = register(fixed, moving)
    greys = current.film.pixels, prior.film.pixels
    outline, registration, density, whole = in_turns(
        lambda: anatomy.segment(greys[0], repeat=True),
        lambda: register(fixed, moving),
        lambda: difference(*greys, fixed, moving, laid.to_moving),
        lambda: compare(current, prior, shelf),
    )

    def cost(seconds: list[float]) -> str:
        return f"{1000 * statistics.median(seconds):.0f} ms, {ratio(seconds, outline)}"

    return [
        ("outlining one 2048 px film with its repeats", cost(outline)),
        ("laying a prior over it, against outlining it", cost(registration)),
        ("holding their greys against each other", cost(density)),
        ("the whole comparison, with findings of both and the picture", cost(whole)),
    ]


def _seen(spec: PhantomSpec, shelf: Shelf, handle: str) -> Seen:
    pixels = draw(spec, _SIDE).pixels
    anatomy = shelf.anatomy()
    masks = {
        name: Mask(name, one.plane, one.repeats, anatomy.card.id)
        for name, one in anatomy.segment(pixels, repeat=True).outlines.items()
    }
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    return Seen(Image(handle, pixels, digest, View.PA, "header"), masks)


if __name__ == "__main__":
    for what, measured in rows():
        print(f"{what}: {measured}")
