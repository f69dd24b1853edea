"""``docs/systems.md`` out of ``rows.toml``: ``python -m tests.systems.make > docs/systems.md``."""

from __future__ import annotations

from typing import Final

from tests.systems.rows import Row, rows

_STATE: Final = {
    "covered": "covered",
    "adapter": "by adapter; its weights are not here",
    "partly": "partly",
}
_HEAD: Final = """# The systems of this field, and how to run what each becomes here

Made by `python -m tests.systems.make` from `tests/systems/rows.toml`; do not edit. Every row is
run by `tests/systems/test_systems.py`, with tiny random networks in the layout of the published
weights, a scripted server in the place of a language model, and data sets of a few drawn films and
made-up texts in the public formats: that shows that the way works, and nothing of how good a model
is.

The rows are run in a folder with two films (`now.dcm`, and `before.dcm` as its prior), a third
(`second.dcm`) and a lateral view of the study of `now.dcm` (`side.dcm`), a CT (`ct.nii.gz` with
`labels.nii.gz`), `report.txt`, a report in Italian (`italian.txt`), outlines of `now.dcm`
(`outlines/`), a recording (`dictation.wav`), and a folder for each data set. In Python lines there
are

```python
import cxr_agent

agent = cxr_agent.Agent(model="none")
report = agent.read("now.dcm", priors=["before.dcm"], indication="Cough, ?PTX")
film = ...  # pixels of a film, (rows, columns) float32 in [0, 1], bone white
```
"""


def page() -> str:
    """The whole page."""
    known = rows()
    table = ["| # | system | what it becomes here | state |", "|---|---|---|---|"]
    return "\n".join([_HEAD, *table, *map(_line, known), "", *map(_section, known)])


def _line(row: Row) -> str:
    lacks = f": {row.lacks}" if row.lacks else ""
    named = f"[{row.number}](#row-{row.number})"
    return f"| {named} | {row.system} | {row.becomes} | {_STATE[row.state]}{lacks} |"


def _section(row: Row) -> str:
    pulled = [f"cxr-agent models pull {model}" for model in row.models]
    needs = f" Needs `{'`, `'.join(pulled)}`." if pulled else ""
    parts = [f"## Row {row.number}", "", f"{row.system}.{needs}"]
    if row.shell:
        lines = (f"$ {line}" for line in row.shell.strip().splitlines())
        parts += ["", "```console", *lines, "```"]
    if row.python:
        parts += ["", "```python", row.python.strip(), "```"]
    return "\n".join([*parts, ""])


if __name__ == "__main__":
    print(page(), end="")
