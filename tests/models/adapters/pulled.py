"""Tiny models in the place and with the manifest that a pull leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cxr_agent.models import catalogue, manifest
from tests.models.adapters import tiny


def install_cxas() -> Path:
    """The tiny CXAS where ``cxr-agent models pull cxas`` puts the published one; its folder."""
    return _install("cxas", tiny.cxas)


def install_chexagent() -> Path:
    """As :func:`install_cxas`."""
    return _install(_of_family("chexagent"), tiny.chexagent)


def install_sam(model: str = "sam-vit-base") -> Path:
    """As :func:`install_cxas`, for SAM or MedSAM."""
    return _install(model, tiny.sam)


def install_xrv() -> Path:
    """As :func:`install_cxas`, for torchxrayvision's classifier."""
    return _install(_of_family("xrv"), tiny.xrv)


def _of_family(family: str) -> str:
    return next(one.id for one in catalogue.upgrades().values() if one.family == family)


def _install(model: str, made: Callable[[Path], None]) -> Path:
    upgrade = catalogue.find(model)
    folder = catalogue.folder_of(model)
    folder.mkdir(parents=True)
    made(folder)
    names = tuple(sorted(path.name for path in folder.iterdir()))
    manifest.write(
        folder,
        manifest.Manifest(
            id=model,
            source=upgrade.source,
            revision="",
            pulled_from="folder",
            pulled_at="2025-01-01T00:00:00Z",
            files=manifest.describe(folder, names, {}),
        ),
    )
    return folder
