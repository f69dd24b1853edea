"""Checks of what is written: the contract itself."""

from __future__ import annotations

from cxr_agent.planning.schemas import schemas
from cxr_agent.testing.checks.outcome import Broken
from cxr_agent.testing.checks.scene import Bank
from cxr_agent.toolbox.contract import ToolSpec

_LONGEST = 160


def schema(bank: Bank) -> None:
    """It has a version and one line for the planner, and can be offered as a closed schema."""
    spec = bank.spec
    if not spec.version.strip():
        raise Broken("it has no version")
    if not spec.purpose.strip() or "\n" in spec.purpose or len(spec.purpose) > _LONGEST:
        raise Broken(f"its purpose is not one line of at most {_LONGEST} characters")
    _check_names(spec)
    offered = schemas([spec], ["img-1"], ["prior-1"])[0]["function"]["parameters"]
    if offered["additionalProperties"] is not False:
        raise Broken("its schema is not closed")
    spec.result.model_json_schema(mode="serialization")


def _check_names(spec: ToolSpec) -> None:
    if spec.film_parameter.name != "film":
        raise Broken("its Image must be named film, as planners name it")
    if spec.prior_parameter is not None and spec.prior_parameter.name != "prior":
        raise Broken("its Prior must be named prior, as planners name it")
