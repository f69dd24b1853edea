"""Pulled models during a reading: loaded when one is first asked, and kept as memory allows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cxr_agent.models import adapters, catalogue
from cxr_agent.models.runtime.runtime import Runtime


@contextmanager
def held(model: str, runtime: Runtime, run_mib: int) -> Iterator[Any]:
    """A pulled model, for as long as it is needed.

    Parameters
    ----------
    model
        Of ``kb/models.toml``.
    runtime
        Its device runs the model, and its memory budget keeps it loaded between films.
    run_mib
        What one run takes beside the weights.

    Raises
    ------
    ModelError
        ``not_pulled``, ``library_missing``, and what else loading a pulled model raises.
    """
    found = catalogue.installed(model)
    weights = sum(file.size for file in found.files) // 2**20 if found else 0

    def load() -> Any:
        return adapters.load_pulled(model, device=str(runtime.device))

    with runtime.memory.held(model, load, 1 + weights + run_mib) as loaded:
        yield loaded
