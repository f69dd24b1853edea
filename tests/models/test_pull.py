"""Installing upgrades from a server on the loopback: whole or not at all, and never unchecked."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import time
from collections import namedtuple
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from urllib.request import Request

import pytest

from cxr_agent.errors import ModelError, OutputError
from cxr_agent.models import download, manifest, pull
from cxr_agent.models.download import Offline
from tests.models.pulling import (
    BIG,
    SMALL,
    WHOLE,
    WRONG,
    failure,
    installed,
    process,
    upgrade,
)
from tests.models.server import Server, serving

# --- a pull that goes well ------------------------------------------------------------------


def test_a_pull_installs_the_files_and_records_their_hashes(server: Server, root: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    made = pull.pull(upgrade(server.url), progress=lambda *now: told.append(now))
    assert installed(root) == WHOLE
    assert manifest.read(root / "one") == made
    assert {one.name: one.sha256 for one in made.files} == {
        name: manifest.sha256_of(root / "one" / name) for name in WHOLE
    }
    assert all(one.checked_against is None for one in made.files)
    assert made.pulled_from == "address"
    assert ("big.bin", len(BIG), len(BIG)) in told
    assert sorted(path.name for path in root.iterdir()) == [".one.lock", "one"]


def test_a_second_pull_asks_the_server_nothing(server: Server, root: Path) -> None:
    first = pull.pull(upgrade(server.url))
    server.asked.clear()
    assert pull.pull(upgrade(server.url)) == first
    assert not server.asked


def test_a_hash_of_the_catalogue_is_checked(server: Server, root: Path) -> None:
    digest = server.put("big.bin", BIG)
    made = pull.pull(upgrade(server.url, sha256={"big.bin": digest}))
    assert {one.name: one.checked_against for one in made.files} == {
        "big.bin": "catalogue",
        "part/small.json": None,
    }


def test_a_server_that_states_no_length_is_read_to_its_end(root: Path) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Endless(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(BIG)

    httpd = HTTPServer(("127.0.0.1", 0), Endless)
    thread = Thread(target=httpd.handle_request)
    thread.start()
    pull.pull(upgrade(f"http://127.0.0.1:{httpd.server_address[1]}/", files=["big.bin"]))
    thread.join()
    httpd.server_close()
    assert installed(root) == {"big.bin": BIG}


# --- what is wrong with the content ---------------------------------------------------------


def test_another_file_than_the_catalogue_names_is_refused(server: Server, root: Path) -> None:
    digest = server.put("big.bin", BIG)
    server.put("big.bin", BIG[:-1] + b"x")
    error = failure(upgrade(server.url, sha256={"big.bin": digest}))
    assert error.code == "checksum_mismatch"
    assert "big.bin" in error.message
    assert not (root / "one").exists()
    # Once the server has the right one, the next pull does not go on from the wrong one.
    server.put("big.bin", BIG)
    pull.pull(upgrade(server.url, sha256={"big.bin": digest}))
    assert installed(root) == WHOLE


def test_a_damaged_model_is_repaired_from_what_is_sound(server: Server, root: Path) -> None:
    pull.pull(upgrade(server.url))
    (root / "one/part/small.json").write_bytes(b'{"size": 4}')
    assert pull.intact(upgrade(server.url)) is None
    server.asked.clear()
    pull.pull(upgrade(server.url))
    assert installed(root) == WHOLE
    assert [one.path for one in server.gets()] == ["/part/small.json"]


def test_a_lost_manifest_means_a_new_pull(server: Server, root: Path) -> None:
    pull.pull(upgrade(server.url))
    (root / "one" / manifest.MANIFEST).write_text("{")
    (root / "one/big.bin").write_bytes(b"swapped")
    pull.pull(upgrade(server.url))
    assert installed(root) == WHOLE


def test_a_model_of_another_source_or_commit_is_replaced(server: Server, root: Path) -> None:
    pull.pull(upgrade(server.url))
    server.put("new/big.bin", b"newer")
    server.put("new/part/small.json", b"{}")
    pull.pull(upgrade(server.url + "new/"))
    assert installed(root) == {"big.bin": b"newer", "part/small.json": b"{}"}
    assert sorted(path.name for path in root.iterdir()) == [".one.lock", "one"]


def test_what_the_catalogue_pins_by_now_must_be_what_is_installed(
    server: Server, root: Path
) -> None:
    digest = server.put("big.bin", BIG)
    pull.pull(upgrade(server.url))
    assert pull.intact(upgrade(server.url, sha256={"big.bin": digest})) is not None
    assert pull.intact(upgrade(server.url, sha256={"big.bin": WRONG})) is None


# --- connections that break -----------------------------------------------------------------


def test_a_drop_in_the_middle_is_continued(server: Server, root: Path) -> None:
    server.drops = [100_000, 50_000]
    pull.pull(upgrade(server.url))
    assert installed(root) == WHOLE
    ranges = [one.range for one in server.gets() if one.path == "/big.bin"]
    assert ranges == [None, "bytes=100000-", "bytes=150000-"]


@pytest.mark.parametrize(
    ("trait", "value", "wanted"),
    [
        ("ranges", False, [None, "bytes=100000-"]),
        ("etags", False, [None, None]),
        ("weak", True, [None, None]),
        ("shifted", True, [None, "bytes=100000-", None]),
    ],
)
def test_where_a_part_cannot_be_trusted_a_drop_means_a_new_start(
    server: Server, root: Path, trait: str, value: bool, wanted: list[str | None]
) -> None:
    setattr(server, trait, value)
    server.drops = [100_000]
    pull.pull(upgrade(server.url))
    assert installed(root) == WHOLE
    assert [one.range for one in server.gets() if one.path == "/big.bin"] == wanted


def test_a_server_that_always_breaks_off_is_given_up(server: Server, root: Path) -> None:
    server.ranges = False
    server.drops = [100_000] * 50
    error = failure(upgrade(server.url))
    assert error.code == "download_interrupted"
    assert "0.1 MB" in error.message
    assert "continues" in error.hint
    assert len(server.asked) < 10
    assert not (root / "one").exists()


def test_the_next_pull_goes_on_from_there(server: Server, root: Path) -> None:
    server.drops = [100_000, 0, 0, 0, 0]
    assert failure(upgrade(server.url)).code == "download_interrupted"
    assert not (root / "one").exists()
    server.asked.clear()
    server.drops = []
    pull.pull(upgrade(server.url))
    assert installed(root) == WHOLE
    assert server.gets()[0].range == "bytes=100000-"


def test_a_file_that_changed_meanwhile_is_no_mixture(server: Server, root: Path) -> None:
    server.drops = [100_000, 0, 0, 0, 0]
    assert failure(upgrade(server.url)).code == "download_interrupted"
    server.put("big.bin", BIG[::-1])
    server.drops = []
    pull.pull(upgrade(server.url))
    assert installed(root)["big.bin"] == BIG[::-1]


def test_a_part_that_is_already_whole_is_taken(server: Server, root: Path) -> None:
    server.drops = [len(BIG), 0, 0, 0, 0]  # all bytes of the first file, then the second fails
    assert failure(upgrade(server.url)).code == "download_interrupted"
    work = root / ".one.partial"
    (work / "big.bin").rename(work / "big.bin.part")
    (work / "big.bin.part.etag").write_text(f'"{manifest.sha256_of(work / "big.bin.part")}"')
    server.drops = []
    server.asked.clear()
    pull.pull(upgrade(server.url))
    assert installed(root) == WHOLE
    ranges = [one.range for one in server.gets() if one.path == "/big.bin"]
    assert ranges == [f"bytes={len(BIG)}-"]


def test_a_part_that_is_too_long_is_dropped(server: Server, root: Path) -> None:
    target = root / "big.bin"
    root.mkdir()
    (root / "big.bin.part").write_bytes(BIG + b"more")
    (root / "big.bin.part.etag").write_text(f'"{server.put("big.bin", BIG)}"')
    download.download(server.url + "big.bin", target, progress=lambda *_: None)
    assert target.read_bytes() == BIG
    assert [path.name for path in root.iterdir()] == ["big.bin"]


def test_a_busy_server_is_asked_again_a_few_times(server: Server, root: Path) -> None:
    server.statuses["/big.bin"] = 503
    error = failure(upgrade(server.url))
    assert error.code == "download_interrupted"
    assert "503" in error.message
    assert len(server.asked) == 3


# --- refusals and no network ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "access_denied"),
        (403, "access_denied"),
        (404, "source_gone"),
        (410, "source_gone"),
        (400, "download_failed"),
    ],
)
def test_a_refusal_is_told_at_once(server: Server, root: Path, status: int, code: str) -> None:
    server.statuses["/big.bin"] = status
    error = failure(upgrade(server.url))
    assert error.code == code
    assert str(status) in error.message
    assert "--from" in error.hint
    assert len(server.asked) == 1
    assert not (root / "one").exists()


def test_nobody_listens(root: Path) -> None:
    with serving() as gone:
        source = gone.url
    error = failure(upgrade(source))
    assert error.code == "offline"
    assert error.exit_status == 6
    assert "connection refused" in error.message
    assert "--from" in error.hint


def test_a_name_that_does_not_resolve(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure(upgrade("https://no-such-host.invalid/"))
    assert error.code == "offline"
    assert "no-such-host.invalid: name or service not known" in error.message


def test_a_proxy_that_is_gone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert failure(upgrade("https://example.org/")).code == "offline"


def test_a_server_that_says_nothing(
    server: Server, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "SECONDS", 0.3)
    server.silent = True
    began = time.monotonic()
    error = failure(upgrade(server.url))
    assert error.code == "offline"
    assert "silent" in error.message
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_a_switch_keeps_the_network_out(
    server: Server, root: Path, monkeypatch: pytest.MonkeyPatch, switch: str
) -> None:
    monkeypatch.setenv(switch, "1")
    error = failure(upgrade(server.url))
    assert error.code == "offline"
    assert not server.asked
    monkeypatch.setenv(switch, "0")
    pull.pull(upgrade(server.url))


def test_a_redirect_is_followed_by_the_handler_that_minds_encryption(
    server: Server, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.redirects["/big.bin"] = "/elsewhere.bin"
    server.put("elsewhere.bin", BIG)
    pull.pull(upgrade(server.url))
    assert installed(root) == WHOLE

    def refuse(handler: object, request: Request, answer: IO[bytes], *_: object) -> None:
        answer.close()
        raise ModelError("untrusted_server", "no")

    monkeypatch.setattr(download._NoDowngrade, "redirect_request", refuse)
    assert failure(upgrade(server.url, id="two")).code == "untrusted_server"


def test_no_redirect_away_from_encryption() -> None:
    handler = download._NoDowngrade()
    request = Request("https://example.org/a")
    arguments: Any = (request, BytesIO(), 302, "Found", {})
    with pytest.raises(ModelError) as caught:
        handler.redirect_request(*arguments, "http://example.org/a")
    assert caught.value.code == "untrusted_server"
    followed = handler.redirect_request(*arguments, "https://elsewhere.org/a")
    assert followed is not None
    assert followed.full_url == "https://elsewhere.org/a"


def test_a_certificate_that_is_not_trusted_is_not_called_offline() -> None:
    import ssl

    error = download._unreachable(ssl.SSLCertVerificationError("no"), "example.org")
    assert isinstance(error, ModelError)
    assert error.code == "untrusted_server"
    assert isinstance(download._unreachable(ConnectionError("no"), "example.org"), Offline)


# --- from a folder --------------------------------------------------------------------------


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Files as a person fetched them, with others beside them."""
    folder = tmp_path / "bare"
    (folder / "part").mkdir(parents=True)
    (folder / "big.bin").write_bytes(BIG)
    (folder / "part/small.json").write_bytes(SMALL)
    (folder / "notes.txt").write_text("mine")
    return folder


