"""``--device``, and what the runtime has to say, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cxr_agent.models.runtime.runtime import Runtime

Device = Annotated[
    str, typer.Option(help="What runs the models: auto (a GPU if one works), cpu, cuda or cuda:N.")
]


@contextmanager
def notices_told(device: str, runtime: Runtime) -> Iterator[None]:
    """Say once that a GPU lies idle, and afterwards what the runtime did otherwise than asked."""
    from cxr_agent.models.runtime.device import unused_gpu

    _tell(unused_gpu(device))
    try:
        yield
    finally:
        for notice in runtime.notices:
            _tell(notice.text)


def _tell(line: str | None) -> None:
    if line is not None:
        print(f"cxr-agent: note: {line}", file=sys.stderr)
