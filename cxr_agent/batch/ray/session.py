"""Being connected to Ray, for as long as studies are read: quiet, and nothing sent home."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from cxr_agent.errors import ConfigError, UsageError

QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Without it Ray warns of what it will do some day with actors that ask for no GPU.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
LOOPBACK: Final = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Whatever its name says: without clusters Ray binds to 127.0.0.1 on every system, and to all
addresses otherwise, ``_node_ip_address`` or not (Ray 2.60, ``services.get_node_ip_address``)."""

_CONNECT_S: Final = 5.0


def check_ray() -> None:
    """See that Ray can be had, without importing it.

    Raises
    ------
    ConfigError
        ``ray_missing``.
    """
    if find_spec("ray") is None:
        raise ConfigError(
            "ray_missing",
            "Ray is not installed",
            hint="pip install 'cxr-agent[ray]', or leave out --ray.",
        )


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """The library, connected.

    Parameters
    ----------
    address
        As ``ray.init`` takes it; None for processes of this machine alone, on its loopback. A
        connection that the caller's program already has is used, whatever it is to.

    Raises
    ------
    UsageError
        ``ray_unreachable``.
    """
    check_ray()
    for name, value in (QUIET | (LOOPBACK if address is None else {})).items():
        os.environ.setdefault(name, value)
    ray: Any = import_module("ray")
    if ray.is_initialized():
        yield ray
        return
    with _silence():
        try:
            _connect(ray, address)
            yield ray
        finally:
            ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        options |= {"include_dashboard": False, "num_cpus": len(os.sched_getaffinity(0))}
    else:
        _check_address(address)
    try:
        with _own_signals():
            ray.init(address=address or "local", **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _unreachable(type(error).__name__) from None


def _check_address(address: str) -> None:
    """Ray itself tries for ever."""
    if address.startswith("ray://"):
        raise UsageError(
            "ray_unreachable",
            "a batch cannot be led through a Ray client",
            hint="Run it on a machine of the cluster, with --ray auto.",
        )
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal()):
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S):
            pass
    except (OSError, OverflowError) as error:
        raise _unreachable(type(error).__name__) from None


def _unreachable(how: str) -> UsageError:
    return UsageError(
        "ray_unreachable",
        f"no connection to Ray: {how}",
        hint="Check the address, and that Ray and Python have the same versions there.",
    )


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what the program does at SIGTERM: Ray would have it exit at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep Ray from printing to standard output that a worker died, which is told otherwise.

    ``log_to_driver`` does not cover these messages (Ray 2.60, ``worker.listen_error_messages``).
    """
    worker = sys.modules["ray._private.worker"]
    name = "_worker_logs_enabled"
    if not hasattr(worker, name):
        yield
        return
    before = getattr(worker, name)
    setattr(worker, name, False)
    try:
        yield
    finally:
        setattr(worker, name, before)
