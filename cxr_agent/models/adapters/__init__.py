"""Adapters for pretrained models: one module per family, films in, results in film pixels out.

Every adapter takes films as (rows, columns) float32 in [0, 1], bone white, at their own size, and
gives results in the film's own pixel coordinates. Nothing heavy is imported until one is loaded.
"""

from __future__ import annotations

import importlib
from typing import Any

from cxr_agent.errors import UsageError
from cxr_agent.models import catalogue
from cxr_agent.models.adapters.families import FAMILIES, OF_MODEL, Family
from cxr_agent.models.adapters.sources import Source

__all__ = ["FAMILIES", "Family", "load_adapter", "load_pulled"]


def load_adapter(
    family: str,
    source: Source,
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
    **options: Any,
) -> Any:
    """Load one pretrained model.

    Parameters
    ----------
    family
        A name in :data:`FAMILIES`; the adapter's class and options are those of its module.
    source
        A local file or folder, which is never looked up on a network; a model of
        ``cxr-agent models list`` that was pulled; or a name on the hub.
    device
        ``cpu``, ``cuda``, ``cuda:N``, or ``auto`` for a GPU where there is one.
    dtype
        ``float32``, ``float16`` or ``bfloat16``; None chooses.
    revision
        Branch, tag or commit of a hub name.
    options
        Of the family.

    Raises
    ------
    UsageError
        ``unknown_family``, ``bad_source``, ``bad_device``, ``bad_dtype``.
    ModelError
        ``library_missing``, ``weights_missing``, ``weights_unavailable``, ``weights_damaged``,
        ``not_pulled``, ``bad_checkpoint``, ``device_unavailable``.
    """
    try:
        entry = FAMILIES[family]
    except KeyError:
        raise UsageError(
            "unknown_family",
            f"there is no family {family}",
            hint=f"One of: {', '.join(sorted(FAMILIES))}.",
        ) from None
    module = importlib.import_module(f"{__name__}.{entry.module}")
    return getattr(module, entry.loader)(
        source, device=device, dtype=dtype, revision=revision, **options
    )


def load_pulled(model: str, **options: Any) -> Any:
    """Load a model that ``cxr-agent models pull`` installed; no network is used.

    Parameters
    ----------
    model
        A name of ``cxr-agent models list``.
    options
        As for :func:`load_adapter`. Where a model brings Python code of its own, pulling it was no
        leave to run it: that is asked for here, by ``trust_remote_code=True``.

    Raises
    ------
    ModelError
        ``unknown_model``, ``not_pulled``, and those of :func:`load_adapter`.
    """
    return load_adapter(OF_MODEL[catalogue.find(model).id], catalogue.resolve(model), **options)
