"""The tutorial as what it asks the reader to type, and what it says is printed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.plugins.installing import EXAMPLES, ROOT, Environment
from tests.test_readme import steady

TUTORIAL = ROOT / "docs" / "plugins.md"
_END = "@@ end of a command @@"
_REST = "..."
_HOME = "/home/me"
"""The folder of whoever types, as it is shown."""


@dataclass(frozen=True)
class Typed:
    """One command and the lines that are shown below it."""

    command: str
    shown: tuple[str, ...]


def section(title: str) -> str:
    """The text under a heading of the second level."""
    text = TUTORIAL.read_text(encoding="utf-8")
    (found,) = re.findall(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", text, re.S | re.M)
    return found


def blocks(text: str, language: str) -> list[str]:
    """Contents of the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.S | re.M)


def typed(block: str) -> list[Typed]:
    """The commands of a console block."""
    parts = re.split(r"^\$ ", block, flags=re.M)[1:]
    lines = [part.splitlines() for part in parts]
    return [Typed(one[0], tuple(line for line in one[1:] if line)) for one in lines]


def printed(block: str, environment: Environment, **more: str) -> list[tuple[Typed, str]]:
    """The block typed into one shell; each command with what it printed, on either stream."""
    commands = typed(block)
    script = "".join(f"{one.command}\necho '{_END}'\n" for one in commands)
    done = environment.run(
        "bash", "-c", f"exec 2>&1\n{script}", EXAMPLES=str(EXAMPLES), **_SETTINGS, **more
    )
    outputs = done.out.replace(str(environment.folder), _HOME).split(f"{_END}\n")
    return list(zip(commands, outputs, strict=False))


_SETTINGS = {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1", "CXR_AGENT_TRACES": "traces"}
"""Nothing is fetched: what building a wheel needs is installed. (0 is pip's word for "without".)"""


def differs(one: Typed, output: str) -> str:
    """How a command's output is not what is shown; empty where it is."""
    lines, shown = (_timeless(text) for text in (output, "\n".join(one.shown)))
    if _REST not in shown:
        return "" if lines == shown else f"$ {one.command}\n{output}"
    rest = iter(lines)
    missing = [line for line in shown if line != _REST and line not in rest]
    return f"$ {one.command}\nlacks {missing}\n{output}" if missing else ""


def _timeless(text: str) -> list[str]:
    """Lines by their words, without what differs between runs."""
    return [" ".join(re.sub(r"\bok +\d+", "ok TIME", row).split()) for row in steady(text)]