def test_a_folder_is_installed_without_a_network(
    bare: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    one = upgrade("https://no-such-host.invalid/")
    made = pull.pull(one, from_folder=bare)
    assert installed(root) == WHOLE
    assert made.pulled_from == "folder"
    assert pull.intact(one) == made
    assert (bare / "big.bin").read_bytes() == BIG


def test_a_folder_of_links_gives_files(bare: Path, root: Path, tmp_path: Path) -> None:
    """The hub's cache is made of links to blobs."""
    linked = tmp_path / "linked"
    (linked / "part").mkdir(parents=True)
    for name in WHOLE:
        (linked / name).symlink_to(bare / name)
    pull.pull(upgrade("https://no-such-host.invalid/"), from_folder=linked)
    assert installed(root) == WHOLE
    assert not any(path.is_symlink() for path in (root / "one").rglob("*"))


def test_a_model_carried_from_another_machine_is_checked_by_its_manifest(
    server: Server, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = upgrade(server.url, files=["big.bin", "part/small.json"])
    first = pull.pull(one)
    carried = tmp_path / "carried"
    shutil.copytree(root / "one", carried)
    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path / "elsewhere"))
    made = pull.pull(one, from_folder=carried)
    assert [one.checked_against for one in made.files] == ["folder", "folder"]
    assert [one.sha256 for one in made.files] == [one.sha256 for one in first.files]
    (carried / "big.bin").write_bytes(BIG[:-1] + b"x")
    shutil.rmtree(tmp_path / "elsewhere")
    assert failure(one, carried).code == "checksum_mismatch"
    assert not (tmp_path / "elsewhere/one").exists()


