"""Readers that meet strangers' files, each with right files to begin from."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from cxr_agent.errors import CxrAgentError, InputCode
from cxr_agent.imaging import Decoder
from cxr_agent.imaging.decode import decode_bytes
from cxr_agent.imaging.sniff import SNIFF_BYTES, sniff
from cxr_agent.trace.layout import LINES
from tests.badinput.beside import nifti_bytes
from tests.badinput.lossless import lossless_jpeg
from tests.imaging.films import dicom, jpeg, lut, png, ramp
from tests.trace.golden import VERSION_1, VERSION_2

from .mutators import Mutator, by_chunk, by_element, by_line, by_value


@dataclass(frozen=True)
class Target:
    """What is fuzzed."""

    name: str
    seeds: Sequence[bytes]
    read: Callable[[bytes], None]
    """Returns, or raises an error of the program's own family; anything else is an escape."""
    aware: tuple[Mutator, ...] = ()
    share: int = 1
    """How many of the cases it gets, relative to others."""


class Escaped(AssertionError):  # noqa: N818 - what happened
    """A reader that told of a fault of the program's own."""


def _film(data: bytes) -> None:
    try:
        film = decode_bytes(data, sniff(data[:SNIFF_BYTES]))
    except CxrAgentError as error:
        if error.code == InputCode.DECODE_CRASH:
            raise Escaped("decode_crash") from None
        raise
    if not (0 <= film.pixels.min() <= film.pixels.max() <= 1):
        raise Escaped("pixels out of range")


@dataclass
class Worker:
    """The decoder's own process: a codec that ends it costs the film alone, and is counted."""

    folder: Path
    decoder: Decoder = field(default_factory=Decoder)
    ended: int = 0

    def read(self, data: bytes) -> None:
        path = self.folder / "film"
        path.write_bytes(data)
        before = self.decoder.worker_pid
        try:
            self.decoder.decode(path)
        except CxrAgentError as error:
            contained = self.decoder.worker_pid != before
            self.ended += contained and before is not None
            if error.code == InputCode.DECODE_CRASH and not contained:
                raise Escaped("decode_crash") from None
            raise


def _in_file(folder: Path, name: str, read: Callable[[Path], object]) -> Callable[[bytes], None]:
    path = folder / name

    def reader(data: bytes) -> None:
        path.write_bytes(data)
        read(path)

    return reader


def _trace(path: Path) -> None:
    from cxr_agent.trace import read_trace, verify
    from cxr_agent.trace.render import to_text
    from cxr_agent.trace.salvage import salvage_trace
    from cxr_agent.viewing.gathering import Gathering

    salvaged, _ = salvage_trace(path.parent)
    to_text(salvaged)
    Gathering(salvaged.artifact).take(salvaged.lines)
    verify(salvaged)
    read_trace(path.parent)


def _configuration(path: Path) -> None:
    from cxr_agent.knowledge.thresholds import changed_thresholds
    from cxr_agent.language.settings import configured_model
    from cxr_agent.planning.budget import Budget
    from cxr_agent.vision.settings import configured_vision

    every: tuple[Callable[[Path], object], ...] = (
        changed_thresholds,
        Budget.configured,
        configured_vision,
        lambda path: configured_model(config=path),
    )
    told: CxrAgentError | None = None
    for one in every:
        try:
            one(path)
        except CxrAgentError as error:
            told = error
    if told is not None:
        raise told


def _manifest(folder: Path) -> Callable[[bytes], None]:
    """The manifest beside an installed module that need not be there."""
    from cxr_agent.toolbox.sources.manifest import read_manifest

    info = folder / "kit-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kit\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[cxr_agent.tools]\nkit = kit\n")
    (point,) = metadata.Distribution.at(info).entry_points
    return _in_file(folder, "kit.tools.toml", lambda _: read_manifest(point))


@cache
def _manifest_seed() -> bytes:
    """Made once: a manifest that is read brings its words into this process for good."""
    from cxr_agent.toolbox.sources.folder import load_file
    from cxr_agent.toolbox.sources.loading import tools_of
    from cxr_agent.toolbox.sources.manifest import manifest_text
    from tests.toolbox.sources.plugins import share_tool

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzzed_kit.py"
        path.write_text(share_tool("fuzzed_kit"))
        (spec,) = tools_of(load_file(path))
        return manifest_text(spec).encode()


