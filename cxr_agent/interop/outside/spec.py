"""A tool from outside as a tool of ours: what it is shown, and how it is asked."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from cxr_agent.imaging.burned_in import picture_to_send
from cxr_agent.knowledge import vocabulary
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import Abstain, Mask, Parameter, ParameterKind, ToolSpec

from .answers import Given, Outside, outside
from .mapping import ToolMapping

Ask = Callable[[dict[str, Any]], Given]
"""Asks the tool with arguments, and gives its answer; raises ToolError."""
_CHEST: Final = ("right_lung", "left_lung", "heart")
_GRACE_S: Final = 5.0
"""That the toolbox waits beyond a tool's own limit, for the limit to be told by who asks."""


def outside_spec(mapping: ToolMapping, ask: Ask) -> ToolSpec:
    """The contract of a tool from outside.

    It abstains with ``mask_missing`` as long as no lung is outlined: what is not known to be chest
    does not leave.
    """

    def function(
        film: Image,
        right_lung: Mask | None = None,
        left_lung: Mask | None = None,
        heart: Mask | None = None,
    ) -> Outside:
        outlined = (one for one in (right_lung, left_lung, heart) if one is not None)
        planes = {one.structure: one.plane for one in outlined if one.plane.any()}
        if not {"right_lung", "left_lung"} & planes.keys():
            raise Abstain(mapping.subject, "mask_missing")
        with _shown(mapping, picture_to_send(film.pixels, planes)) as shown:
            given = ask({**mapping.arguments, mapping.film: shown})
        return outside(mapping, given)

    optional = ParameterKind.OPTIONAL_MASK
    return ToolSpec(
        name=mapping.name,
        version=mapping.version,
        purpose=mapping.purpose or _purpose(mapping),
        subject=mapping.subject,
        function=function,
        parameters=(
            Parameter("film", ParameterKind.FILM),
            *(Parameter(name, optional, default=None) for name in _CHEST),
        ),
        result=Outside,
        time_limit_s=mapping.time_limit_s + _GRACE_S,
        deterministic=False,
        outside=True,
    )


def _purpose(mapping: ToolMapping) -> str:
    name = vocabulary()[mapping.subject].name
    return f"A tool from outside, not calibrated here, on: {name}; needs lung masks."


@contextmanager
def _shown(mapping: ToolMapping, png: bytes) -> Iterator[str]:
    """The film as the argument that the tool takes."""
    if mapping.film_as == "path":
        with tempfile.TemporaryDirectory(prefix="cxr-agent-") as folder:
            path = Path(folder) / "film.png"
            path.write_bytes(png)
            yield str(path)
        return
    text = base64.b64encode(png).decode("ascii")
    yield f"data:image/png;base64,{text}" if mapping.film_as == "data_url" else text
