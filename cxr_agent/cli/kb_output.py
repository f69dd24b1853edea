"""What a search of a store found, as lines and as JSON; reports only as masked snippets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cxr_agent.cli.output import shown_name
from cxr_agent.errors import EXIT_OK

if TYPE_CHECKING:
    from cxr_agent.retrieval import Hit
    from cxr_agent.retrieval.passages import Quote


def hit_record(hit: Hit) -> dict[str, Any]:
    from cxr_agent.retrieval.snippets import snippet_of

    return {
        "item": hit.number,
        "distance": round(hit.distance, 6),
        "labels": {code: str(value) for code, value in hit.item.labels.items()},
        "report": snippet_of(hit.item.report),
        "source": hit.item.source,
    }


def hit_lines(hit: Hit) -> list[str]:
    from cxr_agent.retrieval.snippets import snippet_of

    said = ", ".join(f"{code} {value}" for code, value in hit.item.labels.items()) or "no labels"
    lines = [f"{hit.distance:.4f}  {shown_name(hit.item.source)}", f"        {said}"]
    if hit.item.report:
        lines.append(f"        “{snippet_of(hit.item.report)}”")
    return lines


def show_quotes(found: Sequence[Quote], as_json: bool) -> int:
    """Print texts with their sources, and with their distances where these were measured."""
    from cxr_agent.retrieval.snippets import snippet_of

    told = [
        {
            "text": snippet_of(one.text) if one.item is not None else one.text,
            "source": one.source,
            **({} if one.distance is None else {"distance": round(one.distance, 6)}),
        }
        for one in found
    ]
    if as_json:
        print(json.dumps(told, indent=2))
        return EXIT_OK
    for one in told:
        near = f"{one['distance']:.4f}  " if "distance" in one else ""
        print(f"{near}“{one['text']}”\n        {one['source']}")
    print(f"{len(told)} quotes. What a text says is no finding of this film.")
    return EXIT_OK
