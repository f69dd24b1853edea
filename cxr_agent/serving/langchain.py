"""What this program offers, as LangChain tools."""

from __future__ import annotations

import atexit
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_agent.errors import CxrAgentError
from cxr_agent.reading import Agent
from cxr_agent.serving.desk import Desk, unheard
from cxr_agent.serving.folders import Folders
from cxr_agent.serving.offers import Offer, offers

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


def as_langchain_tools(
    agent: Agent, films: Path | str | Iterable[Path | str] | None = None
) -> list[BaseTool]:
    """Reading, explaining and every tool of an agent as LangChain tools.

    Each gives what the MCP server gives, as a dictionary; an error is told as ``[code] message``.
    They share the open studies, which end with the process.

    Parameters
    ----------
    agent
        Stays open as long as the tools are used.
    films
        Folder or folders of films that may be named; the working folder where none is given.

    Raises
    ------
    UsageError
        ``no_films_folder``.
    """
    if films is None:
        films = Path.cwd()
    folders = Folders([films] if isinstance(films, Path | str) else films)
    desk = Desk(agent, folders)
    atexit.register(desk.close)
    return [_tool(offer) for offer in offers(desk)]


def _tool(offer: Offer) -> BaseTool:
    from langchain_core.tools import StructuredTool, ToolException

    def call(**given: Any) -> dict[str, Any]:
        try:
            answer = offer.do(offer.arguments.model_validate(given), unheard)
        except CxrAgentError as error:
            raise ToolException(str(error)) from None
        return answer.model_dump(mode="json")

    return StructuredTool.from_function(
        call,
        name=offer.name,
        description=offer.description,
        args_schema=offer.arguments,
        handle_tool_error=True,
    )
