"""Running the real program, and the films that it is given."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_agent.testing.phantom import Phantom, draw
from tests.imaging.films import dicom

ROOT = Path(__file__).resolve().parents[2]
MODULE = ("-m", "cxr_agent.cli.main")
CODE = re.compile(r"^cxr-agent: (?:(?P<film>.*): )?\[(?P<code>[a-z_]+)\] \S")

Pixels = NDArray[Any]


@dataclass(frozen=True)
class Ran:
    """What came of one run of the program."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def errors(self) -> list[tuple[str, str]]:
        """(film, code) of every error line."""
        found = (CODE.match(line) for line in self.err.splitlines())
        return [(match["film"] or "", match["code"]) for match in found if match]


def environment(traces: Path, **more: str) -> dict[str, str]:
    """Ours, without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CXR_AGENT")}
    return {**kept, "CXR_AGENT_TRACES": str(traces), "COLUMNS": "100", **more}


def run_program(
    *arguments: str | os.PathLike[str],
    traces: Path,
    start: Sequence[str] | None = None,
    heavy: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 120,
    typed: str = "",
    begun: Callable[[int], object] | None = None,
) -> Ran:
    """Run ``cxr-agent`` with ``arguments`` in a process of its own.

    Parameters
    ----------
    start
        What the interpreter is given before the arguments, as ``MODULE``; None for a process that
        is forked from one that has imported the program (:mod:`tests.cli.warm`).
    heavy
        Large libraries that this one has imported as well.
    begun
        Told the number of the forked process at once; status is -9 where that kills it.
    """
    told = [os.fspath(one) for one in arguments]
    settings = environment(traces, **(env or {}))
    if start is None and any(name.startswith("PYTHON") for name in env or ()):
        start = MODULE  # such settings are for an interpreter that starts
    if start is None:
        return _warm(*heavy).run(told, settings, cwd, timeout, typed, begun)
    assert begun is None
    done = subprocess.run(
        [sys.executable, *start, *told],
        capture_output=True,
        input=typed.encode(),
        env=settings,
        cwd=cwd,
        timeout=timeout,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


class _Warm:
    """The process that forks programs; it ends when this one does."""

    def __init__(self, *heavy: str) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.cli.warm", str(theirs.fileno()), *heavy],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
            )
        atexit.register(self._close)

    def run(
        self,
        arguments: list[str],
        settings: dict[str, str],
        cwd: Path | None,
        timeout: float,
        typed: str,
        begun: Callable[[int], object] | None,
    ) -> Ran:
        asked = {
            "arguments": arguments,
            "environment": settings,
            "folder": os.fspath(cwd or Path.cwd()),
        }
        entry, out, err = os.pipe(), os.pipe(), os.pipe()
        answers, theirs = socket.socketpair()
        given = [entry[0], out[1], err[1], theirs.detach()]
        try:
            socket.send_fds(self._ours, [json.dumps(asked).encode()], given)
        finally:
            for one in given:
                os.close(one)
        with answers, answers.makefile() as lines, ThreadPoolExecutor(3) as pool:
            printed = [pool.submit(_all_of, end) for end in (out[0], err[0])]
            pool.submit(_write, entry[1], typed.encode())
            number = int(lines.readline())
            if begun is not None:
                begun(number)
            answers.settimeout(timeout)
            try:
                status = int(lines.readline())
            except TimeoutError:
                os.kill(number, signal.SIGKILL)
                raise subprocess.TimeoutExpired(arguments, timeout) from None
            return Ran(status, *(one.result().decode() for one in printed))

    def _close(self) -> None:
        self._ours.close()
        self._process.wait(30)


_warm = cache(_Warm)


def _all_of(end: int) -> bytes:
    with os.fdopen(end, "rb") as file:
        return file.read()


def _write(end: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(end, "wb") as file:
        file.write(data)


@dataclass(frozen=True)
class Films:
    """One phantom as files of every kind, and files that are refused."""

    phantom: Phantom
    folder: Path

    def __getitem__(self, name: str) -> Path:
        return self.folder / name


GOOD = ("chest.dcm", "grey8.png", "grey16.png", "photo.jpg")


def write_films(folder: Path) -> Films:
    """Write the films."""
    phantom = draw()
    grey = levels(phantom.pixels, 8)
    twelve = levels(phantom.pixels, 12)
    spacing = {"ImagerPixelSpacing": [0.7, 0.7], "PixelSpacing": [0.6, 0.6]}
    chest = dicom(twelve, PatientName="SECRET^NAME", PatientAge="058Y", **spacing)
    (folder / "chest.dcm").write_bytes(chest)
    save(folder / "grey8.png", grey)
    save(folder / "grey16.png", levels(phantom.pixels, 16))
    Image.fromarray(grey).save(folder / "photo.jpg", quality=95)
    save(folder / "wide.png", widened(grey))
    (folder / "other").mkdir()
    (folder / "other" / "grey8.jpg").write_bytes((folder / "photo.jpg").read_bytes())

    (folder / "letter.txt").write_text("Dear colleague, the film is in the post.\n" * 20)
    (folder / "cut.dcm").write_bytes(chest[: len(chest) // 2])
    (folder / "lateral.dcm").write_bytes(dicom(twelve, ViewPosition="LL"))
    ct = "1.2.840.10008.5.1.4.1.1.2"
    (folder / "ct.dcm").write_bytes(dicom(twelve, SOPClassUID=ct, Modality="CT"))
    save(folder / "hand.png", hand())
    save(folder / "turned.png", np.rot90(grey))
    return Films(phantom, folder)


def levels(pixels: Pixels, bits: int) -> Pixels:
    """``pixels`` in [0, 1] as integers of ``bits`` bits."""
    kind = np.uint8 if bits == 8 else np.uint16
    return np.rint(pixels * (2**bits - 1)).astype(kind)


def widened(pixels: Pixels, sides: tuple[int, int] = (60, 90)) -> Pixels:
    """The film with black beside it, so that it is not square."""
    return np.pad(pixels, ((0, 0), sides), constant_values=4)


def save(path: Path, pixels: Pixels) -> Path:
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    return path


def hand(size: int = 512) -> Pixels:
    """A hand, drawn simply: palm, forearm and five fingers with bones."""
    y, x = np.mgrid[0:size, 0:size] / size
    film = np.full((size, size), 0.03)
    film[np.hypot((x - 0.5) / 0.2, (y - 0.66) / 0.2) < 1] = 0.45
    film[(abs(x - 0.5) < 0.09) & (y > 0.8)] = 0.45
    film[(abs(x - 0.7 + 0.6 * (y - 0.6)) < 0.035) & (y > 0.4) & (y < 0.7)] = 0.5
    for offset, top in ((-0.16, 0.3), (-0.08, 0.2), (0.0, 0.15), (0.08, 0.2)):
        along = (y > top) & (y < 0.6)
        film[(abs(x - 0.5 - offset) < 0.03) & along] = 0.5
        film[(abs(x - 0.5 - offset) < 0.015) & along] = 0.8
    grain = np.random.default_rng(1).normal(0, 0.01, film.shape)
    return levels(np.clip(film + grain, 0, 1), 8)


def dice(one: Pixels, other: Pixels) -> float:
    """Overlap of two masks, 1 for the same."""
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))
