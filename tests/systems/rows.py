"""``rows.toml`` as rows."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SYSTEMS = 49


class Row(BaseModel):
    """One system."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1, le=SYSTEMS)
    system: str
    becomes: str
    state: Literal["covered", "adapter", "partly"]
    lacks: str = ""
    models: tuple[str, ...] = ()
    shell: str = ""
    python: str = ""
    status: int = 0
    checks: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Row:
        if not (self.shell or self.python):
            raise ValueError("nothing to run")
        if (self.state == "partly") is not bool(self.lacks):
            raise ValueError("what is partly covered says what it lacks")
        return self


def rows() -> tuple[Row, ...]:
    """Every row, in the order of their numbers."""
    raw = tomllib.loads(Path(__file__).with_name("rows.toml").read_text(encoding="utf-8"))
    return tuple(sorted(map(Row.model_validate, raw["row"]), key=lambda row: row.number))