def test_the_manifest_of_the_folder_is_no_file_of_the_model(
    bare: Path, root: Path, tmp_path: Path
) -> None:
    (bare / "config.json").write_text("{}")
    one = upgrade("owner/name", revision="main", files=["big.bin", "*.json"])
    pull.pull(one, from_folder=bare)
    shutil.copytree(root / "one", tmp_path / "carried")
    shutil.rmtree(root)
    made = pull.pull(one, from_folder=tmp_path / "carried")
    assert [file.name for file in made.files] == ["big.bin", "config.json"]
    assert pull.intact(one) == made


def test_a_folder_is_checked_against_the_catalogue(bare: Path, root: Path) -> None:
    one = upgrade("https://no-such-host.invalid/", sha256={"big.bin": WRONG})
    assert failure(one, bare).code == "checksum_mismatch"
    assert not (root / "one").exists()


def test_what_a_folder_lacks_is_named(bare: Path, root: Path, tmp_path: Path) -> None:
    one = upgrade("https://no-such-host.invalid/")
    (bare / "part/small.json").unlink()
    error = failure(one, bare)
    assert error.code == "files_missing"
    assert "part/small.json" in error.message
    assert failure(one, tmp_path / "nowhere").code == "no_such_folder"


# --- other processes, full disks, kills -----------------------------------------------------


