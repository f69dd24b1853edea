"""``cxr-agent deidentify``: copies of films that say not who, when or where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_agent.errors import EXIT_OK, CxrAgentError, UsageError

if TYPE_CHECKING:
    from cxr_agent.deidentifying import Copied, Options


def deidentify(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE|FOLDER...", help="DICOM, PNG or JPEG films.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the copies, which get new names.")],
    dates: Annotated[
        str,
        typer.Option(help="removed, or shifted: by as many days for all films of a patient."),
    ] = "removed",
    keep_patient_characteristics: Annotated[
        bool,
        typer.Option(
            "--keep-patient-characteristics", help="Keep age (to 89), sex, size and weight."
        ),
    ] = False,
    keep_text: Annotated[
        bool,
        typer.Option("--keep-text", help="Leave writing in the pixels: it may be a name."),
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option(
            help="File of the secret key by which identifiers are replaced. Default: one in "
            "CXR_AGENT_STATE, made when there is none."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was written as JSON.")
    ] = False,
) -> int:
    """Copy films by the basic profile of DICOM PS3.15, writing in the pixels painted black.

    Writing is not found always: docs/deidentification.md says how often. Look at the copies before
    you give them away.
    """
    from cxr_agent.cli.output import shown_name
    from cxr_agent.cli.problems import error_record, internal_error, print_error
    from cxr_agent.deidentifying import Deidentifier, Pseudonyms, films_of, kept_key, key_of
    from cxr_agent.reading.places import state_folder

    options = _options(dates, keep_patient_characteristics, keep_text)
    secret = key_of(key) if key is not None else kept_key(state_folder() / "deidentify.key")
    status = EXIT_OK
    records: list[dict[str, Any]] = []
    with Deidentifier(out, Pseudonyms(secret), options) as deidentifier:
        for film in films_of(paths):
            record: dict[str, Any] = {"file": shown_name(film)}
            try:
                copied = deidentifier.copy(film)
            except Exception as error:
                told = error if isinstance(error, CxrAgentError) else internal_error(error)
                status = status or told.exit_status
                record |= error_record(told)
                if not as_json:
                    print_error(told, shown_name(film))
            else:
                record |= _record(copied)
                if not as_json:
                    print(f"{shown_name(film)}: {shown_name(copied.path)}{_told(copied)}")
            records.append(record)
    if as_json:
        print(json.dumps(records, indent=2, ensure_ascii=False))
    return status


def _options(dates: str, characteristics: bool, keep_text: bool) -> Options:
    from cxr_agent.deidentifying import Dates, Options

    try:
        how = Dates(dates)
    except ValueError:
        raise UsageError("bad_dates", "the dates are removed or shifted") from None
    return Options(how, characteristics, mask_text=not keep_text)


def _record(copied: Copied) -> dict[str, Any]:
    return {
        "copy": str(copied.path),
        "text_regions": copied.text_regions,
        "masked_share": round(copied.masked_share, 5),
    }


def _told(copied: Copied) -> str:
    if not copied.text_regions:
        return ""
    places = "place" if copied.text_regions == 1 else "places"
    return f"; {copied.text_regions} {places} painted over"
