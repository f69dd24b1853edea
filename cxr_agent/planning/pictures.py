"""Films as pictures for a language model: without burned-in text and without what is no chest."""

from __future__ import annotations

from cxr_agent.imaging.burned_in import picture_to_send
from cxr_agent.planning.llm import Pictures
from cxr_agent.toolbox.bench import Bench

_CHEST = ("right_lung", "left_lung", "heart")


def pictures_of(bench: Bench) -> Pictures:
    """Gives the films of a bench as they may leave; None for one whose lungs are not outlined.

    What is kept is made once per film: each exchange sends it again.
    """
    made: dict[str, bytes] = {}

    def picture(handle: str) -> bytes | None:
        if handle not in made:
            found = {name: bench.mask(handle, name) for name in _CHEST}
            planes = {n: m.plane for n, m in found.items() if m is not None and m.plane.any()}
            if not {"right_lung", "left_lung"} & planes.keys():
                return None
            made[handle] = picture_to_send(bench.study.image(handle).pixels, planes)
        return made[handle]

    return picture
