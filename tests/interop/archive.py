"""A real Orthanc with films in it, on a loopback port of its own."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

PLUGIN: Final = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
LOGIN: Final = ("reader", "s3cret-word")
TITLE: Final = "ARCHIVE"
SENDER: Final = "CXR-AGENT"
START_S: Final = 30.0


@dataclass(frozen=True)
class Archive:
    """Where it listens, and how films get in."""

    port: int
    dicom_port: int = 0

    @property
    def entity(self) -> str:
        """By what it is sent to by C-STORE; takes only what this machine sends."""
        return f"{TITLE}@127.0.0.1:{self.dicom_port}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicom-web"

    @property
    def url_with_login(self) -> str:
        return f"http://{':'.join(LOGIN)}@127.0.0.1:{self.port}/dicom-web/"

    def request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        key = base64.b64encode(":".join(LOGIN).encode()).decode()
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as link:
            link.request(method, path, body, {"Authorization": f"Basic {key}"})
            answer = link.getresponse()
            told = answer.read()
            assert answer.status == 200, (answer.status, told)
            return told

    def instances(self) -> list[dict[str, Any]]:
        """What it has."""
        return list(json.loads(self.request("GET", "/instances?expand")))

    def file(self, instance: dict[str, Any]) -> bytes:
        return self.request("GET", f"/instances/{instance['ID']}/file")

    def put(self, film: bytes) -> None:
        self.request("POST", "/instances", film)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def orthanc(folder: Path, *, locked: bool = True, dicom: bool = False) -> Iterator[Archive]:
    """Start one with an empty store, and end it; without ``locked`` it asks for no login.

    With ``dicom`` it takes C-STORE too, of the one sender that it knows on this machine.
    """
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    if program is None or not PLUGIN.exists():
        pytest.skip("Orthanc is not installed: apt-get install orthanc orthanc-dicomweb")
    port, dicom_port = free_port(), free_port()
    settings = {
        "Name": "tests",
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "HttpPort": port,
        "DicomServerEnabled": dicom,
        "DicomPort": dicom_port,
        "DicomAet": TITLE,
        "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False,
        "DicomCheckCalledAet": True,
        "DicomCheckModalityHost": True,
        "DicomModalities": {"sender": [SENDER, "127.0.0.1", 104]},
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": locked,
        "RegisteredUsers": dict([LOGIN]),
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(
            [program, str(folder / "orthanc.json")], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(Archive(port), process)
            yield Archive(port, dicom_port)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(archive: Archive, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            archive.request("GET", "/system")
            return
        except OSError:
            assert process.poll() is None, "Orthanc ended"
            assert time.monotonic() < until, "Orthanc does not start"
            time.sleep(0.1)
