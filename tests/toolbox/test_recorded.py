"""What a trace keeps of the text in a tool's result."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from cxr_agent.evidence import Observation
from cxr_agent.study import Image
from cxr_agent.toolbox import ToolResult, tool
from cxr_agent.toolbox.contract import spec_of
from cxr_agent.toolbox.recorded import record_of


class Kind(StrEnum):
    XYLOID = "xyloid_7"


class Told(ToolResult):
    kind: Kind = Kind.XYLOID
    choice: Literal["qrst9"] = "qrst9"
    code: str = "cardiothoracic_ratio"
    note: str = "the heart of Mrs Qzxwv is large"
    shares: dict[str, float] = {"right_lung": 0.5, "Qzxwv": 0.5}  # noqa: RUF012
    lines: tuple[str, ...] = ("MRN 4711",)
    ratio: float = 0.5

    def observations(self) -> Iterable[Observation]:
        return ()


@tool(version="1.0", purpose="Says something.", subject="cardiothoracic_ratio")
def say_something(film: Image) -> Told:
    return Told()


def test_of_a_plug_in_what_is_declared_and_everyday_words() -> None:
    spec = spec_of(say_something)
    assert spec is not None
    record = record_of(spec, Told, Told().model_dump(mode="json"))
    assert record["kind"] == "xyloid_7"
    assert record["choice"] == "qrst9"
    assert record["code"] == "cardiothoracic_ratio"
    assert record["note"] == "the heart of [hidden] [hidden] is large"
    assert record["ratio"] == 0.5
    assert "Qzxwv" not in str(record)
    assert "4711" not in str(record)
    assert record["shares"] == {"right_lung": 0.5, "[hidden]": 0.5}
