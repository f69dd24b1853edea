"""Adapters for pretrained models: one module per family, films in, results in film pixels out.

Every adapter takes films as (rows, columns) float32 in [0, 1], bone white, at their own size, and
gives results in the film's own pixel coordinates. Nothing heavy is imported until one is loaded.
"""

from __future__ import annotations

import importlib
from typing import Any

from cxr_agent.errors import UsageError
from cxr_agent.models.adapters.families import FAMILIES, Family
from cxr_agent.models.adapters.sources import Source

__all__ = ["FAMILIES", "Family", "load_adapter"]


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
        A local file or folder, which is never looked up on a network, or a name on the hub.
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
        ``bad_checkpoint``, ``device_unavailable``.
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
