"""All checks, in the order in which an author wants to hear of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from cxr_agent.testing.checks import answers, bad_input, form, isolation, limits, sides, units
from cxr_agent.testing.checks.outcome import Broken, Checked, NotChecked
from cxr_agent.testing.checks.scene import Bank
from cxr_agent.toolbox.contract import ToolSpec, spec_of

_Check = Callable[[Bank], None]
_CHECKS: Final[dict[str, _Check]] = {
    "schema": form.schema,
    "units": units.units,
    "side flip": sides.side_flip,
    "mirrored image": sides.mirrored_image,
    "empty mask": bad_input.empty_mask,
    "missing spacing": units.missing_spacing,
    "NaN": bad_input.nan,
    "wrong shape": bad_input.wrong_shape,
    "time limit": limits.time_limit,
    "memory limit": limits.memory_limit,
    "no network": isolation.no_network,
    "determinism": answers.determinism,
    "evidence covers the outputs": answers.evidence_covers,
    "no identifier in outputs": isolation.no_identifier,
}


def check_tool(tool: ToolSpec | Callable[..., Any]) -> tuple[Checked, ...]:
    """Run the contract suite on a tool; see ``docs/tools.md`` for what each check asks.

    Parameters
    ----------
    tool
        A function made a tool, or its contract.

    Raises
    ------
    TypeError
        When it is no tool.

    Examples
    --------
    >>> def test_contract():  # doctest: +SKIP
    ...     assert [one for one in check_tool(heart_area) if one.outcome == "failed"] == []
    """
    spec = tool if isinstance(tool, ToolSpec) else spec_of(tool)
    if spec is None:
        raise TypeError("no tool: the function has no decorator")
    bank = Bank(spec)
    return tuple(_checked(name, check, bank) for name, check in _CHECKS.items())


def _checked(name: str, check: _Check, bank: Bank) -> Checked:
    try:
        if bank.spec.needs_library:
            raise NotChecked("it looks into a store of films, and there is none here")
        check(bank)
    except Broken as fault:
        return Checked(name, "failed", str(fault))
    except NotChecked as reason:
        return Checked(name, "skipped", str(reason))
    return Checked(name, "passed")
