"""The programs of dcmtk, and not those of the same names that pynetdicom installs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def program(name: str) -> str:
    """Where a program of dcmtk is; the test is skipped without it."""
    own = Path(sys.executable).parent
    folders = [one for one in os.get_exec_path() if Path(one) != own]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        pytest.skip("dcmtk is not installed: apt-get install dcmtk")
    return found


def said(name: str, *arguments: object) -> str:
    """What a program says; its status may be 0 whatever it was answered."""
    command = [program(name), "-v", *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    return ran.stdout + ran.stderr


def store(port: int, path: Path, *, called: str = "CXR-AGENT", calling: str = "CT1") -> bool:
    """Whether storescu was told that it is stored."""
    told = said("storescu", "-aec", called, "-aet", calling, "127.0.0.1", port, path)
    return "Received Store Response (Success)" in told
