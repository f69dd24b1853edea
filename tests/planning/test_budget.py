"""What a reading may cost: defaults, the user's file, and when nobody is asked any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_agent.errors import ConfigError
from cxr_agent.language import Exchange
from cxr_agent.planning.budget import Budget, Spending
from cxr_agent.toolbox.arguments import ToolCall


def test_the_file_sets_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[budget]\ntokens = 500\ncost = 2\nseconds = 9.5\n")
    assert Budget.configured(file) == Budget(tokens=500, cost=2, seconds=9.5)
    assert Budget.configured() == Budget()


@pytest.mark.parametrize(
    "text", ["steps = 1.5", "steps = -1", "steps = true", 'cost = "1"', "money = 3", "cost = inf"]
)
def test_a_wrong_budget_is_a_config_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f"[budget]\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        Budget.configured(file)
    assert caught.value.code == "bad_config"


def test_who_costs_too_much_is_asked_nothing_more() -> None:
    spending = Spending(Budget(tokens=100, cost=0.5, strikes=2))
    assert spending.may_not_ask() is None
    spending.asked(Exchange("m", "ok", tokens_in=60, tokens_out=39, cost=0.1))
    assert spending.may_not_ask() is None
    spending.asked(Exchange("m", "ok", tokens_in=1, cost=None))
    assert spending.may_not_ask() == "budget_tokens"
    spending.tokens = 0
    spending.asked(Exchange("m", "ok", cost=0.4))
    assert spending.may_not_ask() == "budget_cost"
    spending.strikes = 2
    assert spending.may_not_ask() == "planner_derailed"


def test_a_call_beside_another_counts() -> None:
    spending = Spending(Budget())
    call = ToolCall("t", {"film": "img-1"})
    assert not spending.is_repeat(call)
    assert spending.is_repeat(call, [call])
    spending.remember(call)
    assert spending.is_repeat(ToolCall("t", {"film": "img-1"}))
    assert spending.steps == 0
