"""``cxr-agent trace export``: runs as spans, as a table of evidence, or as a zip to pass on."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cxr_agent.errors import TraceError, UsageError

if TYPE_CHECKING:
    from cxr_agent.trace import Trace
    from cxr_agent.trace.redact import Keeping

_PARQUET: Final = ".parquet"


class Target(StrEnum):
    """What runs are exported to."""

    OTEL = "otel"
    EVIDENCE = "evidence"
    ZIP = "zip"


_ENDING: Final = {Target.OTEL: "otlp.jsonl", Target.EVIDENCE: "evidence.csv", Target.ZIP: "zip"}

Runs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[RUN...]", help="Run ids, their beginnings, paths, or last."),
]
To = Annotated[
    Target,
    typer.Option(
        help="otel: spans for an OpenTelemetry collector (OpenInference). evidence: a table, one "
        "row per evidence. zip: everything, to pass on."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="File to write; evidence becomes Parquet where it ends in .parquet, else CSV. "
        "Default: named after the run, in the working folder."
    ),
]
Endpoint = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Send the spans to this OTLP/HTTP collector in place of a file; env for "
        "OTEL_EXPORTER_OTLP_ENDPOINT. Without it nothing is sent.",
    ),
]
Privacy = Annotated[
    str,
    typer.Option(
        help="What goes of texts and pictures. full: all. masked: everyday words; pictures with "
        "writing painted over. none: neither texts that were typed nor pictures."
    ),
]
Traces = Annotated[
    Path | None, typer.Option(help="Folder of traces. Default: CXR_AGENT_TRACES, else ./traces.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")]


def export(
    to: To,
    runs: Runs = None,
    out: Out = None,
    endpoint: Endpoint = None,
    privacy: Privacy = "masked",
    traces: Traces = None,
    as_json: AsJson = False,
) -> None:
    """Export runs: spans for OpenTelemetry, a table of evidence, or a zip to pass on."""
    from cxr_agent.cli.output import shown_name
    from cxr_agent.cli.trace_privacy import keeping_of
    from cxr_agent.output import write_whole

    if endpoint is not None and (to is not Target.OTEL or out is not None):
        raise UsageError(
            "endpoint_alone", "--endpoint goes with --to otel, and without --out", hint="see --help"
        )
    keeping = keeping_of(privacy)
    found = _intact(runs or ["last"], traces)
    name = found[0].run_id
    match to:
        case Target.OTEL:
            requests = [_request(_masked(trace, keeping)) for trace in found]
            if endpoint is not None:
                _send(requests, endpoint)
                _tell(as_json, {"to": str(to), "runs": len(found), "file": None}, "Sent")
                return
            data = b"".join(request + b"\n" for request in requests)
        case Target.EVIDENCE:
            masked = [_masked(trace, keeping) for trace in found]
            data = _table(masked, parquet=out is not None and out.suffix.lower() == _PARQUET)
        case Target.ZIP:
            from cxr_agent.reading.version import program_version
            from cxr_agent.trace.share import redacted, to_zip, whole

            shared = [whole(one) if keeping is None else redacted(one, keeping) for one in found]
            data = to_zip(shared, privacy, program_version())
            name = shared[0].run_id
    path = out or Path(f"{name if len(found) == 1 else 'runs'}.{_ENDING[to]}")
    write_whole(path, data)
    made = {"to": str(to), "runs": len(found), "file": str(path), "bytes": len(data)}
    _tell(as_json, made, f"{shown_name(path)}:")


def _intact(names: list[str], traces: Path | None) -> list[Trace]:
    """The runs, each once; one that was changed is not passed on as if it were a record."""
    from cxr_agent.trace import default_traces, find_trace, read_trace, verify

    folders = dict.fromkeys(find_trace(traces or default_traces(), name) for name in names)
    found = [read_trace(folder) for folder in folders]
    for trace in found:
        if not trace.lines or not verify(trace).intact:
            raise TraceError(
                "trace_damaged",
                f"the run {trace.run_id} is not as it was written, so it is not exported",
                hint="see `trace verify`",
            )
    ids = [trace.run_id for trace in found]
    if len(set(ids)) < len(ids):
        raise UsageError("same_run", "two of the folders hold the same run", hint="name one")
    return found


def _masked(trace: Trace, keeping: Keeping | None) -> Trace:
    """The run with its texts masked, under its own name and at its own times."""
    from dataclasses import replace

    from cxr_agent.trace.redact import Redactor

    if keeping is None:
        return trace
    redactor = Redactor(trace, keeping, trace.run_id)
    lines = (line.model_copy(update={"event": redactor.event(line.event)}) for line in trace.lines)
    return replace(trace, lines=tuple(lines))


def _request(trace: Trace) -> bytes:
    from cxr_agent.reading.version import program_version
    from cxr_agent.trace.otlp import request_of

    return request_of(trace.run_id, trace.lines, program_version())


def _send(requests: list[bytes], endpoint: str) -> None:
    from cxr_agent.interop.otlp_http import collector, send

    url = collector(endpoint)
    for request in requests:
        send(request, url)


def _table(found: list[Trace], *, parquet: bool) -> bytes:
    from cxr_agent.trace.table import to_csv, to_parquet

    evidence = [known for trace in found for known in trace.evidence]
    return to_parquet(evidence) if parquet else to_csv(evidence)


def _tell(as_json: bool, made: dict[str, object], text: str) -> None:
    if as_json:
        print(json.dumps(made))
        return
    count = made["runs"]
    print(f"{text} {count} run{'' if count == 1 else 's'}", file=sys.stderr)
