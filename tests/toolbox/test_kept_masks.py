"""Whether a mask that a run kept is one that is drawn now."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.toolbox.artifacts import mask_plane, mask_png, shows_mask
from cxr_agent.trace import Trace, TraceWriter, read_trace
from cxr_agent.trace.line import digest

Kept = Callable[[bytes], tuple[Trace, str]]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """A run with one artifact, and the name of that."""

    def made(content: bytes) -> tuple[Trace, str]:
        with TraceWriter.create(tmp_path) as writer:
            sha256 = writer.put(content)
        return read_trace(writer.directory), sha256

    return made


@pytest.fixture
def plane() -> np.ndarray:
    found = np.zeros((40, 61), dtype=np.bool_)
    found[10:30, 7:52] = True
    return found


def _by_pillow(plane: np.ndarray) -> bytes:
    """As earlier versions wrote it."""
    buffer = io.BytesIO()
    Image.fromarray(plane).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def test_the_file_of_this_version(kept: Kept, plane: np.ndarray) -> None:
    assert shows_mask(*kept(mask_png(plane)), plane)


def test_another_file_of_the_same_mask(kept: Kept, plane: np.ndarray) -> None:
    assert _by_pillow(plane) != mask_png(plane)
    assert shows_mask(*kept(_by_pillow(plane)), plane)


def test_another_mask(kept: Kept, plane: np.ndarray) -> None:
    other = plane.copy()
    other[0, 0] = True
    assert not shows_mask(*kept(_by_pillow(other)), plane)
    assert not shows_mask(*kept(_by_pillow(plane[:-1])), plane)


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_no_picture_at_all(kept: Kept, plane: np.ndarray, content: bytes) -> None:
    assert not shows_mask(*kept(content), plane)


def test_a_mask_that_was_not_kept(kept: Kept, plane: np.ndarray) -> None:
    trace, _ = kept(b"")
    assert not shows_mask(trace, None, plane)
    assert not shows_mask(trace, digest(b"gone"), plane)


def test_a_mask_reads_back(plane: np.ndarray) -> None:
    assert np.array_equal(mask_plane(mask_png(plane)), plane)
