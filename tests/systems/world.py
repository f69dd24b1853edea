"""The folder that the rows of ``rows.toml`` run in: phantoms, a CT, texts, a server."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
import sys
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import generate_uid

import cxr_agent
from cxr_agent.cli.main import _run
from cxr_agent.evaluation.consistency.perturbations import Perturbation, family
from cxr_agent.evaluation.explaining import curves
from cxr_agent.evaluation.tasks import consistency
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.synthesis import Volume
from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.testing.phantom.thorax import thorax
from cxr_agent.testing.stub_server import Reply, Request, StubServer
from tests.imaging.films import dicom
from tests.models.adapters.test_docs import install
from tests.structuring.test_by_model import ITALIAN, answer
from tests.synthesis.made import labelled, nifti
from tests.systems.sets import write_sets

ROOT: Final = Path(__file__).resolve().parents[2]
SERVER: Final = "http://127.0.0.1:8080/v1"
"""How the address of a local server is written in the rows; a scripted one stands in for it."""
REPORT: Final = """FINDINGS: The heart is normal in size with a cardiothoracic ratio of 0.52.
Small left pleural effusion, unchanged. No pneumothorax.
IMPRESSION: Right pleural effusion.
"""
SIZE: Final = 512
THOUGHT: Final = "secret thought"
LIE: Final = "Cardiothoracic ratio 0.91."
GUESS: Final = '{"answer": "A"}'


@dataclass
class Ran:
    """What commands did."""

    status: int = 0
    out: str = ""
    err: str = ""
    last: str = ""

    @property
    def data(self) -> Any:
        try:
            return json.loads(self.last)
        except ValueError:
            return None


@dataclass
class World:
    """The folder, and what is shared by the rows."""

    folder: Path
    server: StubServer
    agent: cxr_agent.Agent
    names: dict[str, Any] = field(default_factory=dict)

    def shell(self, lines: str) -> Ran:
        """Run commands of the program in this process, as the command line does."""
        ran = Ran()
        for line in filter(None, map(str.strip, lines.splitlines())):
            words = shlex.split(line.replace(SERVER, self.server.url))
            place = words.index("cxr-agent")  # settings of the environment come before it
            program, *arguments = words[place:]
            out, err = io.StringIO(), io.StringIO()
            with pytest.MonkeyPatch.context() as patched:
                for setting in words[:place]:
                    patched.setenv(*setting.split("=", 1))
                patched.setattr(sys, "argv", [program, *arguments])
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    ran.status = _run()
            ran.last = out.getvalue()
            ran.out += ran.last
            ran.err += err.getvalue()
        return ran

    def kept(self, run_id: str) -> str:
        """Every event of a run's trace."""
        return (self.folder / "traces" / run_id / "trace.jsonl").read_text(encoding="utf-8")


