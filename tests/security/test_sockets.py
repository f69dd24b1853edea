"""The guard of all tests holds; and the program opens no socket where nothing is configured."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.imaging.bare_process import bare_environment
from cxr_agent.testing.phantom import draw
from cxr_agent.toolbox.isolation.places import OwnProcess
from cxr_agent.toolbox.isolation.process import _environment
from cxr_agent.toolbox.registry import built_in
from tests.cli.program import environment, levels
from tests.guarding import hook, refusals
from tests.imaging.films import dicom

ROOT = Path(__file__).resolve().parents[2]
TRIES = """
import os, socket, subprocess, sys
from contextlib import suppress

import pytest

from tests.guarding import loopback_only  # it is in force by being here

CHILD = "import socket; socket.getaddrinfo('neighbour.example', 80)"


def test_connects_and_swallows():
    with socket.socket() as one, suppress(OSError):
        one.settimeout(0.1)
        one.connect(("192.0.2.1", 9))


def test_listens_to_all():
    with socket.socket() as one, suppress(OSError):
        one.bind(("0.0.0.0", 0))


def test_sends_a_datagram():
    with socket.socket(type=socket.SOCK_DGRAM) as one, suppress(OSError):
        one.sendto(b"x", ("192.0.2.1", 9))


def test_asks_for_a_name():
    with suppress(OSError):
        socket.create_connection(("neighbour.example", 9), timeout=0.1)


def test_has_a_child_ask():
    subprocess.run([sys.executable, "-c", CHILD], stderr=subprocess.DEVNULL)


def test_has_a_child_with_an_environment_of_its_own_ask():
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], env={})"
    command = [sys.executable, "-P", "-s", "-c", program, CHILD]
    subprocess.run(command, env={"PYTHONUTF8": "1"}, stderr=subprocess.DEVNULL)


def test_stays_here():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()
    one, other = socket.socketpair()
    one.close(), other.close()
"""


def test_whoever_leaves_this_machine_fails_the_test(tmp_path: Path) -> None:
    (tmp_path / "test_tries.py").write_text(TRIES)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rEp", "--tb=no"),
            *("-o", "addopts=", "-o", "filterwarnings=default", f"--rootdir={tmp_path}", "-p"),
            *("no:randomly", str(tmp_path)),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), hook.LOG: str(tmp_path / "log")},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = {
        line.split("::")[1].split()[0] for line in done.stdout.splitlines() if "ERROR" in line
    }
    assert failed == {
        "test_connects_and_swallows",
        "test_listens_to_all",
        "test_sends_a_datagram",
        "test_asks_for_a_name",
        "test_has_a_child_ask",
        "test_has_a_child_with_an_environment_of_its_own_ask",
    }, done.stdout
    assert "7 passed, 6 errors" in done.stdout


# Run time: one process does the work of all commands, in a network of its own where that can be
# had, and says what it was asked for.
RUNNER = """
import json, os, sys

touched = []
quiet = {"socket.__new__", "socket.gethostname"}


def watch(event, arguments):
    if event.startswith("socket.") and event not in quiet:
        touched.append([command, event, repr(arguments[1:])])
    if event == "socket.__new__" and arguments[1] in (2, 10):
        touched.append([command, event, repr(arguments[1:])])


command = "(start)"
sys.addaudithook(watch)
from cxr_agent.cli.main import _run

statuses = {}
for name, line in json.loads(sys.argv[1]).items():
    command, sys.argv[1:] = name, line
    statuses[name] = _run()
    sys.stdout.flush()

counted = {}
rows = [line.split() for line in open("/proc/net/snmp")]
for names, values in zip(rows[::2], rows[1::2]):
    counted |= {names[0] + name: int(value) for name, value in zip(names[1:], values[1:])}
wanted = ("Ip:OutRequests", "Ip:OutNoRoutes", "Tcp:ActiveOpens", "Udp:OutDatagrams")
with open(os.environ["TOLD"], "w") as told:
    counted = {name: counted[name] for name in wanted}
    json.dump({"touched": touched, "statuses": statuses, "counted": counted}, told)
"""


@dataclass(frozen=True)
class Told:
    """What came of the commands."""

    touched: list[list[str]]
    statuses: dict[str, int]
    counted: dict[str, int]
    apart: bool
    """Whether they ran in a network of their own, so that the kernel's counts are theirs alone."""
    refused: list[str]
    said: str


