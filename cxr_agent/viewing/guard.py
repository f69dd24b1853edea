"""Who may ask the server what: this machine's browser, and only after it gave the token."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from email.message import Message

    Headers = Message[str, str] | Mapping[str, str]

HOST: Final = "127.0.0.1"
_BYTES: Final = 32


def _secret() -> str:
    return secrets.token_urlsafe(_BYTES)


@dataclass(frozen=True, slots=True)
class Guard:
    """The secrets of one server; they end with it."""

    port: int
    token: str = field(default_factory=_secret, repr=False)
    """In the address that the program prints."""
    session: str = field(default_factory=_secret, repr=False)
    """What the browser shows afterwards, as a cookie that no script can read."""
    page: str = field(default_factory=_secret, repr=False)
    """Stands in the pages: what is sent without it was sent by no page of ours."""

    @property
    def cookie_name(self) -> str:
        """A browser sends the cookies of one port to all: two servers need two names."""
        return f"cxr-agent-{self.port}"

    @property
    def cookie(self) -> str:
        """The header that gives the cookie."""
        return f"{self.cookie_name}={self.session}; Path=/; HttpOnly; SameSite=Strict"

    @property
    def address(self) -> str:
        """What the user opens."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    def is_ours(self, headers: Headers) -> bool:
        """Whether the request names this server, as one to a foreign name (DNS rebinding) does
        not, and comes from no other site."""
        origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
        return (
            headers.get("Host") in self._hosts()
            and (origin is None or origin in {f"http://{host}" for host in self._hosts()})
            and site in (None, "same-origin", "none")
        )

    def is_first_visit(self, token: str) -> bool:
        """Whether the token is that of the printed address."""
        return _same(token, self.token)

    def knows(self, headers: Headers) -> bool:
        """Whether the browser shows the cookie."""
        try:
            cookies = SimpleCookie(headers.get("Cookie", ""))
        except CookieError:
            return False
        shown = cookies.get(self.cookie_name)
        return shown is not None and _same(shown.value, self.session)

    def may_write(self, headers: Headers) -> bool:
        """Whether a page of ours sent this: it says where it comes from, and has the token."""
        return headers.get("Origin") in {f"http://{host}" for host in self._hosts()} and _same(
            headers.get("X-Cxr-Page", ""), self.page
        )

    def _hosts(self) -> tuple[str, ...]:
        return f"{HOST}:{self.port}", f"localhost:{self.port}"


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), known.encode())
