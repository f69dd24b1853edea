"""What this program offers to other agents: over MCP, and as LangChain tools."""

from cxr_agent.serving.desk import Desk
from cxr_agent.serving.folders import Folders
from cxr_agent.serving.langchain import as_langchain_tools

__all__ = ["Desk", "Folders", "as_langchain_tools"]