def _outcomes(path: Path) -> None:
    from cxr_agent.evaluation.runs.folder import opened

    (path.parent / "run.json").write_bytes(path.read_bytes())
    with opened(path.parent, "ctr", {"seed": 1}, []):
        pass


def _text(data: bytes) -> None:
    from cxr_agent.checking import check_text
    from cxr_agent.prose.structure import structure

    told = data.decode("latin-1")
    structure(told)
    check_text(told)


def _report(data: bytes) -> None:
    from cxr_agent.viewing.reports import read_report

    read_report(data)


def _volume(path: Path) -> None:
    from cxr_agent.synthesis.nifti import read_nifti_volume

    read_nifti_volume(path)


def _head(data: bytes) -> None:
    from cxr_agent.toolbox.isolation.message import BadMessage, read_head, read_prefix

    try:
        read_prefix(data[:16], 1 << 20)
        read_head(data[16:])
    except BadMessage as error:
        raise CxrAgentError("bad_message", str(error)) from None


def _wire(data: bytes) -> None:
    from cxr_agent.imaging.wire import read_film, read_heading, read_patient, read_refusal

    pixels = np.zeros((64, 64), dtype=np.float32)
    read_refusal(data)
    for one in (read_patient, read_heading, lambda text: read_film(text, pixels)):
        try:
            one(data)
        except CxrAgentError:
            continue


_CONFIG: Final = b"""[thresholds]
ctr_pa = 0.5
ctr_ap = 0.55
[model]
name = "openai/gpt-4o"
api_base = "http://127.0.0.1:9/v1"
temperature = 0.0
seconds = 20
[budget]
steps = 40
[outside]
mapping = "lab.toml"
"""
_MAPPING: Final = b"""[servers.lab]
command = ["python", "lab_server.py"]
[servers.lab.tools.lab_effusion]
tool = "detect"
subject = "pleural_effusion"
kind = "finding"
film = "image"
send_film = true
[servers.lab.tools.lab_effusion.answer]
score = "result.0.score"
present_from = 0.8
absent_below = 0.2
side = "result.0.side"
sides = { L = "left", R = "right" }
"""
_REPORT: Final = b"""EXAM: Chest, two views.
COMPARISON: 12 March 2019.
FINDINGS: The heart is mildly enlarged, with a cardiothoracic ratio of 0.56. No pneumothorax.
There is a 2.3 x 1.8 cm nodule in the right upper lobe, unchanged. Small left pleural effusion.
1. The ET tube ends 4.5 cm above the carina; the left lung is otherwise clear.
IMPRESSION: 1. Cardiomegaly. 2. Small left effusion cannot be excluded.
"""
_TABLE: Final = b"""path,patient,labels,report,Pneumonia
a.png,p1,Effusion|Mass,"The heart, is large.",1
b.png,p2,No Finding,,-1
"""
_LIST: Final = b"""file;study;patient;date;priors;indication
a.dcm;s1;p1;2024-03-31;;cough
b.dcm;s2;p1;20240401T101500;a.dcm;"fever; chills"
"""
_ISSUED: Final = json.dumps(
    {
        "status": "complete",
        "findings": [{"text": "The heart is large.", "evidence": ["e1"], "heading": "heart"}],
        "dropped": [{"text": "x", "reason": "y"}],
    }
).encode()


def _listing(path: Path) -> None:
    from cxr_agent.retrieval.listing import listing_of

    listing_of(path)


def _batch(path: Path) -> None:
    from cxr_agent.batch.listing.rows import candidates_of_row
    from cxr_agent.batch.listing.table import open_table

    for place, row in enumerate(open_table(path).rows(), 1):
        list(candidates_of_row(row, place, path.parent))


def _wire_seeds() -> list[bytes]:
    from cxr_agent.imaging.wire import ANSWER, film_answer

    plain = film_answer(decode_bytes(dicom(), sniff(dicom()[:SNIFF_BYTES])))
    return [plain[ANSWER.size :], b'{"refused": "truncated"}']


