"""What the toolbox takes over from a tool's answer: all that it records and lays on the bench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxr_agent.evidence import Observation
from cxr_agent.toolbox.answer import Answer
from cxr_agent.toolbox.artifacts import (
    LINES,
    drawings_svg,
    heatmap_png,
    mask_png,
    picture_png,
    saliency_name,
)
from cxr_agent.toolbox.contract import Abstain, Mask, ToolResult


@dataclass(frozen=True, slots=True)
class Taken:
    """An answer with its drawings as the files that the trace keeps."""

    record: Mapping[str, Any]
    """The result as JSON."""
    statements: tuple[tuple[Observation, str], ...]
    """Each with its reading."""
    files: Mapping[str, bytes]
    """By the name of the artifact."""
    masks: Mapping[str, Mask]
    """By structure."""
    cached: bool = False
    """Whether an earlier call gave it."""


class AbstainedBefore(Abstain):
    """That the same call abstained earlier, and why."""


def take(answer: Answer, shape: tuple[int, int]) -> Taken:
    """What is taken over of an answer about a film of ``shape`` (rows, columns)."""
    result = answer.result
    return Taken(
        record=answer.record,
        statements=answer.statements,
        files=_files(result, shape),
        masks=result.masks,
    )


def _files(result: ToolResult, shape: tuple[int, int]) -> dict[str, bytes]:
    files = {name: mask_png(mask.plane) for name, mask in result.masks.items()}
    for code, heatmap in result.heatmaps.items():
        files[saliency_name(code)] = heatmap_png(heatmap.plane)
    for name, picture in result.pictures.items():
        files[name] = picture_png(picture.plane)
    if result.drawings:
        files[LINES] = drawings_svg(result.drawings, shape)
    return files
