"""Small disks, and whether what lies on one is whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from PIL import Image

from cxr_agent.trace import read_trace, verify

PAGE_KIB = 4


@dataclass(frozen=True)
class Room:
    """What a disk can hold."""

    pages: int
    files: int
    """And folders; the root of a tmpfs is one of them."""

    @property
    def options(self) -> str:
        """As mount takes it; 0 would be without a bound."""
        return f"size={PAGE_KIB * max(1, self.pages)}k,nr_inodes={max(1, self.files)}"

    def __add__(self, other: Room) -> Room:
        return Room(self.pages + other.pages, self.files + other.files)


def used(folder: Path) -> Room:
    """What a mounted disk holds."""
    found = os.statvfs(folder)
    blocks = (found.f_blocks - found.f_bfree) * found.f_frsize
    return Room(-(-blocks // (PAGE_KIB << 10)), found.f_files - found.f_ffree)


def must_mount() -> None:
    """Skip where no file system can be mounted."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small file system can be mounted by root alone")


@contextmanager
def disk(folder: Path, *options: str) -> Iterator[Path]:
    """A file system of its own at ``folder``, with these mount options of tmpfs."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options) or "size=64m", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine mounts nothing")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def remount(folder: Path, *options: str) -> None:
    """Give a mounted disk other options."""
    what = ",".join(("remount", *options))
    subprocess.run(["mount", "-o", what, str(folder)], check=True)


def whole(folder: Path) -> None:
    """Nothing under its final name is a part of a file, and nothing temporary is left."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        assert not path.name.startswith(".cxr-agent-"), f"{path} was left"
        _whole_file(path)


def _whole_file(path: Path) -> None:
    data = path.read_bytes()
    if path.parent.name == "artifacts":
        assert hashlib.sha256(data).hexdigest() == path.name, path
        return
    match path.suffix:
        case ".json":
            json.loads(data)
        case ".html":
            assert data.rstrip().endswith(b"</html>"), path
        case ".csv":
            assert data.endswith(b"\n"), path
        case ".png":
            with Image.open(path) as picture:
                picture.load()
        case ".dcm":
            found = pydicom.dcmread(path)
            found.decode()
            assert found.SOPInstanceUID
        case ".zip":
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
        case ".sqlite":
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
                assert base.execute("PRAGMA quick_check").fetchall() == [("ok",)], path
        case ".jsonl" if path.name == "trace.jsonl":
            if b"\n" in data:  # else there is no line that was acknowledged
                found = verify(read_trace(path.parent))
                assert found.intact, found.problems
