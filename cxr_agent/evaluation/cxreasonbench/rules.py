"""How each task of the benchmark is answered, as data: ``kb/cxreasonbench.toml``."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cxr_agent.errors import ConfigError
from cxr_agent.knowledge import load


class Rule(BaseModel):
    """One task."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    measurement: str
    """Id in ``kb/measurements.toml``."""
    criterion: tuple[tuple[str, ...], ...]
    """The option that has a word of every group names our criterion."""
    present: tuple[str, ...]
    absent: tuple[str, ...]
    """Words of the answer for each outcome of the measurement's decision."""
    answer: Literal["value", "category", "sides"]
    """What the value question asks for."""


@lru_cache(maxsize=1)
def rules() -> dict[str, Rule]:
    """By task.

    Raises
    ------
    ConfigError
        ``bad_definition``.
    """
    try:
        return {task: Rule.model_validate(raw) for task, raw in load("cxreasonbench").items()}
    except ValidationError:
        raise ConfigError("bad_definition", "kb/cxreasonbench.toml is malformed") from None