@contextlib.contextmanager
def world(folder: Path) -> Iterator[World]:
    """Make everything; the working folder is ``folder`` while it lasts."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for name, place in (
            ("CXR_AGENT_MODELS", "models"),
            ("CXR_AGENT_STATE", "state"),
            ("CXR_AGENT_TRACES", "traces"),
            ("HF_MODULES_CACHE", "modules"),
        ):
            patched.setenv(name, str(folder / place))
        patched.setattr(Runtime, "_shared", {})
        _fewer(patched)
        _films(folder)
        _volume(folder)
        _texts(folder)
        write_sets(folder)
        with (
            StubServer(_replies) as server,
            cxr_agent.Agent(traces=folder / "traces", model="none") as agent,
        ):
            made = World(folder, server, agent)
            pixels = draw(PhantomSpec(cardiothoracic_ratio=0.6), 256).pixels
            report = agent.read("now.dcm", priors=["before.dcm"], indication="Cough, ?PTX")
            made.names = {
                "cxr_agent": cxr_agent,
                "agent": agent,
                "film": pixels,
                "report": report,
                "repository": ROOT,
            }
            yield made


def _fewer(patched: pytest.MonkeyPatch) -> None:
    """Fewer steps of a curve and fewer changes of a film: a way is shown, no figure is made."""
    patched.setattr(curves, "STEPS", 3)
    patched.setattr(curves, "RANDOM_MAPS", 1)
    few = [Perturbation(family(name), 1) for name in ("rewritten", "blur", "turned")]
    patched.setattr(consistency, "perturbations", lambda *_, **__: few)


@contextlib.contextmanager
def pulled(models: Iterable[str]) -> Iterator[None]:
    """Tiny random networks in the layout of the published ones, where a pull puts those."""
    folders = [install(model) for model in models]
    yield
    for one in folders:
        shutil.rmtree(one)
    Runtime._shared.clear()


def _films(folder: Path) -> None:
    """Three films of one patient, and a fourth that is called lateral; the newest has a larger
    heart and a dense right base."""
    days = {"now": "20200410", "second": "20200410", "before": "20200103"}
    for name, ratio in (("now", 0.6), ("before", 0.46), ("second", 0.55)):
        phantom = draw(PhantomSpec(cardiothoracic_ratio=ratio), SIZE)
        pixels = phantom.pixels.copy()
        if name == "now":
            down, across = np.mgrid[:SIZE, :SIZE] / SIZE
            spot = np.exp(-(((down - 0.62) ** 2 + (across - 0.25) ** 2) / 0.006))
            pixels = np.clip(pixels + 0.35 * spot * phantom.masks["right_lung"], 0, 1)
        content = dicom(
            np.rint(pixels * 4095).astype(np.uint16),
            ViewPosition="PA",
            PatientID="1",
            StudyDate=days[name],
            StudyInstanceUID=f"1.2.{days[name]}",
        )
        (folder / f"{name}.dcm").write_bytes(content)
        if name == "now":
            side = pydicom.dcmread(io.BytesIO(content))
            side.ViewPosition, side.SOPInstanceUID = "LL", generate_uid()
            side.save_as(folder / "side.dcm")
            (folder / "outlines").mkdir()
            for structure, mask in phantom.masks.items():
                Image.fromarray(mask).save(folder / "outlines" / f"{structure}.png")
    rows = ["path,patient,cardiomegaly"]
    rows += [f"{name}.dcm,{place},1" for place, name in enumerate(("now", "before", "second"))]
    (folder / "films.csv").write_text("\n".join(rows) + "\n")


def _volume(folder: Path) -> None:
    volume: Volume = thorax(size=64).volume
    nifti(folder / "ct.nii.gz", volume.hu, volume.affine)
    labelled(folder, volume)


def _texts(folder: Path) -> None:
    (folder / "report.txt").write_text(REPORT)
    (folder / "italian.txt").write_text(ITALIAN)
    (folder / "drawn.csv").write_text("path,patient\ndrawn.png,p1\n")
    tone = np.sin(2 * np.pi * 300 * np.arange(8_000) / 16_000)
    with wave.open(str(folder / "dictation.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.rint(tone * 20_000).astype("<i2").tobytes())


def _replies(request: Request) -> Reply:
    """A server of models: one structures Italian, one sees, one thinks aloud, one plans, one says
    what no tool found, one answers questions by their first option."""
    name = request.body["model"]
    if name == "guesser":
        return Reply.calls([("finish", {})]) if "tools" in request.body else Reply.said(GUESS)
    if name == "liar":
        return _lie(request)
    if name == "italian":
        return answer()
    if name == "seer":
        return Reply.said("There is a left pleural effusion.")
    said = "FINDINGS: nothing that rests on evidence."
    if name == "thinker":
        said = f"<think>A {THOUGHT}: large effusion.</think>{said}"
    return Reply.said(said)


def _lie(request: Request) -> Reply:
    """Measures the heart, and then tells another ratio."""
    if "tools" in request.body:
        measured = any(one["role"] == "tool" for one in request.body["messages"])
        return Reply.calls([("finish", {}) if measured else ("measure_ctr", {"film": "img-1"})])
    found = re.search(
        r"(e\d+) measurement cardiothoracic_ratio", request.body["messages"][-1]["content"]
    )
    return Reply.said(f"FINDINGS: {LIE} [{found[1] if found else ''}]")
