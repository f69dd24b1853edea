"""A real Chromium that tests drive through a pipe: keys, clicks, colours, what it asked for.

The DevTools protocol over ``--remote-debugging-pipe`` needs nothing but the standard library.
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

PROGRAM = Path("/usr/bin/chromium")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules='MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost'",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_KEYS = {"ArrowDown": 40, "ArrowUp": 38, "Enter": 13, "Escape": 27, "Home": 36, "End": 35, "Tab": 9}


class PageLeft(AssertionError):  # noqa: N818 - a page that left is none yet
    """The page went to another address in the middle of what it was asked."""


class Browser:
    """One page; waits are bounded, and what goes wrong in the page is kept."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._buffer = b""
        self._count = 0
        self.console: list[str] = []
        """What the page said on its console, and what it threw."""
        self.requests: list[str] = []
        """Addresses that the page asked for."""
        found = self._call("Target.createTarget", url="about:blank")
        attached = self._call("Target.attachToTarget", targetId=found["targetId"], flatten=True)
        self._session: str | None = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")

    _session: str | None = None

    def open(self, address: str) -> Self:
        """Go to an address and wait until it is loaded."""
        self.requests.clear()
        self._call("Page.navigate", url=address)
        # The old page is complete as well: wait for the new one by its address.
        bare = address.partition("?token")[0].partition("#")[0]
        self.wait(f"location.href.startsWith({bare!r}) && document.readyState === 'complete'")
        return self

    def size(self, width: int, height: int) -> None:
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, *, scheme: str = "light", media: str = "") -> None:
        """Dark or light; ``media="print"`` as on paper."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", media=media, features=features)

    def tell(self, expression: str) -> Any:
        """The value of an expression in the page."""
        said = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in said:
            raise AssertionError(said["exceptionDetails"])
        return said["result"].get("value")

    def wait(self, expression: str, seconds: float = 20.0) -> None:
        """Until an expression holds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if self.tell(f"Boolean({expression})"):
                    return
            except PageLeft:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {expression}; {self.console}")

    def press(self, key: str) -> None:
        """A real key, with its text where it has one."""
        text = key if len(key) == 1 else ("\r" if key == "Enter" else "")
        code = _KEYS.get(key, ord(key.upper()) if len(key) == 1 else 0)
        common = {"key": key, "windowsVirtualKeyCode": code}
        self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self._call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        self._call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """A real click in the middle of what a selector finds first."""
        x, y = self._middle(selector)
        where = {"x": x, "y": y, "button": "left", "clickCount": 1}
        self._call("Input.dispatchMouseEvent", type="mousePressed", **where)
        self._call("Input.dispatchMouseEvent", type="mouseReleased", **where)

    def _middle(self, selector: str) -> tuple[float, float]:
        x, y = self.tell(
            f"(() => {{ const node = document.querySelector({selector!r});"
            "node.scrollIntoView({block: 'center'});"
            "const box = node.getClientRects()[0];"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        return x, y

    def drop(self, selector: str, *files: Path) -> None:
        """Drag files from outside onto the middle of what a selector finds first, and let go."""
        x, y = self._middle(selector)
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self._call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def choose(self, selector: str, *files: Path) -> None:
        """Choose files in a form, as its dialog would."""
        found = self._call("Runtime.evaluate", expression=f"document.querySelector({selector!r})")
        self._call(
            "DOM.setFileInputFiles",
            files=[str(file) for file in files],
            objectId=found["result"]["objectId"],
        )

    def save_to(self, folder: Path) -> None:
        """Where downloads go."""
        self._call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def screenshot(self, file: Path) -> Path:
        file.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))
        return file

    def pdf(self, file: Path) -> Path:
        made = self._call("Page.printToPDF", printBackground=False)
        file.write_bytes(base64.b64decode(made["data"]))
        return file

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                if "error" in answer:
                    said = answer["error"]["message"]
                    left = "navigated" in said or "context" in said
                    raise (PageLeft if left else AssertionError)(f"{method}: {said}")
                result: dict[str, Any] = answer["result"]
                return result
            self._heard(answer)

    def _heard(self, message: dict[str, Any]) -> None:
        about = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.console.append(json.dumps(about["exceptionDetails"])[:600])
            case "Runtime.consoleAPICalled":
                self.console.append(json.dumps(about["args"])[:600])
            case "Log.entryAdded":
                self.console.append(about["entry"]["text"])
            case "Page.javascriptDialogOpening":
                self.console.append(f"dialog: {about['message']}")
            case "Network.requestWillBeSent":
                if not about["request"]["url"].startswith("data:"):
                    self.requests.append(about["request"]["url"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._receive], [], [], 60)
            if not ready:
                raise AssertionError("Chromium does not answer")
            piece = os.read(self._receive, 1 << 20)
            if not piece:
                raise AssertionError("Chromium went away")
            self._buffer += piece
        data, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(data)
        return answer


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in ``folder``."""
    to_read, to_write = os.pipe(), os.pipe()
    # Chromium reads file descriptor 3 and writes 4.
    command = (
        f'exec {PROGRAM} {" ".join(_FLAGS)} --user-data-dir="$1" 3<&{to_read[0]} 4>&{to_write[1]}'
    )
    process = subprocess.Popen(
        ["/bin/bash", "-c", command, "bash", str(folder / "profile")],
        pass_fds=(to_read[0], to_write[1]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_read[0])
    os.close(to_write[1])
    try:
        yield Browser(to_read[1], to_write[0])
    finally:
        os.close(to_read[1])
        os.close(to_write[0])
        process.terminate()
        process.wait(timeout=20)
