"""Rules that hold for the code as a whole."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import typer

from cxr_agent.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cxr_agent"
LONGEST = 600
NOT_OURS_TO_NAME = {"tools", "kb", "prompts", "training", "tests", "benchmarks"}
NO_JSON = {"demo", "schema", "serve mcp", "trace schema"}
"""``demo`` is a show; a schema is JSON already, and so is what the MCP server says."""
HELP_S = 0.3


@lru_cache(maxsize=1)
def modules() -> tuple[Path, ...]:
    """Every module of the package, those behind its symlinks too."""
    found = []
    for folder, _, names in os.walk(PACKAGE, followlinks=True):
        found += [Path(folder) / name for name in names if name.endswith(".py")]
    return tuple(sorted(found))


def test_layers_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    if not tool.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run(
        [tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_folders_at_the_top_are_imported_by_the_packages_name_alone() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in modules()
        for name in _imported(path)
        if name.partition(".")[0] in NOT_OURS_TO_NAME
    ]
    assert not wrong


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def test_modules_stay_short() -> None:
    assert len(modules()) > 80
    long = [path for path in modules() if len(path.read_text().splitlines()) >= LONGEST]
    assert not long


def test_modules_say_what_they_are() -> None:
    silent = [
        path.relative_to(PACKAGE)
        for path in modules()
        if ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]
    assert not silent


def _commands(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for child, one in command.commands.items():
            yield from _commands(one, f"{name} {child}".strip())
    else:
        yield name, command


COMMANDS = dict(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - NO_JSON))
def test_command_has_json(name: str) -> None:
    assert any("--json" in option.opts for option in COMMANDS[name].params)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_command_has_help(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    for parameter in command.params:
        if parameter.name != "help" and parameter.opts[0].startswith("--"):
            assert parameter.help, f"{name} {parameter.opts[0]}"


def test_exceptions_to_json_exist() -> None:
    assert set(COMMANDS) >= NO_JSON


def test_help_is_quick() -> None:
    best = float("inf")
    for _ in range(15):  # other work on the machine only ever makes it slower
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "cxr_agent.cli.main", "--help"], capture_output=True, check=True
        )
        best = min(best, time.perf_counter() - began)
        if best < HELP_S:
            return
    raise AssertionError(f"--help takes {best:.2f} s at best")