def commands(folder: Path) -> dict[str, list[str]]:
    """What a user without any configuration runs; one needs what another wrote."""
    pixels = draw(size=256).pixels
    film = folder / "films" / "chest.dcm"
    film.parent.mkdir()
    film.write_bytes(dicom(levels(pixels, 12), PatientName="DOE^JANE", StudyInstanceUID="1.2.3"))
    Image.fromarray(levels(pixels, 8)).save(film.parent / "other.png")
    (folder / "report.txt").write_text("The heart is not enlarged. No pleural effusion.\n")
    _ct(folder / "ct.nii")
    return {
        "demo": ["demo", "--html", "demo.html"],
        "read": ["read", str(film), "--json", "--html", "read.html"],
        "ask": ["ask", str(film), "Is the heart enlarged?"],
        "batch": ["batch", "films", "--out", "batched", "--workers", "1"],
        "measure": ["measure", str(film)],
        "segment": ["segment", str(film), "--out", "masks"],
        "export": ["export", "last", "--fhir", "report.json"],
        "kb build": ["kb", "build", "films", "--store", "store", "--jobs", "1"],
        "kb search": ["kb", "search", str(film), "--store", "store"],
        "trace view": ["trace", "view", "last", "--out", "run.html"],
        "deidentify": ["deidentify", str(film), "--out", "copies"],
        "drr": ["drr", "ct.nii", "--out", "projected", "--size", "128"],
        "check-report": ["check-report", "report.txt", "--study", str(film)],
        "doctor": ["doctor", "--no-speed"],
    }


def _ct(path: Path) -> None:
    """A body of water with two lungs of air, 64 voxels of 6 mm a side."""
    import nibabel

    z, y, x = np.mgrid[-1:1:64j, -1:1:64j, -1:1:64j]
    values = np.where((x / 0.8) ** 2 + (y / 0.6) ** 2 < 1, 40, -1000)
    lungs = ((abs(x) - 0.4) / 0.25) ** 2 + (y / 0.4) ** 2 + (z / 0.8) ** 2 < 1
    values[lungs] = -800
    picture = nibabel.Nifti1Image(
        values.transpose(2, 1, 0).astype(np.int16), np.diag([6.0, 6.0, 6.0, 1.0])
    )
    picture.header.set_xyzt_units("mm")
    nibabel.save(picture, path)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("bare")
    apart = ["unshare", "-n"] if _may_unshare() else []
    bare = {
        name: value
        for name, value in environment(folder / "traces").items()
        if not name.endswith(("_API_KEY", "_API_BASE", "_TOKEN", "_ENDPOINT"))
    }
    log, out = folder / "log", folder / "told.json"
    own = {
        "HOME": str(folder / "home"),
        "CXR_AGENT_STATE": str(folder / "state"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PYTHONPATH": str(ROOT),
        "TOLD": str(out),
        hook.LOG: str(log),
    }
    done = subprocess.run(
        [*apart, sys.executable, "-c", RUNNER, json.dumps(commands(folder))],
        cwd=folder,
        env={**bare, **own},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert out.exists(), done.stderr[-3000:]
    return Told(
        **json.loads(out.read_text()), apart=bool(apart), refused=refusals(log), said=done.stderr
    )


def _may_unshare() -> bool:
    if shutil.which("unshare") is None:
        return False
    return (
        subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
    )


def test_the_commands_did_their_work(told: Told) -> None:
    assert len(told.statuses) == 14
    # A checked report with errors ends with 1.
    wanted = dict.fromkeys(told.statuses, 0) | {"check-report": told.statuses["check-report"]}
    assert told.statuses == wanted, told.said[-3000:]
    assert told.statuses["check-report"] in (0, 1)


def test_no_command_opens_a_socket(told: Told) -> None:
    """Neither the program nor a worker of its own."""
    # urllib3, which LangGraph brings along, tries when it is imported whether this machine has
    # IPv6: it binds a socket to ::1, does not listen, and closes it.
    tried = [["socket.__new__", "(10, 1, 0)"], ["socket.bind", "(('::1', 0),)"]]
    assert [one[1:] for one in told.touched] in ([], tried)
    assert told.refused == []


def test_the_kernel_saw_no_attempt(told: Told) -> None:
    """Whatever library, language or process: nothing connected, sent, or tried without a route.

    Libraries make system calls of their own: ONNX Runtime asked for Microsoft's host until
    ``cxr_agent`` told it not to, and no hook of Python's saw it.
    """
    if not told.apart:
        pytest.skip("this user cannot make a network namespace")
    assert told.counted == dict.fromkeys(told.counted, 0)


def test_the_kernel_would_have_seen_one() -> None:
    """An attempt in a network of its own is counted, though nothing can go out."""
    if not _may_unshare():
        pytest.skip("this user cannot make a network namespace")
    program = (
        "import socket, contextlib\n"
        "with contextlib.suppress(OSError): socket.create_connection(('192.0.2.1', 9), 0.1)\n"
        "print(open('/proc/net/snmp').read())"
    )
    bare = {"PATH": os.environ["PATH"], hook.OFF: "in a network without a way out"}
    said = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", program],
        env=bare,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names, values = (line.split() for line in said.splitlines() if line.startswith("Ip:"))
    assert int(dict(zip(names, values, strict=True))["OutNoRoutes"]) > 0


def test_onnx_runtime_is_silent_wherever_it_is_loaded() -> None:
    """Also where the user's environment says otherwise, and in processes that inherit little."""
    program = "import os, cxr_agent; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    said = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said == "1\n"
    assert bare_environment()["ORT_DISABLE_TELEMETRY"] == "1"
    spec = replace(next(iter(built_in())), isolation=OwnProcess())
    assert _environment(spec)["ORT_DISABLE_TELEMETRY"] == "1"
