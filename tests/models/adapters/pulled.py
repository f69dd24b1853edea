"""Tiny models in the place and with the manifest that a pull leaves."""

from __future__ import annotations

from pathlib import Path

from cxr_agent.models import catalogue, manifest
from tests.models.adapters import tiny


def install_cxas() -> Path:
    """The tiny CXAS where ``cxr-agent models pull cxas`` puts the published one; its folder."""
    upgrade = catalogue.find("cxas")
    folder = catalogue.folder_of("cxas")
    folder.mkdir(parents=True)
    tiny.cxas(folder)
    manifest.write(
        folder,
        manifest.Manifest(
            id="cxas",
            source=upgrade.source,
            revision="",
            pulled_from="folder",
            pulled_at="2025-01-01T00:00:00Z",
            files=manifest.describe(folder, upgrade.files, {}),
        ),
    )
    return folder
