"""Files of a trace, as renderers ask for them."""

from __future__ import annotations

from collections.abc import Callable

from cxr_agent.errors import CxrAgentError
from cxr_agent.report.render._drawings import OverlayError

Artifact = Callable[[str], bytes]
"""From a SHA-256 to the bytes of the file in the trace."""


def fetched(artifact: Artifact, digest: str) -> bytes:
    """The bytes of a file. Raises :class:`OverlayError` when it is not in the trace."""
    try:
        return artifact(digest)
    except (LookupError, OSError, CxrAgentError):
        raise OverlayError("the file is not in the trace") from None
