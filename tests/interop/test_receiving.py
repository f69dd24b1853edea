"""Objects from dcmtk's storescu, into a folder, by a receiver that trusts nobody."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from cxr_agent.errors import OutputError, UsageError
from cxr_agent.imaging import Decoder
from cxr_agent.interop.dimse import Listening, receiving
from cxr_agent.interop.sending import archive_at, send
from tests.cli.program import MODULE, environment

from .archive import free_port
from .dcmtk import said, store
from .films import film

SMALL = 200_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path, 1)


def written(folder: Path, number: int) -> Path:
    path = folder / f"{number}.dcm"
    path.write_bytes(film("MARTHA-77", number))
    return path


def files_in(folder: Path) -> list[Path]:
    return sorted(one for one in folder.rglob("*") if one.is_file())


def test_what_is_sent_is_on_the_disk(tmp_path: Path, path: Path, decoder: Decoder) -> None:
    got = tmp_path / "got"
    with receiving(got, Listening(), told=True) as (process, port):
        told = said("echoscu", "-aec", "CXR-AGENT", "127.0.0.1", port)
        assert "Received Echo Response (Success)" in told
        assert store(port, path)
        assert process.answer(5)["got"] == "stored"
        assert store(port, path)
        assert process.answer(5)["got"] == "duplicate"
    (one,) = files_in(got)
    assert decoder.decode(one).sha256 == decoder.decode(path).sha256
    assert "MARTHA" not in str(one)
    assert "1.2." not in str(one.relative_to(got))
    assert one.stat().st_mode & 0o77 == 0
    assert got.stat().st_mode & 0o77 == 0


def test_another_object_of_the_same_uid_changes_nothing(tmp_path: Path, path: Path) -> None:
    got, other = tmp_path / "got", tmp_path / "other.dcm"
    other.write_bytes(film("MARTHA-77", 1, StudyDate="19990101"))
    with receiving(got, Listening()) as (_, port):
        assert store(port, path)
        (kept,) = files_in(got)
        before = kept.read_bytes()
        assert not store(port, other)
    assert kept.read_bytes() == before


def test_who_may_send(tmp_path: Path, path: Path) -> None:
    with receiving(tmp_path / "got", Listening(callers=("CT1",))) as (_, port):
        assert not store(port, path, calling="CT2")
        assert not store(port, path, called="OTHER")
        assert store(port, path)
    assert len(files_in(tmp_path / "got")) == 1


def test_only_this_machine_can_send() -> None:
    assert Listening().host == "127.0.0.1"
    assert Listening.at("A@104").host == "127.0.0.1"
    assert Listening.at("A@0.0.0.0:104").host == "0.0.0.0"
    with pytest.raises(UsageError, match="bad_ae"):
        Listening.at("104")


def test_no_more_than_the_folder_may_hold(tmp_path: Path) -> None:
    got = tmp_path / "got"
    paths = [written(tmp_path, number) for number in (1, 2)]
    with receiving(got, Listening(max_files=1)) as (_, port):
        told = send(archive_at(f"CXR-AGENT@127.0.0.1:{port}", "X"), paths, deadline_s=0)
        assert [one.code for one in told] == ["", "store_no_room"]
    assert len(files_in(got)) == 1


def test_no_larger_object(tmp_path: Path, path: Path) -> None:
    got = tmp_path / "got"
    large = tmp_path / "large.dcm"
    large.write_bytes(film("MARTHA-77", 2, ImageComments="x" * 4_000_000))
    with receiving(got, Listening(max_bytes=SMALL)) as (_, port):
        assert not store(port, large)
        assert store(port, path)  # the next is welcome
    assert len(files_in(got)) == 1


def test_a_full_disk(tmp_path: Path) -> None:
    got = tmp_path / "got"
    got.mkdir()
    # No folder can be made where a file has its name: as on a disk that takes no more.
    for number in range(256):
        (got / f"{number:02x}").write_bytes(b"")
    with receiving(got, Listening(), told=True) as (process, port):
        told = send(
            archive_at(f"CXR-AGENT@127.0.0.1:{port}", "X"), [written(tmp_path, 1)], deadline_s=0
        )
        assert [one.code for one in told] == ["store_no_room"]
        assert process.answer(5)["got"] == "no_room"


@contextmanager
def talking(port: int, data: bytes = b"") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        link.sendall(data)
        yield link


NO_DICOM = (
    b"GET / HTTP/1.1\r\n\r\n",
    bytes(4096),
    struct.pack(">BBL", 1, 0, 0xFFFFFFFF) + bytes(4096),
    struct.pack(">BBL", 4, 0, 0x7FFFFFFF) + bytes(4096),
    struct.pack(">BBL", 1, 0, 68) + b"\xff" * 68,
)


def test_what_is_no_dicom(tmp_path: Path, path: Path) -> None:
    with receiving(tmp_path / "got", Listening()) as (_, port):
        for data in NO_DICOM:
            with talking(port, data) as link, suppress(ConnectionResetError):
                link.settimeout(10)
                link.recv(4096)  # it says farewell, or nothing
        assert store(port, path)


def test_no_more_senders_than_allowed(tmp_path: Path, path: Path) -> None:
    with receiving(tmp_path / "got", Listening(max_associations=1)) as (_, port):
        with talking(port):
            time.sleep(0.3)
            assert not store(port, path)
        until = time.monotonic() + 10
        while not store(port, path):
            assert time.monotonic() < until
    assert len(files_in(tmp_path / "got")) == 1


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(OutputError, match="not_listening"),
            receiving(tmp_path, Listening(port=port)),
        ):
            pass


def test_what_a_kill_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "got" / "ab" / ".tmp-0123"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    with receiving(tmp_path / "got", Listening()):
        assert not left.exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_the_command_and_its_end(tmp_path: Path, path: Path, how: signal.Signals) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *MODULE, "receive", "--port", str(port), "--out", tmp_path / "got"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(tmp_path),
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == f"CXR-AGENT listens at port {port} of 127.0.0.1.\n"
        assert store(port, path)
        assert process.stdout.readline() == "object 1: stored\n"
        process.send_signal(how)
        rest = process.stdout.read()
        status = process.wait(20)
    if how is signal.SIGKILL:
        assert status == -signal.SIGKILL
    else:
        assert (status, rest) == (0, "Stopped: 1 stored.\n")
    until = time.monotonic() + 10
    while _listens(port):  # whatever ended the program, nobody listens any more
        assert time.monotonic() < until
        time.sleep(0.05)
    assert len(files_in(tmp_path / "got")) == 1


def _listens(port: int) -> bool:
    try:
        os.close(socket.create_connection(("127.0.0.1", port), timeout=1).detach())
    except OSError:
        return False
    return True
