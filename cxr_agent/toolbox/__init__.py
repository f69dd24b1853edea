"""The tool contract, discovery and validated execution.

What an author of tools needs is exported here.
"""

from cxr_agent.knowledge import AddedWords
from cxr_agent.toolbox.contract import (
    Abstain,
    Drawing,
    Heatmap,
    Mask,
    ToolResult,
    spec_of,
    tool,
)
from cxr_agent.toolbox.isolation.places import Endpoint, OwnEnvironment, OwnProcess
from cxr_agent.toolbox.registry import Registry, built_in

__all__ = [
    "Abstain",
    "AddedWords",
    "Drawing",
    "Endpoint",
    "Heatmap",
    "Mask",
    "OwnEnvironment",
    "OwnProcess",
    "Registry",
    "ToolResult",
    "built_in",
    "spec_of",
    "tool",
]
