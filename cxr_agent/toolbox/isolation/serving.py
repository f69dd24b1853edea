"""One call where the tool is: read, run, and whatever comes of it told as a reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cxr_agent.errors import CxrAgentError
from cxr_agent.evidence import Observation
from cxr_agent.knowledge import Threshold, thresholds_changed
from cxr_agent.toolbox.contract import Abstain, ToolResult, ToolSpec
from cxr_agent.toolbox.isolation.call import read_call
from cxr_agent.toolbox.isolation.message import BadMessage, Part, PlaneReader
from cxr_agent.toolbox.isolation.reply import CONTRACT, abstained, answered, failed


@dataclass(frozen=True, slots=True)
class Reply:
    """The message, and whether the process may take another call."""

    parts: list[Part]
    sound: bool = True


def reply_to(
    spec: ToolSpec,
    head: Mapping[str, Any],
    body: memoryview,
    *,
    before: Callable[[int], None] = lambda _: None,
    after: Callable[[], None] = lambda: None,
) -> Reply:
    """Run a call; whatever the tool does short of ending the process is a reply.

    Parameters
    ----------
    before, after
        Called around the tool; ``before`` with the bytes that its arguments take, as they came
        and as they are read.
    """
    planes = PlaneReader(body)
    try:
        keywords, changed = read_call(spec, head, planes)
    except BadMessage:
        return Reply(failed("bad_arguments"))
    before(len(body) + planes.unpacked_bytes)
    try:
        try:
            result, observations = _run(spec, keywords, changed)
        finally:
            after()
        return Reply(_told(result, observations))
    except Abstain as outcome:
        return Reply(abstained(outcome))
    except CxrAgentError as error:
        return Reply(failed(error))
    except _Breach:
        return Reply(failed(CONTRACT))
    except MemoryError:
        # What else failed to allocate meanwhile is unknown.
        return Reply(failed("tool_memory"), sound=False)
    except Exception:
        return Reply(failed("tool_failed"))
    except SystemExit:
        return Reply(failed("tool_exited"), sound=False)
    except BaseException:  # the panic of a Rust library is one
        return Reply(failed("tool_crashed"), sound=False)


def _told(result: ToolResult, observations: tuple[Observation, ...]) -> list[Part]:
    try:
        return answered(result, observations)
    except (ValueError, TypeError, AttributeError) as error:  # what it made of its own result
        raise _Breach from error


class _Breach(Exception):  # noqa: N818 - caught in this module
    """The answer is not what the contract says."""


def _run(
    spec: ToolSpec, keywords: dict[str, Any], changed: dict[str, Threshold]
) -> tuple[ToolResult, tuple[Observation, ...]]:
    with thresholds_changed(changed):
        try:
            result = spec.function(**keywords)
            if not isinstance(result, spec.result):
                raise _Breach
            return result, tuple(result.observations())
        except ValidationError as error:
            raise _Breach from error