def test_two_pulls_of_one_model_do_not_meet(server: Server, root: Path) -> None:
    with pull._alone("one"):
        assert failure(upgrade(server.url)).code == "pull_running"
        pull.pull(upgrade(server.url, id="two"))
    pull.pull(upgrade(server.url))


def test_no_room_is_said_before_anything_is_fetched(
    server: Server, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 10**6))
    with pytest.raises(OutputError) as caught:
        pull.pull(upgrade(server.url, size_mb=2))
    assert caught.value.code == "no_room"
    assert not server.asked
    pull.pull(upgrade(server.url, size_mb=1))


def test_a_place_that_cannot_be_written(
    server: Server, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CXR_AGENT_MODELS", str(tmp_path / "file/models"))
    with pytest.raises(OutputError) as caught:
        pull.pull(upgrade(server.url))
    assert caught.value.code == "output_not_writable"


def test_a_kill_leaves_nothing_that_looks_installed(server: Server, root: Path) -> None:
    server.chunk_pause_s = 0.1
    one = upgrade(server.url)
    running = process(one)
    assert running.stdout is not None
    running.stdout.readline()  # some of it is on the disk
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert running.returncode == -signal.SIGKILL
    assert not (root / "one").exists()
    server.chunk_pause_s = 0
    server.asked.clear()
    pull.pull(one)
    assert installed(root) == WHOLE
    start = server.gets()[0].range
    assert start is not None
    assert int(start.removeprefix("bytes=").rstrip("-")) > 0


def test_the_origin_of_an_unfinished_pull_is_on_the_disk(server: Server, root: Path) -> None:
    server.statuses["/part/small.json"] = 404
    one = upgrade(server.url)
    assert failure(one).code == "source_gone"
    origin = json.loads((root / ".one.partial" / pull._ORIGIN).read_text())
    assert origin == {"source": server.url, "revision": ""}
