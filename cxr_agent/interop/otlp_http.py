"""Runs to an OpenTelemetry collector over HTTP, where the user named one; never otherwise."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from typing import IO, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from cxr_agent.errors import OutputError, UsageError

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
HEADERS: Final = "OTEL_EXPORTER_OTLP_HEADERS"
"""Environment variables of every OpenTelemetry exporter; headers are ``name=value,...``."""
FROM_ENVIRONMENT: Final = "env"
"""In place of an address: the one of :data:`ENDPOINT`."""

_PATH: Final = "/v1/traces"
_SECONDS: Final = 10.0


def collector(address: str) -> str:
    """Where requests go for a collector's base address, or for ``env``.

    Raises
    ------
    UsageError
        ``no_endpoint``, ``bad_endpoint``.
    """
    if address == FROM_ENVIRONMENT:
        address = os.environ.get(ENDPOINT, "")
        if not address:
            raise UsageError("no_endpoint", f"{ENDPOINT} is not set", hint="give --endpoint URL")
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise UsageError(
            "bad_endpoint",
            "that is no address of an OTLP/HTTP collector",
            hint=f"as http://127.0.0.1:4318; credentials go into {HEADERS}",
        )
    path = parts.path.rstrip("/")
    path = path if path.endswith(_PATH) else path + _PATH
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def send(request: bytes, url: str) -> None:
    """Post one request in OTLP's JSON encoding.

    Raises
    ------
    OutputError
        ``otlp_unreachable``, ``otlp_refused``.
    """
    headers = {"Content-Type": "application/json", "User-Agent": "cxr-agent", **_headers()}
    post = urllib.request.Request(  # noqa: S310 - `collector` lets http and https through alone
        url, data=request, headers=headers, method="POST"
    )
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(post, timeout=_SECONDS) as answer:
            answer.read(1 << 16)
    except urllib.error.HTTPError as error:
        error.close()
        raise OutputError(
            "otlp_refused",
            f"the collector answers with HTTP status {error.code}",
            hint=f"check the address and {HEADERS}",
        ) from None
    except (OSError, HTTPException, ValueError):
        # The error may name the address, and that may hold a key.
        raise OutputError(
            "otlp_unreachable",
            "the collector does not answer",
            hint="check the address and the network, or export to a file",
        ) from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What was meant for one server goes to no other."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        return None


def _headers() -> dict[str, str]:
    pairs = (pair.partition("=") for pair in os.environ.get(HEADERS, "").split(",") if "=" in pair)
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs}
