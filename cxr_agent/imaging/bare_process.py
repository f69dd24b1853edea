"""A Python process of ours that gets nothing of this one but what it is told."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

_IMPORT_ROOT: Final = Path(__file__).resolve().parents[2]


def bare_command(module: str) -> list[str]:
    """What starts ``module``; no folder of the user's is looked into for imports."""
    return [sys.executable, "-P", "-s", "-m", module]


def bare_environment() -> dict[str, str]:
    """Nothing is inherited: the environment may hold keys, and a worker needs none."""
    return {
        "PYTHONPATH": os.fspath(_IMPORT_ROOT),
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "ORT_DISABLE_TELEMETRY": "1",  # see the package's own module
    }
