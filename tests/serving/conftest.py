"""Films that are offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_agent.testing.phantom import draw
from tests.cli.program import levels, save
from tests.imaging.films import dicom

from .clients import Served


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom as DICOM with a name in its header and as PNG, and ways out of the folder."""
    root = tmp_path_factory.mktemp("offered")
    folder = root / "films"
    folder.mkdir()
    pixels = draw(size=256).pixels
    made = dicom(levels(pixels, 12), PatientName="SECRET^NAME", PatientID="ID-4711")
    (folder / "chest.dcm").write_bytes(made)
    save(folder / "chest.png", levels(pixels, 8))
    save(root / "hidden.png", levels(pixels, 8))
    (folder / "link.png").symlink_to(root / "hidden.png")
    (folder / "letter.txt").write_text("Dear colleague SECRET NAME")
    return folder


@pytest.fixture
def served(films: Path, tmp_path: Path) -> Served:
    return Served(films, tmp_path / "traces", tmp_path / "errors.txt")
