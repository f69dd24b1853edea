"""What a run does, one line a step, on standard error while it happens."""

from __future__ import annotations

import sys

from cxr_agent.trace import Event, ModelCalled, ToolCalled, ToolReturned
from cxr_agent.trace.render import clean


def step_line(event: Event) -> None:
    """Tell of a tool that came back, or of a model that was asked."""
    match event:
        case ToolCalled() if sys.stderr.isatty():
            print(f"\r\033[K  s{event.step} {clean(event.tool)} ...", end="", file=sys.stderr)
        case ToolReturned():
            start = "\r\033[K" if sys.stderr.isatty() else ""
            cached = ", from the cache" if event.cached else ""
            why = f": {', '.join(event.codes)}" if event.codes else ""
            print(
                f"{start}  s{event.step} {clean(event.tool)} {event.outcome}{cached}{why} "
                f"{1000 * event.seconds:.0f} ms",
                file=sys.stderr,
            )
        case ModelCalled():
            print(
                f"  {clean(event.model)} {event.purpose}: {event.outcome}, "
                f"{event.tokens_in} + {event.tokens_out} tokens, {event.seconds:.1f} s",
                file=sys.stderr,
            )
        case _:
            return
