"""The process of one tool: reads calls from standard input, writes replies to standard output.

``python cxr_agent/toolbox/isolation/start.py ARGUMENT``, by hand too, says on standard error why a
tool cannot be loaded. What the tool prints goes nowhere.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import math
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO, Final

from cxr_agent.toolbox.contract import ToolSpec, spec_of
from cxr_agent.toolbox.isolation.message import (
    MAX_CALL_BYTES,
    PREFIX,
    BadMessage,
    Part,
    message,
    read_head,
    read_prefix,
)
from cxr_agent.toolbox.isolation.serving import reply_to

BEGUN: Final = b"\x01"
"""Written between the last byte of a call and its begin: from here on nobody may try it again."""
_SLACK_BYTES: Final = 32 << 20
"""What an interpreter takes for itself meanwhile."""
_ORPHAN_S: Final = 0.5


def main(wanted: dict[str, Any]) -> int:
    """Serve until the input ends; a status of 1 says that the process is of no more use."""
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb", buffering=0)
    _silence(0, 1)
    _end_with(os.getppid())
    try:
        spec = _loaded(wanted)
    except BaseException as error:
        traceback.print_exc()
        _write(sink, message({"refused": type(error).__name__}))
        return 1
    _silence(2)
    _limit("RLIMIT_CORE", 0)  # a core dump would hold the picture
    base = _data_bytes()
    _write(sink, message({"ready": [spec.name, spec.version]}))
    while (call := _read(source)) is not None:
        head, body = call
        _write(sink, [BEGUN])
        _allow_cpu(spec.time_limit_s)
        reply = reply_to(
            spec,
            head,
            body,
            before=lambda taken: _limit(
                "RLIMIT_DATA", base + taken + (spec.memory_mib << 20) + _SLACK_BYTES
            ),
            after=lambda: _limit("RLIMIT_DATA", None),
        )
        _write(sink, reply.parts)
        if not reply.sound:
            return 1
    return 0


def _loaded(wanted: dict[str, Any]) -> ToolSpec:
    """The tool, of the very code that the other side has."""
    path = Path(wanted["file"])
    if hashlib.sha256(path.read_bytes()).hexdigest() != wanted["sha256"]:
        raise ImportError(f"{path} is not what it was when the tool was loaded")
    found: Any = _module(wanted["module"], path)
    for name in wanted["name"].split("."):
        found = getattr(found, name)
    spec = spec_of(found)
    if spec is None:
        raise ImportError(f"{wanted['name']} is no tool")
    return spec


def _module(name: str, path: Path) -> Any:
    """By name, as it may import its neighbours; by file where the name finds another or none."""
    try:
        known = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        known = None
    if known is not None and known.origin and Path(known.origin).resolve() == path.resolve():
        return importlib.import_module(name)
    if known is None and _package_found(name, path):
        return importlib.import_module(name)
    name = "__cxr_tool__" if name == "__main__" else name
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _package_found(name: str, path: Path) -> bool:
    """Make the package that a file stands in known, where the interpreter lacks it.

    Its folder is not put on the path: what lies beside the package would hide what the interpreter
    has of its own.
    """
    *packages, stem = name.split(".")
    if not packages or path.stem != stem or packages[0] in sys.modules:
        return False
    folder = path.parents[len(packages) - 1]
    root = folder / "__init__.py"
    if list(path.parent.relative_to(folder.parent).parts) != packages or not root.is_file():
        return False
    spec = importlib.util.spec_from_file_location(
        packages[0], root, submodule_search_locations=[os.fspath(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[packages[0]] = package
    spec.loader.exec_module(package)
    return True


def _read(source: BinaryIO) -> tuple[dict[str, Any], memoryview] | None:
    """The next call; None when there will be no other."""
    prefix = source.read(PREFIX.size)
    try:
        text, length = read_prefix(prefix, MAX_CALL_BYTES)
        head = read_head(source.read(text))
    except BadMessage:
        return None
    body = source.read(length)
    return (head, memoryview(body)) if len(body) == length else None


def _write(sink: BinaryIO, parts: list[Part]) -> None:
    """All of it: a raw write to a pipe may take only a part."""
    for part in parts:
        view = memoryview(part)
        while view:
            view = view[sink.write(view) :]


def _silence(*descriptors: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nothing, descriptor)
    os.close(nothing)


def _end_with(parent: int) -> None:
    """End this process, and what the tool started, once the one that asked is gone.

    A signal from the system would come with the end of the thread that started us, not of the
    program.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_ORPHAN_S)
        if os.getpgid(0) == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _limit(name: str, most: int | None) -> None:
    """Set a soft limit, None for none; where a system lacks it, the reader watches us."""
    try:
        import resource

        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        wanted = resource.RLIM_INFINITY if most is None else most
        if hard != resource.RLIM_INFINITY and (most is None or most > hard):
            wanted = hard
        resource.setrlimit(kind, (wanted, hard))
    except (ImportError, AttributeError, ValueError, OSError):
        return


def _allow_cpu(seconds: float) -> None:
    """CPU time on all cores for one call: what ends a tool that outlives us all in foreign code."""
    used = sum(os.times()[:2])
    _limit("RLIMIT_CPU", math.ceil(used + seconds * (os.cpu_count() or 1)) + 2)


def _data_bytes() -> int:
    """Private memory mapped for writing, which is what RLIMIT_DATA counts."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) << 10
    except (OSError, ValueError, IndexError):
        pass
    return 1 << 30
