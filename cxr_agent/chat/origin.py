"""Where a piece of evidence comes from, told by rule."""

from __future__ import annotations

from collections.abc import Iterator

from cxr_agent.evidence import Evidence
from cxr_agent.knowledge import definition, measurements


def origin_of(item: Evidence) -> Iterator[str]:
    """Lines on who said it, from what, and against which limit."""
    source = item.provenance
    yield (
        f"step {source.step}: {source.tool} {source.tool_version} on {item.image} "
        f"(pixels {source.image_sha256[:12]})"
    )
    if source.model is not None:
        weights = f", weights {source.weights_sha256[:12]}" if source.weights_sha256 else ""
        yield f"model: {source.model}{weights}"
    for one in measurements().values():
        decided = one.decision is not None and one.decision.code == item.code
        if one.tool == source.tool and (one.code == item.code or decided):
            yield f"formula: {definition(one.id).formula}"
            break
    if item.probability is not None:
        yield f"probability: {item.probability:.3f}"
    if item.interval is not None and item.interval_level is not None:
        low, high = item.interval
        yield f"interval: {low:.3g} to {high:.3g} ({100 * item.interval_level:.0f} %)"
    limits = {name: n for name, n in item.details.items() if name.startswith("limit")}
    if item.threshold is not None:
        yield f"limit: {item.threshold:g}"
    elif limits:
        yield "limits: " + ", ".join(f"{name} {number:g}" for name, number in limits.items())
    if item.threshold_source:
        yield f"source of the limit: {item.threshold_source}"
    numbers = [f"{n} {v:.4g}" for n, v in item.details.items() if not n.startswith("limit")]
    if numbers:
        yield "behind it: " + ", ".join(numbers)
    for name, sha256 in item.artifacts.items():
        yield f"file: {name} {sha256[:12]}"
