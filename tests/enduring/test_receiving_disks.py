"""A receiver whose disk is full or read-only: whoever is told that it is stored finds it there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from cxr_agent.interop.dimse import Listening, receiving
from tests.cli.program import run_program
from tests.enduring.disks import Room, disk, must_mount, remount, used, whole
from tests.interop.archive import free_port
from tests.interop.dcmtk import store
from tests.interop.films import film
from tests.long_runs import long_or

ROOMY = Room(pages=4096, files=1000)
MOST = {"pages": long_or(12, 40), "files": 5}
"""Sizes that are tried, from none on; the last ones have to be enough."""


def received(folder: Path) -> set[str]:
    """Instances that lie there whole."""
    return {pydicom.dcmread(path).SOPInstanceUID for path in folder.rglob("*.dcm")}


@pytest.mark.long
@pytest.mark.parametrize("kind", ["pages", "files"])
def test_full_at_any_write(
    kind: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    must_mount()
    told, refused = set[str](), 0
    with (
        disk(tmp_path / "disk", ROOMY.options) as small,
        receiving(small / "got", Listening()) as (_, port),
    ):
        for size in range(MOST[kind]):
            sent = tmp_path / f"{size}.dcm"
            sent.write_bytes(film("MARTHA-77", size + 1))
            uid = str(pydicom.dcmread(sent).SOPInstanceUID)
            remount(small, (used(small) + replace(ROOMY, **{kind: size})).options)
            if store(port, sent):
                told.add(uid)
            else:
                refused += 1
            assert received(small) == told
            whole(small)
            remount(small, ROOMY.options)
            assert store(port, sent)  # again, or now
            told.add(uid)
            assert received(small) == told
    record_property(f"full_disks_by_{kind}", refused)
    assert 0 < refused < MOST[kind]


def test_read_only(tmp_path: Path) -> None:
    must_mount()
    sent = tmp_path / "sent.dcm"
    sent.write_bytes(film("MARTHA-77", 1))
    with disk(tmp_path / "disk", ROOMY.options) as small:
        with receiving(small / "got", Listening()) as (_, port):
            remount(small, "ro")
            assert not store(port, sent)
            remount(small, "rw")
            assert store(port, sent)
        remount(small, "ro")
        for folder in (small / "got", small / "other"):
            ran = run_program(
                "receive", "--out", folder, "--port", str(free_port()), traces=tmp_path
            )
            assert ran.errors == [("", "not_listening")], ran.err
            assert ran.status == 7
        assert len(received(small)) == 1
