"""A new tool as files: the tool, its test and its card."""

from __future__ import annotations

import keyword
import re
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final

from cxr_agent.errors import OutputError, UsageError
from cxr_agent.knowledge import reasons, vocabulary
from cxr_agent.output import write_whole
from cxr_agent.toolbox.registry import Registry

_NAME: Final = re.compile(r"[a-z]+(?:_[a-z]+)*")
_LONGEST: Final = 40


def scaffold(name: str, folder: Path, taken: Registry) -> tuple[Path, ...]:
    """Write ``NAME.py``, ``test_NAME.py`` and ``NAME.md``; nothing that is there is touched.

    Parameters
    ----------
    taken
        Tools whose names cannot be used.

    Raises
    ------
    UsageError
        ``bad_tool_name``, ``tool_exists``.
    OutputError
        ``output_not_writable``.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or keyword.iskeyword(name):
        raise UsageError(
            "bad_tool_name",
            f"{name[:60]!r} is no name for a tool",
            hint="Small letters with _ between words and no digits, as heart_area_share.",
        )
    files = {f"{name}.py": "tool", f"test_{name}.py": "test", f"{name}.md": "card"}
    if taken.get(name) is not None or name in vocabulary() or name in reasons():
        raise UsageError("tool_exists", f"{name} is the name of a tool or a code already")
    paths = tuple(folder / one for one in files)
    if any(path.exists() for path in paths):
        raise UsageError("tool_exists", f"there are files of {name} in {folder}")
    said = name.replace("_", " ")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            "output_not_writable", f"{folder} cannot be made: {error.strerror}"
        ) from None
    for path, template in zip(paths, files.values(), strict=True):
        text = _template(template).substitute(name=name, said=said, said_upper=said.capitalize())
        write_whole(path, text.encode())
    return paths


def _template(name: str) -> Template:
    text = resources.files("cxr_agent.testing") / "templates" / f"{name}.txt"
    return Template(text.read_text(encoding="utf-8"))
