"""``cxr-agent doctor``: what is here, how fast it is, and what would be better with what."""

from __future__ import annotations

from typing import Annotated

import typer

from cxr_agent.cli.device import Device
from cxr_agent.errors import EXIT_OK


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    speed: Annotated[
        bool, typer.Option("--speed/--no-speed", help="Read the built-in phantom and time it.")
    ] = True,
    device: Device = "auto",
) -> int:
    """Say what is installed, which models are there, the device, and the speed of one reading."""
    from cxr_agent.diagnosis import examine

    report = examine(speed=speed, device=device)
    if as_json:
        print(report.model_dump_json(indent=2))
        return EXIT_OK if report.healthy else 6
    print(f"cxr-agent {report.program}  Python {report.python}  {report.cores} cores")
    print("\nLibraries")
    for library in report.libraries:
        state = library.version or "not installed"
        print(f"  {library.name:<24} {state:<14} {library.purpose}")
    print("\nModels")
    for model in report.models:
        print(f"  {model.id:<24} {model.state:<14} {model.detail}")
    print(f"\nDevice\n  {report.device}")
    print(f"\nLanguage model\n  {report.language_model}")
    print("\nMeasurements")
    for one in report.measurements:
        if one.ready:
            print(f"  {one.id:<24} {'ready':<14} outlined by {', '.join(one.sources)}")
        else:
            print(f"  {one.id:<24} {'no outlines':<14} of {', '.join(one.missing)}")
            print(f"  {'':<24} {'':<14} needs {', or '.join(one.enabled_by)}")
    if report.speed is not None:
        print("\nOne reading of the phantom (512 px)")
        print(f"  first {report.speed.first_s:.2f} s, then {report.speed.next_s:.2f} s")
        print(f"  peak memory {report.speed.peak_mib} MiB")
    if report.advice:
        print("\nWhat would be better")
        for line in report.advice:
            print(f"  - {line}")
    print(
        "\n" + ("All that a reading needs is here." if report.healthy else "A reading cannot run.")
    )
    return EXIT_OK if report.healthy else 6
