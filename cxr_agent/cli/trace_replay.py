"""``cxr-agent trace replay``: a run done again."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.options import ApiBase, Config, Indication, Model, Prior, Store
from cxr_agent.cli.resume import RunFilms
from cxr_agent.cli.skipped import skipped_told
from cxr_agent.cli.trace_options import AsJson, Run, Traces, root_of
from cxr_agent.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from cxr_agent.trace import Trace

_DIFFERENT: Final = 1
_TOLERANCE: Final = 1e-4
_LONGEST: Final = 60


def replay(
    run: Run = "last",
    films: RunFilms = None,
    prior: Prior = None,
    indication: Indication = "",
    tools: Annotated[
        bool, typer.Option("--tools", help="Run the tools again on the films and compare.")
    ] = False,
    tolerance: Annotated[
        float, typer.Option(min=0.0, help="Share by which a number may differ, with --tools.")
    ] = _TOLERANCE,
    from_step: Annotated[
        int | None,
        typer.Option(
            help="Branch: decisions before this step as they were, then the planner of --model."
        ),
    ] = None,
    as_json: AsJson = False,
    traces: Traces = None,
    model: Model = None,
    api_base: ApiBase = None,
    store: Store = None,
    config: Config = None,
    device: Device = "auto",
) -> int:
    """Rebuild a run's report from its record, byte for byte, with no film, tool or model.

    With --tools the tools are run again on the films; with --from-step a new run branches off.
    """
    from cxr_agent.reading import Agent
    from cxr_agent.trace import find_trace, read_trace

    trace = read_trace(find_trace(root_of(traces), run))
    if tools and from_step is not None:
        raise UsageError(
            "one_replay", "--tools and --from-step go not together", hint="Choose one of them."
        )
    if not tools and from_step is None:
        return _report(trace, as_json)
    with (
        Agent(
            traces=traces, device=device, config=config, model=model, api_base=api_base, store=store
        ) as agent,
        skipped_told(agent.skipped_tools),
        notices_told(device, agent.runtime),
    ):
        if from_step is None:
            from cxr_agent.replaying import rerun_tools

            found = rerun_tools(agent, trace, films or (), prior or (), tolerance)
            return _differences([asdict(one) for one in found], as_json)
        from cxr_agent.cli.show import print_report
        from cxr_agent.replaying import branch
        from cxr_agent.report.render import to_json

        report = branch(agent, trace, from_step, films or (), prior or (), indication)
    if as_json:
        print(to_json(report))
    else:
        print_report(report)
    return EXIT_OK


def _report(trace: Trace, as_json: bool) -> int:
    from cxr_agent.cli.show import print_report
    from cxr_agent.replaying import rebuild_report
    from cxr_agent.report.render import to_json

    rebuilt = rebuild_report(trace)
    if as_json:
        told = json.loads(to_json(rebuilt.report))
        print(json.dumps({"same": rebuilt.same, "report": told}, indent=2, ensure_ascii=False))
    else:
        print_report(rebuilt.report)
        state = "byte for byte" if rebuilt.same else "NOT the same"
        print(f"\nRebuilt from {len(trace.lines)} recorded events: {state} as it was given out.")
    return EXIT_OK if rebuilt.same else _DIFFERENT


def _differences(found: list[dict[str, Any]], as_json: bool) -> int:
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        for one in found:
            then, now = (str(one[key])[:_LONGEST] for key in ("then", "now"))
            print(f"[{one['step']}] {one['tool']} {one['what']}: {then} then, {now} now")
        print(f"{len(found)} differences" if found else "Every tool gives what it gave.")
    return _DIFFERENT if found else EXIT_OK
