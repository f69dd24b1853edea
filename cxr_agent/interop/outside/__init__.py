"""Tools from outside: of any MCP server, and of LangChain.

Nothing that such a tool says of itself is believed. A mapping by the user says what it is asked
for in our codes, which argument takes the film, and where in its answer the value stands; what it
answers beyond that goes nowhere.
"""

from cxr_agent.interop.outside.langchain import from_langchain
from cxr_agent.interop.outside.mapping import (
    AnswerMapping,
    ServerMapping,
    ToolMapping,
    load_mapping,
)
from cxr_agent.interop.outside.mcp import mcp_tools

__all__ = [
    "AnswerMapping",
    "ServerMapping",
    "ToolMapping",
    "from_langchain",
    "load_mapping",
    "mcp_tools",
]
