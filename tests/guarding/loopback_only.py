"""An audit hook under which a Python process, and those it starts, reach this machine alone.

Nothing is imported here that a program might be found to import. What asks for more is refused and
written down: whoever swallows the error is found all the same.
"""

import os
import sys

LOG = "NETWORK_GUARD_LOG"
"""Variable with the file that refusals are written to."""
OFF = "NETWORK_GUARD_OFF"
"""Variable with the reason for which a process is let out; its own processes are, too."""
_SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "site")
_SOCKET_FIRST = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"})
_NAMES = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_INTERNET = frozenset({2, 10})
"""AF_INET and AF_INET6; the other families stay on this machine."""


class RefusedError(PermissionError):
    """What was asked for is not on this machine."""


def guard() -> None:
    """Put the hook up for good."""
    if LOG in os.environ and OFF not in os.environ:
        pass_on(os.environ)
        sys.addaudithook(_look)


def pass_on(environment) -> None:
    """Let the processes that get these variables put the guard up as well."""
    places = environment.get("PYTHONPATH", "").split(os.pathsep)
    if _SITE not in places:
        places = [_SITE, *(place for place in places if place)]
        environment["PYTHONPATH"] = os.pathsep.join(places)


def _look(event, arguments):
    if event in _SOCKET_FIRST:
        socket, address = arguments
        # A datagram may go to where its socket is connected to: that was looked at.
        if address is not None and socket.family in _INTERNET and not _is_here(address[0]):
            _refuse(event, address)
    elif event in _NAMES:
        if arguments[0] is not None and not _is_here(arguments[0]):
            _refuse(event, arguments[0])
    elif event == "subprocess.Popen":
        environment = arguments[3]
        # The very variables that the process will get: some get none of ours, and need this.
        if isinstance(environment, dict) and OFF not in environment:
            environment.setdefault(LOG, os.environ[LOG])
            pass_on(environment)


def _is_here(host):
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    host = host.partition("%")[0].removeprefix("::ffff:")
    return host in ("localhost", "::1") or (host.startswith("127.") and host.count(".") == 3)


def _refuse(event, address):
    line = f"{event} {address!r} by {' '.join(sys.argv[:4])[:200]!r}\n"
    log = os.open(os.environ[LOG], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(log, line.encode("utf-8", "replace"))
    finally:
        os.close(log)
    raise RefusedError(f"the tests reach this machine alone: {line}")
