"""The contract suite finds each fault that it names, in tools that have no other."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
import pytest

from cxr_agent.evidence import EvidenceKind, Observation, Side, Unit
from cxr_agent.study import Image
from cxr_agent.testing import Checked, check_tool
from cxr_agent.testing.checks.outcome import Broken
from cxr_agent.testing.checks.scene import Bank
from cxr_agent.testing.checks.suite import _CHECKS
from cxr_agent.toolbox.contract import Abstain, Mask, ToolResult, spec_of, tool
from cxr_agent.toolbox.registry import built_in


class Width(ToolResult):
    """A width of the heart, and whatever a test adds."""

    width: float
    unit: Unit = Unit.RATIO
    side: Side | None = None
    hidden: float | None = None
    note: str = ""

    def observations(self) -> Iterator[Observation]:
        yield Observation(
            kind=EvidenceKind.MEASUREMENT,
            code="cardiothoracic_ratio",
            value=self.width,
            unit=self.unit,
            side=self.side,
        )


def sound(film: Image, heart: Mask) -> Width:
    columns = np.flatnonzero(heart.plane.any(axis=0))
    if columns.size < 2:
        raise Abstain("cardiothoracic_ratio", "not_outlined")
    return Width(width=float(np.ptp(columns)) / film.shape[1])


def ignores_what_is_empty(film: Image, heart: Mask) -> Width:
    return Width(width=float(heart.plane.mean()))


def guesses_millimetres(film: Image, heart: Mask) -> Width:
    return sound(film, heart).model_copy(update={"unit": Unit.MILLIMETRE})


def breaks_on_nan(film: Image, heart: Mask) -> Width:
    found = sound(film, heart)
    return found.model_copy(update={"width": float(round(film.pixels.mean() * 100)) / 100})


def breaks_on_shape(film: Image, heart: Mask) -> Width:
    return Width(width=float(heart.plane[100, 300]))


def breaks_when_mirrored(film: Image, heart: Mask) -> Width:
    columns = np.flatnonzero(heart.plane.any(axis=0))
    if columns.size and columns.mean() < film.shape[1] / 2:
        raise ValueError("no heart on the left")
    return sound(film, heart)


def keeps_its_side(film: Image, heart: Mask) -> Width:
    return sound(film, heart).model_copy(update={"side": Side.LEFT})


def telephones(film: Image, heart: Mask) -> Width:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", 9), timeout=0.1).close()
    return sound(film, heart)


def tells_a_path(film: Image, heart: Mask) -> Width:
    return sound(film, heart).model_copy(update={"note": "read from /home/miller/x.dcm"})


def hides_a_number(film: Image, heart: Mask) -> Width:
    return sound(film, heart).model_copy(update={"hidden": 0.123})


_counted = count()


def drifts(film: Image, heart: Mask) -> Width:
    found = sound(film, heart)
    return found.model_copy(update={"width": found.width + next(_counted) / 1000})


def hogs(film: Image, heart: Mask) -> Width:
    np.ones((len(heart.plane), 60_000), dtype=np.uint8)
    return sound(film, heart)


def dawdles(film: Image, heart: Mask) -> Width:
    time.sleep(0.3)
    return sound(film, heart)


def made(function: Callable[..., ToolResult], **rest: object) -> Bank:
    limits = {"time_limit_s": 1.0, "memory_mib": 256, "purpose": "Width of the heart.", **rest}
    wrapped = tool(version="1", subject="cardiothoracic_ratio", **limits)(function)  # type: ignore[arg-type]
    spec = spec_of(wrapped)
    assert spec is not None
    return Bank(spec)


@pytest.mark.parametrize(
    ("function", "check"),
    [
        (ignores_what_is_empty, "empty mask"),
        (guesses_millimetres, "missing spacing"),
        (guesses_millimetres, "units"),
        (breaks_on_nan, "NaN"),
        (breaks_on_shape, "wrong shape"),
        (breaks_when_mirrored, "mirrored image"),
        (keeps_its_side, "side flip"),
        (telephones, "no network"),
        (tells_a_path, "no identifier in outputs"),
        (hides_a_number, "evidence covers the outputs"),
        (drifts, "determinism"),
        (hogs, "memory limit"),
        (dawdles, "time limit"),
    ],
)
def test_each_fault_is_found(function: Callable[..., ToolResult], check: str) -> None:
    with pytest.raises(Broken):
        _CHECKS[check](made(function))


def test_a_purpose_of_several_lines_is_no_contract() -> None:
    with pytest.raises(Broken):
        _CHECKS["schema"](made(sound, purpose="One.\nTwo."))


def test_a_sound_tool_has_no_fault() -> None:
    assert _faults(check_tool(made(sound).spec)) == []


@pytest.mark.parametrize("name", ["measure_ctr", "measure_mediastinal_gap"])
def test_tools_of_the_program_hold_to_it(name: str) -> None:
    spec = built_in().get(name)
    assert spec is not None
    assert _faults(check_tool(spec)) == []


def test_what_is_no_tool_is_refused() -> None:
    with pytest.raises(TypeError):
        check_tool(len)


def _faults(checks: tuple[Checked, ...]) -> list[Checked]:
    assert len(checks) == len(_CHECKS)
    return [one for one in checks if one.outcome == "failed"]
