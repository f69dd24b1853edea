"""Write the manifests of the example packages, as an author does by ``tools show --manifest``.

python docs/plugins/manifests.py
"""

from __future__ import annotations

import sys
import tomllib
from importlib import import_module
from pathlib import Path

from cxr_agent.toolbox.sources.loading import tools_of
from cxr_agent.toolbox.sources.manifest import manifest_text

HERE = Path(__file__).parent


def manifests() -> dict[Path, str]:
    """What each manifest has to say, by its place."""
    found = {}
    for project in sorted(HERE.glob("*/pyproject.toml")):
        sys.path.insert(0, str(project.parent))
        points = tomllib.loads(project.read_text())["project"]["entry-points"]["cxr_agent.tools"]
        for module in points.values():
            place = project.parent / f"{module.replace('.', '/')}.tools.toml"
            found[place] = "".join(map(manifest_text, tools_of(import_module(module))))
    return found


if __name__ == "__main__":
    for place, text in manifests().items():
        place.write_text(text)
