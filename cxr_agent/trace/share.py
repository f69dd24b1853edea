"""Runs as one zip to pass on: redacted, chained afresh, with a manifest; the same bytes each time.

Nothing in it tells the time of day or the day: a redacted run begins in the year 2000 and goes on
as it did, under a name made from its own chain.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cxr_agent.trace.events import RunResumed, artifacts_of
from cxr_agent.trace.head import Head, encode_head
from cxr_agent.trace.layout import ARTIFACTS, HEAD, LINES
from cxr_agent.trace.line import GENESIS, Line, digest, encode, stamp
from cxr_agent.trace.reader import Trace
from cxr_agent.trace.redact import Keeping, Redactor

FORMAT: Final = "cxr-agent shared runs"
FORMAT_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
README: Final = "README.md"
_BEGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
_ZIP_DATE: Final = (1980, 1, 1, 0, 0, 0)
_ZIP_MODE: Final = 0o100644 << 16
_UNIX: Final = 3


@dataclass(frozen=True, slots=True)
class SharedRun:
    """One run as it goes into the zip."""

    run_id: str
    """Also its folder."""
    head: str
    """SHA-256 of the last line: stands for the whole run."""
    files: Mapping[str, bytes]
    """Path in the folder to content."""
    replaced: tuple[str, ...]
    """What placeholders stand for."""


def whole(trace: Trace) -> SharedRun:
    """The run as it is, in its own chain, less a torn last line."""
    # Copied, not made again: lines that another version wrote may be encoded otherwise.
    lines = (trace.directory / LINES).read_bytes().split(b"\n")[: len(trace.lines)]
    files = _with_head(b"".join(line + b"\n" for line in lines), trace.digests[-1])
    for sha256 in _named(trace):
        files[f"{ARTIFACTS}/{sha256}"] = trace.artifact(sha256)
    return SharedRun(trace.run_id, trace.digests[-1], files, ())


def redacted(trace: Trace, keeping: Keeping) -> SharedRun:
    """The run without what may identify.

    Raises
    ------
    TraceError
        As :meth:`Trace.artifact`, and ``trace_not_shareable``.
    """
    # Also of the mode: one run in two modes is two runs, whose files must not be mixed up.
    named_after = f"{trace.digests[-1]} {keeping.placeholder}"
    run_id = f"shared-{digest(named_after.encode())[:16]}"
    redactor = Redactor(trace, keeping, run_id)
    artifacts = redactor.artifacts()
    data, previous = [], GENESIS
    for line in _from_the_beginning(trace.lines):
        made = encode(
            line.model_copy(update={"event": redactor.event(line.event), "previous": previous})
        )
        previous = digest(made)
        data.append(made + b"\n")
    files = _with_head(b"".join(data), previous)
    files |= {f"{ARTIFACTS}/{sha256}": content for sha256, content in artifacts.items()}
    return SharedRun(run_id, previous, files, tuple(sorted(redactor.replaced)))


def to_zip(runs: Sequence[SharedRun], privacy: str, program_version: str) -> bytes:
    """One archive with a folder per run."""
    files = {f"{run.run_id}/{path}": data for run in runs for path, data in run.files.items()}
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "program_version": program_version,
        "privacy": privacy,
        "runs": [
            {"run_id": run.run_id, "head": run.head, "replaced": list(run.replaced)} for run in runs
        ],
        "files": {path: digest(data) for path, data in sorted(files.items())},
    }
    files[README] = _readme(runs, privacy).encode()
    files[MANIFEST] = json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _ZIP_DATE)
            entry.create_system = _UNIX
            entry.external_attr = _ZIP_MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return out.getvalue()


def _with_head(lines: bytes, last: str) -> dict[str, bytes]:
    """The file of lines and its head, ``last`` being the SHA-256 of the last line."""
    head = Head(lines.count(b"\n"), last, len(lines))
    return {LINES: lines, HEAD: encode_head(head)}


def _from_the_beginning(lines: Sequence[Line]) -> list[Line]:
    """The lines with both clocks moved; what passed between them stays."""
    moved = []
    first, clock = lines[0].at, lines[0].monotonic
    for line in lines:
        if isinstance(line.event, RunResumed):
            # Another clock: seconds since some machine was started.
            clock = line.monotonic
        at = _BEGIN + max(timedelta(), line.at - first)
        update: dict[str, Any] = {"time": stamp(at), "monotonic": round(line.monotonic - clock, 9)}
        moved.append(line.model_copy(update=update))
    return moved


def _named(trace: Trace) -> list[str]:
    return sorted({sha256 for event in trace.events for _, sha256 in artifacts_of(event)})


def _readme(runs: Sequence[SharedRun], privacy: str) -> str:
    return f"""# Runs of cxr-agent, to pass on

Research use only. Preliminary and unverified; not a diagnosis and not for patient care.

{len(runs)} run{"" if len(runs) == 1 else "s"}, exported with `--privacy {privacy}`:
{_KEPT[privacy]}

Each folder is a run: `trace.jsonl` holds its events, one a line, each bound to the one before by
its hash; `head` tells which is the last; `artifacts/` holds files named by their SHA-256.
`manifest.json` has the hash of every file and the head of every chain.

    cxr-agent trace verify FOLDER
    cxr-agent trace show FOLDER
"""


_REDACTED: Final = """Runs have new names and begin on 1 January 2000; who corrected something,
and what was said to and by a language model, is left out. The chain was made anew over what is
left, so its head is not that of the run it came from. Hashes of films stay: who has a film can
tell that it is this one."""
_KEPT: Final = {
    "full": "as it was written, all texts, pictures and times, in the chain of the run itself.",
    "masked": "everyday words are kept of texts, all others read `[hidden]`; pictures are kept,\n"
    f"with what looks like writing painted over.\n{_REDACTED}",
    "none": "texts that people typed and all pictures are left out and read `[not kept]`.\n"
    f"{_REDACTED}",
}
