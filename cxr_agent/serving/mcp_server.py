"""The MCP server: offers, answers with structured content, progress, cancellation."""

from __future__ import annotations

import base64
import threading
from functools import partial
from typing import Any, Final

import anyio
import anyio.from_thread
import anyio.to_thread
from mcp.server import Server, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    ListResourcesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    ResourceLink,
    TextContent,
    Tool,
    ToolAnnotations,
)
from pydantic import ValidationError

from cxr_agent.errors import CxrAgentError, UsageError
from cxr_agent.reading import program_version
from cxr_agent.report.model import NOTICE
from cxr_agent.serving.answers import ErrorAnswer, Refusal, ToolAnswer
from cxr_agent.serving.desk import Cancelled, Desk
from cxr_agent.serving.offers import Offer, Told, offers
from cxr_agent.trace import Event, ToolCalled, ToolReturned

_NAME: Final = "cxr-agent"
_INSTRUCTIONS: Final = (
    f"{NOTICE} Films are named by their path below the folder that the server offers. read gives "
    "a whole report; open_study and the single tools look at one thing; explain tells what a "
    "sentence rests on."
)
Context = ServerRequestContext[Any, Any]


def mcp_server(desk: Desk) -> Server[Any]:
    """A server of what a desk can do; run it over any transport."""
    offered = {offer.name: offer for offer in offers(desk)}

    async def list_tools(_: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=list(map(_tool, offered.values())))

    async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
        offer = offered.get(params.name)
        if offer is None:
            raise MCPError(INVALID_PARAMS, "there is no such tool", {"code": "unknown_tool"})
        return await _called(offer, params.arguments or {}, context)

    async def list_resources(_: Context, __: PaginatedRequestParams | None) -> ListResourcesResult:
        return ListResourcesResult(resources=[])

    async def read_resource(_: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        uri = str(params.uri)
        try:
            data, media_type = await anyio.to_thread.run_sync(desk.artifact, uri)
        except CxrAgentError as error:
            raise MCPError(INVALID_PARAMS, error.message, {"code": error.code}) from None
        blob = base64.b64encode(data).decode("ascii")
        return ReadResourceResult(
            contents=[BlobResourceContents(uri=uri, mime_type=media_type, blob=blob)]
        )

    return Server(
        _NAME,
        version=program_version(),
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_read_resource=read_resource,
    )


def _tool(offer: Offer) -> Tool:
    return Tool(
        name=offer.name,
        description=offer.description,
        input_schema=offer.arguments.model_json_schema(),
        output_schema=offer.answer_schema,
        annotations=ToolAnnotations(destructive_hint=False, open_world_hint=False),
    )


async def _called(offer: Offer, given: dict[str, Any], context: Context) -> CallToolResult:
    try:
        arguments = offer.arguments.model_validate(given)
    except ValidationError as error:
        return _failed(_bad_arguments(offer, error))
    cancelled = threading.Event()

    def heard(event: Event) -> None:
        if cancelled.is_set():
            raise Cancelled
        told.happened(event)

    told = _Progress(context)
    try:
        # Left behind when the client cancels; it ends itself at its next event.
        answer = await anyio.to_thread.run_sync(
            partial(offer.do, arguments, heard), abandon_on_cancel=True
        )
    except CxrAgentError as error:
        return _failed(error)
    except Exception as error:
        # Its text may hold what stood in a file.
        fault = f"{type(error).__name__}: this is a fault of the program"
        return _failed(CxrAgentError("internal_error", fault))
    finally:
        cancelled.set()
    return _result(answer)


class _Progress:
    """Tells the client which tools a reading calls."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._count = 0

    def happened(self, event: Event) -> None:
        if isinstance(event, ToolCalled):
            said = event.tool
        elif isinstance(event, ToolReturned):
            said = f"{event.tool}: {event.outcome}"
        else:
            return
        self._count += 1
        report = partial(self._context.session.report_progress, self._count, None, said)
        try:
            anyio.from_thread.run(report)
        except Exception:
            raise Cancelled from None  # the client is gone


def _result(answer: Told) -> CallToolResult:
    content: list[ContentBlock] = [TextContent(text=answer.text())]
    if isinstance(answer, ToolAnswer):
        content += [
            ResourceLink(name=one.name, uri=one.uri, mime_type=one.media_type)
            for one in answer.drawn
        ]
    return CallToolResult(content=content, structured_content=answer.model_dump(mode="json"))


def _failed(error: CxrAgentError) -> CallToolResult:
    """An error as MCP wants it: in the result, where the client's model can see it."""
    hint = f" {error.hint}" if error.hint else ""
    told = ErrorAnswer(error=Refusal(code=error.code, message=error.message, hint=error.hint))
    return CallToolResult(
        content=[TextContent(text=f"{error}{hint}")],
        structured_content=told.model_dump(mode="json"),
        is_error=True,
    )


def _bad_arguments(offer: Offer, error: ValidationError) -> UsageError:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(one)[:40] for one in first["loc"])
    return UsageError("bad_arguments", f"{offer.name}: {place or 'its arguments'}: {first['msg']}")
