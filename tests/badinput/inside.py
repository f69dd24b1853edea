"""The program run inside this process, through its own entry."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from cxr_agent.cli.main import run
from tests.cli.program import CODE, environment

from .case import Argument


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one run."""

    status: int
    out: str
    err: str
    seconds: float

    @property
    def codes(self) -> list[str]:
        found = (CODE.match(line) for line in self.err.splitlines())
        return [match["code"] for match in found if match]


def run_inside(arguments: Sequence[Argument], folder: Path, **more: str) -> Told:
    """Run ``cxr-agent`` with ``arguments``; its working folder is ``folder``."""
    settings: Mapping[str, str] = environment(folder / "traces", **_home(folder), **more)
    out, err = _Stream(), _Stream()
    words = ["cxr-agent", *map(os.fspath, arguments)]
    here, started, status = Path.cwd(), time.monotonic(), 0
    with (
        patch.dict(os.environ, settings, clear=True),
        patch.object(sys, "argv", words),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        os.chdir(folder)
        try:
            run()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 70
        finally:
            os.chdir(here)
    return Told(status, out.text, err.text, time.monotonic() - started)


def _home(folder: Path) -> dict[str, str]:
    """Places of the user's own that nobody has filled."""
    return {"XDG_DATA_HOME": str(folder / "data"), "XDG_STATE_HOME": str(folder / "state")}


class _Stream(io.TextIOWrapper):
    """Standard output as the program knows it."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace")

    @property
    def text(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode("utf-8", "replace")
