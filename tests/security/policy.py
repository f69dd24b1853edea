"""What a page may do, as a browser would find out: its policy, its scripts, its addresses."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field
from html.parser import HTMLParser

Directives = dict[str, list[str]]


def directives(policy: str) -> Directives:
    """Sources by directive; of one that stands there twice, a browser takes the first."""
    found: Directives = {}
    for part in policy.split(";"):
        words = part.split()
        if words:
            found.setdefault(words[0].lower(), words[1:])
    return found


@dataclass
class Page(HTMLParser):
    """A page taken apart."""

    text: str
    policies: list[str] = field(default_factory=list)
    """Of its ``meta`` elements."""
    scripts: list[tuple[str | None, str]] = field(default_factory=list)
    """Address and content of what a browser would run."""
    addresses: list[str] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)
    late: bool = False
    """Whether a policy stands behind something that it should hold for."""
    _open: bool = False

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.handlers += [name for name in given if name.startswith("on")]
        self.addresses += [
            value
            for name, value in attrs
            if name in {"href", "src", "action", "formaction", "data", "xlink:href"} and value
        ]
        if tag == "meta" and (given.get("http-equiv") or "").lower() == "content-security-policy":
            self.policies.append(given.get("content") or "")
            self.late = self.late or bool(self.scripts or self.addresses)
        self._open = tag == "script" and given.get("type") != "application/json"
        if self._open:
            self.scripts.append((given.get("src"), ""))

    def handle_data(self, data: str) -> None:
        if self._open:
            address, text = self.scripts[-1]
            self.scripts[-1] = address, text + data

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "script"


def faults(text: str, header: str = "") -> list[str]:
    """What is not strict about a page; ``header`` is the policy that its server sends."""
    page = Page(text)
    found = [f"handler {name}" for name in page.handlers]
    if len(page.policies) != 1 or page.late:
        return [*found, "it states no one policy at its beginning"]
    own = directives(page.policies[0])
    for name, wanted in (("default-src", ["'none'"]), ("base-uri", ["'none'"])):
        if own.get(name) != wanted:
            found.append(f"{name} {own.get(name)}")
    for name, sources in own.items():
        if name == "style-src":
            allowed = {"'self'", "'unsafe-inline'"}  # our own sheet; it loads nothing
        elif name == "img-src":
            allowed = {"data:"}
        else:
            allowed = {"'none'", "'self'"}
        digests = {one for one in sources if name == "script-src" and one.startswith("'sha256-")}
        if not set(sources) - digests <= allowed:
            found.append(f"{name} {sources}")
    if "form-action" not in own:
        found.append("forms may go anywhere")
    for address, content in page.scripts:
        digest = f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
        if address is None and digest not in own.get("script-src", []):
            found.append("a script of which the policy does not know")
        elif address is not None and not address.startswith("/static/"):
            found.append(f"a script at {address}")
    found += [
        f"address {one}"
        for one in page.addresses
        if ":" in one.partition("/")[0] and not one.startswith("data:")
    ]
    if header and "'none'" not in directives(header).get("frame-ancestors", []):
        found.append("others may frame it")
    return found
