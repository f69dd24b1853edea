"""cxr-agent: an agentic, tool-using reader of chest radiographs. Research use only.

    import cxr_agent

    report = cxr_agent.read("film.dcm")
    print(report.impression[0].text)

The names below are loaded when first used, so importing the package costs nothing.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cxr_agent.measuring import Measurer
    from cxr_agent.reading import Agent, read
    from cxr_agent.report.model import Report
    from cxr_agent.segmenting import Segmenter
    from cxr_agent.serving import as_langchain_tools
    from cxr_agent.study import Study
    from cxr_agent.toolbox.contract import tool
    from cxr_agent.trace import Trace

# Since 1.29 ONNX Runtime's builds for Linux tell Microsoft which models are run, unless this is set
# before they are loaded (its Privacy.md). Nothing that this program does is told to anybody.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__all__ = [
    "Agent",
    "Measurer",
    "Report",
    "Segmenter",
    "Study",
    "Trace",
    "as_langchain_tools",
    "read",
    "tool",
]

_HOME = {
    "Agent": "cxr_agent.reading",
    "Measurer": "cxr_agent.measuring",
    "Report": "cxr_agent.report.model",
    "Segmenter": "cxr_agent.segmenting",
    "Study": "cxr_agent.study",
    "Trace": "cxr_agent.trace",
    "as_langchain_tools": "cxr_agent.serving",
    "read": "cxr_agent.reading",
    "tool": "cxr_agent.toolbox.contract",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'cxr_agent' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
