"""The places where tools are found besides the program itself, and what became of each."""

from cxr_agent.toolbox.sources.choosing import PLUGINS_VARIABLE, PluginChoice
from cxr_agent.toolbox.sources.folder import TOOLS_VARIABLE
from cxr_agent.toolbox.sources.search import FoundTools, ToolSources
from cxr_agent.toolbox.sources.skipped import Skipped

__all__ = [
    "PLUGINS_VARIABLE",
    "TOOLS_VARIABLE",
    "FoundTools",
    "PluginChoice",
    "Skipped",
    "ToolSources",
]