def _native() -> list[bytes]:
    return [
        dicom(),
        dicom(syntax=ImplicitVRLittleEndian),
        dicom(syntax=DeflatedExplicitVRLittleEndian),
        dicom(ramp(8), bits=8, WindowCenter=["100", "90"], WindowWidth=["200", "80"]),
        dicom(
            ModalityLUTSequence=[lut(0, list(range(4096)), 12)],
            PatientAge="050Y",
            PatientOrientation=["R", "F"],
            ImagerPixelSpacing=[0.2, 0.2],
            PixelPaddingValue=0,
        ),
    ]


def _compressed() -> list[bytes]:
    from tests.badinput.dicom_films import encapsulated

    return [
        *(dicom(compress=one) for one in (RLELossless, JPEG2000Lossless, JPEGLSLossless)),
        encapsulated("1.2.840.10008.1.2.4.57", lossless_jpeg(ramp(), 12)),
        encapsulated("1.2.840.10008.1.2.4.50", jpeg(ramp(8), quality=90)),
    ]


def targets(folder: Path, ending: ExitStack) -> tuple[list[Target], Worker]:
    """All targets, which write below ``folder``."""

    def place(name: str) -> Path:
        (folder / name).mkdir()
        return folder / name

    worker = Worker(place("worker"))
    ending.callback(worker.decoder.close)
    runs = [next(one for one in root.iterdir() if one.is_dir()) for root in (VERSION_1, VERSION_2)]
    lines = [(run / LINES).read_bytes() for run in runs]
    voxels = np.linspace(-1000, 1500, 4096).astype("<i2").tobytes()
    volume = nifti_bytes((16, 16, 16), data=voxels)
    every = [
        Target("DICOM", _native(), _film, (by_element,), 6),
        Target("PNG", [png(ramp(8)), png(ramp(16)), png(np.dstack([ramp(8)] * 3))], _film,
               (by_chunk,), 4),
        Target("JPEG", [jpeg(ramp(8)), jpeg(ramp(8), progressive=True)], _film, (), 3),
        Target("compressed DICOM", _compressed(), worker.read, (), 3),
        Target("trace", lines, _in_file(place("trace"), LINES, _trace), (by_value, by_line), 3),
        Target("configuration", [_CONFIG], _in_file(place("config"), "c.toml", _configuration),
               (by_line,), 3),
        Target("mapping", [_MAPPING], _in_file(place("mapping"), "m.toml", _load_mapping),
               (by_line,)),
        Target("manifest", [_manifest_seed()], _manifest(place("manifest")),
               (by_line,), 3),
        Target("outcomes", [_outcome_seed()], _in_file(place("eval"), "seed", _outcomes),
               (by_value,)),
        Target("report text", [_REPORT], _text, (by_line,), 1),
        Target("issued report", [_ISSUED], _report, (by_value,)),
        Target("NIfTI", [volume], _in_file(place("nifti"), "v.nii", _volume), (), 2),
        Target("gzipped NIfTI", [gzip.compress(volume)],
               _in_file(place("gzip"), "v.nii.gz", _volume)),
        Target("store table", [_TABLE], _in_file(place("store"), "t.csv", _listing), (by_line,), 2),
        Target("batch list", [_LIST], _in_file(place("list"), "l.csv", _batch), (by_line,), 2),
        Target("isolated tool", [_head_seed()], _head, (by_value,)),
        Target("worker's answer", _wire_seeds(), _wire, (by_value,)),
    ]  # fmt: skip
    return every, worker


def _load_mapping(path: Path) -> None:
    from cxr_agent.interop.outside.mapping import load_mapping

    load_mapping(path)


def _outcome_seed() -> bytes:
    from cxr_agent.evaluation.runs.folder import run_key

    head: dict[str, Any] = {"schema_version": 1, "task": "ctr", "settings": {"seed": 1}}
    return json.dumps(head | {"run_key": run_key("ctr", {"seed": 1}, [])}).encode()


def _head_seed() -> bytes:
    from cxr_agent.toolbox.isolation.message import message

    return b"".join(bytes(part) for part in message({"wanted": "call", "arguments": {"a": 1}}))
