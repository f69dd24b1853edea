"""``cxr-agent measure``: values with their intervals and limits; no planner, no report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.options import Config, Films
from cxr_agent.errors import EXIT_OK, CxrAgentError, UsageError

if TYPE_CHECKING:
    from cxr_agent.measuring import MeasuredFilm
    from cxr_agent.toolbox.measurement import Measurement


def measure(
    films: Films,
    only: Annotated[
        str, typer.Option(help="Names with commas between, as ctr,carina_angle. Default: all.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    csv: Annotated[
        Path | None, typer.Option(help="Write a table: one line per film and measurement.")
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            help="Write the film with drawn lines: a PNG, or with several films a folder."
        ),
    ] = None,
    masks: Annotated[
        Path | None, typer.Option(help="A folder of your own outlines, <structure>.png each.")
    ] = None,
    spacing: Annotated[
        str, typer.Option(help="Pixel spacing in the patient in mm: MM or ROW,COLUMN.")
    ] = "",
    config: Config = None,
    device: Device = "auto",
) -> int:
    """Measure films: the twelve tasks of CXReasonBench and more. 0.5 s a film.

    What cannot be measured says why. docs/measurements.md defines every value.
    """
    from cxr_agent.cli.output import Names, shown_name
    from cxr_agent.cli.problems import error_record, internal_error, print_error
    from cxr_agent.measuring import Measurer
    from cxr_agent.output import write_whole
    from cxr_agent.report.render.overlay import overlay_png

    if masks is not None and len(films) > 1:
        raise UsageError(
            "masks_of_which",
            "--masks goes with one film, and there are several",
            hint="Give one FILE.",
        )
    names = [name.strip() for name in only.split(",") if name.strip()]
    distances = _spacing(spacing)
    status, pictures = EXIT_OK, Names(".png")
    records: list[dict[str, Any]] = []
    rows: list[dict[str, str]] = []
    with Measurer(device=device, config=config) as measurer, notices_told(device, measurer.runtime):
        for film in films:
            record: dict[str, Any] = {"file": shown_name(film)}
            try:
                found = measurer.measure(film, only=names, masks=masks, spacing=distances)
                if overlay is not None:
                    folder = len(films) > 1 or overlay.is_dir()
                    place = overlay / pictures.take(film) if folder else overlay
                    write_whole(place, overlay_png(found.image.pixels, found.drawings, found.items))
            except Exception as error:
                told = error if isinstance(error, CxrAgentError) else internal_error(error)
                if isinstance(told, UsageError) or (len(films) == 1 and not as_json):
                    raise
                status = status or told.exit_status
                record |= error_record(told)
                rows.append({"file": shown_name(film), "status": "error", "reason": told.code})
                if not as_json:
                    print_error(told, shown_name(film))
            else:
                record |= found.model_dump(mode="json")
                rows += _rows(shown_name(film), found)
                if not as_json:
                    _print(found, shown_name(film) if len(films) > 1 else "")
            records.append(record)
    if csv is not None:
        write_whole(csv, _table(rows).encode())
    if as_json:
        print(json.dumps(records[0] if len(films) == 1 else records, indent=2, ensure_ascii=False))
    return status


def _spacing(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
        row_mm, column_mm = numbers if len(numbers) > 1 else numbers * 2
    except ValueError:
        raise UsageError(
            "bad_spacing", "--spacing is no number", hint="Write MM or ROW,COLUMN, as 0.143."
        ) from None
    return row_mm, column_mm


def _print(found: MeasuredFilm, name: str) -> None:
    from cxr_agent.knowledge import language, reasons
    from cxr_agent.report.model import NOTICE

    if name:
        print(f"\n=== {name} ===")
    for item in found.items:
        print("  ".join(_line(item)).rstrip())
    if found.unmeasured:
        print("\nNot measured")
        known = reasons()
        for missing in found.unmeasured:
            label = f"{missing.id}{f' {missing.side}' if missing.side else ''}"
            why = "; ".join(known.get(code, code.replace("_", " ")) for code in missing.reasons)
            print(f"  {label:<26}{why}")
    if found.changed_thresholds:
        changed = ", ".join(f"{n} {value:g}" for n, value in found.changed_thresholds.items())
        print(f"\nLimits changed by the configuration: {changed}")
    if found.synthetic:
        print(f"\n{language().text['synthetic']}")
    print(f"\n{NOTICE}")


def _line(item: Measurement) -> Iterator[str]:
    from cxr_agent.toolbox.reading import decimals_of

    digits = decimals_of(item.decided.code if item.decided else item.code)
    digits = decimals_of(item.code) if digits == 2 else digits
    unit = "" if item.unit.value == "1" else f" {item.unit.value}"
    yield f"{item.id + (f' {item.side}' if item.side else ''):<26}"
    yield f"{item.value:>8.{digits}f}{unit:<4}"
    if item.interval is None:
        yield " " * 20
    else:
        low, high = item.interval
        yield f"{f'[{low:.{digits}f}, {high:.{digits}f}]':<20}"
    if item.decided is not None:
        limits = ", ".join(f"{value:g}" for value in item.decided.limits.values())
        yield f"{item.decided.category.replace('_', ' '):<12}"
        yield f"limit {limits}"


COLUMNS = (
    "file",
    "id",
    "code",
    "task",
    "side",
    "status",
    "value",
    "unit",
    "low",
    "high",
    "level",
    "calibrated",
    "category",
    "by_value_alone",
    "limits",
    "remarks",
    "reason",
)
"""Of the table, in this order. ``status`` is measured, not_measured or error."""


def _rows(name: str, found: MeasuredFilm) -> Iterator[dict[str, str]]:
    from cxr_agent.knowledge import measurements

    known = measurements()
    for item in found.items:
        low, high = item.interval or ("", "")
        decided = item.decided
        yield {
            "file": name,
            "id": item.id,
            "code": item.code,
            "task": known[item.id].task,
            "side": item.side or "",
            "status": "measured",
            "value": f"{item.value:.6g}",
            "unit": item.unit.value,
            "low": f"{low:.6g}" if low != "" else "",
            "high": f"{high:.6g}" if high != "" else "",
            "level": f"{item.interval_level:.3g}" if item.interval_level else "",
            "calibrated": str(item.calibrated).lower(),
            "category": decided.category if decided else "",
            "by_value_alone": decided.nearest_category if decided else "",
            "limits": " ".join(f"{n}={v:g}" for n, v in decided.limits.items()) if decided else "",
            "remarks": " ".join(item.remarks),
        }
    for missing in found.unmeasured:
        yield {
            "file": name,
            "id": missing.id,
            "code": missing.code,
            "task": known[missing.id].task,
            "side": missing.side or "",
            "status": "not_measured",
            "reason": " ".join(missing.reasons),
        }


def _table(rows: list[dict[str, str]]) -> str:
    import csv
    import io

    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    # A name that starts like a formula must not be run by a spreadsheet.
    writer.writerows(
        {**row, "file": f"'{row['file']}" if row["file"][:1] in "=+-@\t" else row["file"]}
        for row in rows
    )
    return text.getvalue()
