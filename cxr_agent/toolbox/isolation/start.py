"""What another interpreter runs as a file to become the worker of one tool.

``cxr_agent`` is taken from here and nothing else is: were its folder on the path, the packages
beside it would go before those of the tool's own environment.

One argument: a JSON object with ``module``, ``name``, ``file`` and ``sha256`` of the tool, and
``path``, where its process imports from; null for what the interpreter has by itself.
"""

from __future__ import annotations

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]


def _find_package() -> None:
    spec = spec_from_file_location(
        "cxr_agent", _PACKAGE / "__init__.py", submodule_search_locations=[str(_PACKAGE)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = module_from_spec(spec)
    sys.modules["cxr_agent"] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    if wanted["path"] is not None:
        sys.path[:] = wanted["path"]
    _find_package()
    from cxr_agent.toolbox.isolation.worker import main

    sys.exit(main(wanted))
