"""``cxr-agent send``: DICOM files to an archive, by DICOMweb or C-STORE."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_agent.errors import UsageError

if TYPE_CHECKING:
    from cxr_agent.interop.sending import Archive, Sent


def send(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="DICOM files.", show_default=False)
    ],
    dicomweb: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="DICOMweb server, as https://host/dicom-web (STOW-RS). CXR_AGENT_DICOMWEB_LOGIN "
            "holds user:password, CXR_AGENT_DICOMWEB_TOKEN a bearer token.",
        ),
    ] = None,
    aet: Annotated[
        str | None,
        typer.Option(metavar="AE@HOST:PORT", help="Application entity (C-STORE, unencrypted)."),
    ] = None,
    calling: Annotated[str, typer.Option(help="Own AE title.")] = "CXR-AGENT",
    deadline: Annotated[
        float,
        typer.Option(min=0, help="Seconds in which an archive that is away is tried again."),
    ] = 60.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: an entry per FILE, in order.")
    ] = False,
) -> int:
    """Send DICOM files to an archive and say for each whether it has it.

    Exit status 10 when it does not have all of them.
    """
    from cxr_agent.interop.sending import check_sent
    from cxr_agent.interop.sending import send as sent_to

    archive = _archive(dicomweb, aet, calling)
    _check(files)
    sent = sent_to(archive, files, deadline_s=deadline, on_sent=None if as_json else _tell)
    if as_json:
        print(json.dumps({"files": [_record(one) for one in sent]}, indent=2))
    check_sent(sent)
    return 0


def _archive(dicomweb: str | None, aet: str | None, calling: str) -> Archive:
    if (dicomweb is None) == (aet is None):
        raise UsageError(
            "send_whereto",
            "one of --dicomweb and --aet says where the files go",
            hint="--dicomweb https://host/dicom-web, or --aet AE@HOST:PORT.",
        )
    if dicomweb is not None:
        from cxr_agent.interop.dicomweb_archive import DicomwebArchive

        return DicomwebArchive.at(dicomweb)
    from cxr_agent.interop.dimse import DimseArchive

    assert aet is not None
    return DimseArchive.at(aet, calling)


def _check(files: list[Path]) -> None:
    """Whether all are files of DICOM, before the first is sent."""
    from cxr_agent.interop.sending import check_dicom

    for file in files:
        check_dicom(file)


def _tell(sent: Sent) -> None:
    from cxr_agent.cli.output import shown_name

    what = f"not stored [{sent.code}]" if sent.code else "stored"
    again = f", {sent.attempts} attempts" if sent.attempts > 1 else ""
    print(f"{shown_name(sent.path)}: {what}{again}", flush=True)


def _record(sent: Sent) -> dict[str, Any]:
    from cxr_agent.cli.output import shown_name

    return {
        "file": shown_name(sent.path),
        "stored": not sent.code,
        "code": sent.code or None,
        "attempts": sent.attempts,
    }
