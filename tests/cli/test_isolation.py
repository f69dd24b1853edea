"""A reading needs no network, no training library, and leaves nothing running."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .program import MODULE, Films, environment, run_program

NEVER = {"torch", "transformers", "monai", "pydicom", "litellm", "chromadb"}
"""Not on the reading path."""

NO_NETWORK = """
import os, socket, sys
from pathlib import Path

log = Path(os.environ["NETWORK_LOG"])

def refuse(*arguments, **keywords):
    log.open("a").write("touched ")
    raise OSError("no network in this test")

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        refuse()

socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = socket.create_connection = refuse
sys.addaudithook(watch)
log.open("a").write("watched ")
"""


def test_reading_works_without_network(films: Films, tmp_path: Path) -> None:
    """Also where the user's settings ask LangChain to send its runs to LangSmith."""
    langsmith = {
        "LANGSMITH_TRACING": "true",
        "LANGCHAIN_TRACING_V2": "true",
        "LANGSMITH_API_KEY": "none",
        "LANGSMITH_ENDPOINT": "http://192.0.2.1:9",
    }
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NO_NETWORK)
    log = tmp_path / "log"
    ran = run_program(
        "read",
        films["chest.dcm"],
        "--html",
        tmp_path / "page.html",
        traces=tmp_path / "traces",
        env={
            "PYTHONPATH": str(tmp_path / "site"),
            "NETWORK_LOG": str(log),
            **langsmith,
        },
    )
    assert ran.status == 0, ran.err
    assert set(log.read_text().split()) == {"watched"}


@pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode != 0,
    reason="this user cannot make a network namespace",
)
def test_reading_works_where_there_is_no_network_at_all(films: Films, tmp_path: Path) -> None:
    # This also holds for the decode worker, which the other test does not reach.
    done = subprocess.run(
        ["unshare", "-n", sys.executable, *MODULE, "read", str(films["chest.dcm"]), "--json"],
        capture_output=True,
        env=environment(tmp_path),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "complete"


def imported(*arguments: str, tmp_path: Path) -> set[str]:
    """Names of all modules that a process imports, from ``-X importtime``."""
    ran = run_program(*arguments, traces=tmp_path / "traces", start=("-X", "importtime"))
    assert ran.status == 0, ran.err[-2000:]
    return set(re.findall(r"^import time:.*\|\s+([\w.]+)$", ran.err, re.MULTILINE))


def tops(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_reading_imports_no_training_library(films: Films, tmp_path: Path) -> None:
    film, page = str(films["chest.dcm"]), str(tmp_path / "page.html")
    modules = imported(*MODULE, "read", film, "--html", page, tmp_path=tmp_path)
    assert "onnxruntime" in modules  # the list is that of a reading
    assert not tops(modules) & NEVER


def test_decoding_imports_no_pydicom(films: Films, tmp_path: Path) -> None:
    # The worker's own imports: its standard error goes nowhere.
    code = f"from cxr_agent.imaging.decode import decode; decode({str(films['chest.dcm'])!r})"
    modules = imported("-c", code, tmp_path=tmp_path)
    assert not tops(modules) & (NEVER | {"onnxruntime", "langgraph"})


def test_importing_the_package_costs_nothing(tmp_path: Path) -> None:
    modules = imported("-c", "import cxr_agent", tmp_path=tmp_path)
    assert not tops(modules) & (NEVER | {"numpy", "pydantic", "typer", "scipy", "onnxruntime"})


def test_listing_tools_imports_no_runtime(tmp_path: Path) -> None:
    modules = imported(*MODULE, "tools", "list", tmp_path=tmp_path)
    assert not tops(modules) & (NEVER | {"onnxruntime", "langgraph"})


def test_help_imports_only_the_command_line(tmp_path: Path) -> None:
    modules = imported(*MODULE, "--help", tmp_path=tmp_path)
    assert not tops(modules) & (NEVER | {"numpy", "pydantic", "onnxruntime", "rich", "PIL"})
