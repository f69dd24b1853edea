"""The folder of entries: whole files alone, for many at once, within its limit."""

from __future__ import annotations

import hashlib
import os
import random
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxr_agent.toolbox.cache.store import EntryStore
from cxr_agent.trace.durable import TEMPORARY

ROUNDS = 4
"""Kills."""


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def store(folder: Path, limit: int = 2**30) -> EntryStore:
    return EntryStore(folder / "cache", limit)


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "cache").rglob("*") if not path.is_dir()]


def test_what_was_put_is_got_by_anyone(tmp_path: Path) -> None:
    ours, theirs = store(tmp_path), store(tmp_path)
    assert ours.get(key(1)) is None
    ours.put(key(1), b"one")
    assert theirs.get(key(1)) == b"one"
    theirs.put(key(1), b"another")
    assert ours.get(key(1)) == b"another"
    assert ours.get(key(2)) is None


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    store(tmp_path).put(key(1), b"one")
    (path,) = files(tmp_path)
    assert path == tmp_path / "cache" / key(1)[0] / key(1)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent, tmp_path / "cache")]
    assert modes == [0o600, 0o700, 0o700]


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "large"])
def test_what_is_no_entry_is_not_read(kind: str, tmp_path: Path) -> None:
    one = store(tmp_path)
    one.put(key(1), b"one")
    (path,) = files(tmp_path)
    path.unlink()
    (tmp_path / "secret").write_bytes(b"secret")
    match kind:
        case "link":
            path.symlink_to(tmp_path / "secret")
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "large":
            path.touch()
            os.truncate(path, 2**40)
    assert one.get(key(1)) is None


WRITER = """
import hashlib, sys
from pathlib import Path
from cxr_agent.toolbox.cache.store import EntryStore

store = EntryStore(Path(sys.argv[1]), 2**30)
print("ready", flush=True)
number = 0
while number < int(sys.argv[2]):
    number += 1
    key = hashlib.sha256(str(number % 7).encode()).hexdigest()
    store.put(key, hashlib.sha256(sys.argv[3].encode() + key.encode()).digest() * 40_000)
"""


def writer(folder: Path, count: int, who: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(count), who], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def whole(folder: Path, *writers: str) -> int:
    """How many entries there are; all of them as one of the writers wrote it."""
    found = 0
    for number in range(7):
        data = store(folder).get(key(number))
        if data is not None:
            sources = [who.encode() + key(number).encode() for who in writers]
            assert data in [hashlib.sha256(source).digest() * 40_000 for source in sources]
            found += 1
    return found


def test_processes_that_write_the_same(tmp_path: Path) -> None:
    processes = [writer(tmp_path / "cache", 60, who) for who in ("a", "b")]
    while any(process.poll() is None for process in processes):
        whole(tmp_path, "a", "b")
    assert [process.wait() for process in processes] == [0, 0]
    assert whole(tmp_path, "a", "b") == 7
    assert len(files(tmp_path)) == 7
    for process in processes:
        process.communicate()


def test_a_kill_leaves_no_half_entry(tmp_path: Path) -> None:
    chance = random.Random(5)
    for _ in range(ROUNDS):
        process = writer(tmp_path / "cache", 10**9, "a")
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.communicate()
        whole(tmp_path, "a")
    assert whole(tmp_path, "a") == 7
    left = [path for path in files(tmp_path) if path.name.startswith(TEMPORARY)]
    for path in left:
        os.utime(path, (0, 0))
    fresh = tmp_path / "cache" / key(1)[0] / f"{TEMPORARY}ffff"
    fresh.touch()
    store(tmp_path).make_room()
    assert [path for path in files(tmp_path) if path.name.startswith(TEMPORARY)] == [fresh]


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    one = store(tmp_path, 10 * 4096)
    for number in range(10):
        one.put(key(number), bytes(4096))
        path = tmp_path / "cache" / key(number)[0] / key(number)
        os.utime(path, (number, number))
    assert one.get(key(0)) is not None  # used: now the latest
    one.put(key(10), bytes(4096))
    one.make_room()
    kept = [number for number in range(11) if one.get(key(number)) is not None]
    assert kept == [0, *range(3, 11)]


def test_the_limit_holds_over_many_writes(tmp_path: Path) -> None:
    limit = 64 * 4096
    for start in range(0, 400, 10):  # as many short processes do
        one = store(tmp_path, limit)
        for number in range(start, start + 10):
            one.put(key(number), bytes(4096))
        taken = sum(512 * path.stat().st_blocks for path in files(tmp_path))
        assert taken <= 1.5 * limit
    assert taken >= limit / 2


def test_entries_in_the_folders_of_an_earlier_version_go_too(tmp_path: Path) -> None:
    old = tmp_path / "cache" / key(1)[:2] / key(1)
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    store(tmp_path, 1).make_room()
    assert not old.exists()


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    one = store(tmp_path, 1)
    one.put(key(1), b"one")
    folder = tmp_path / "cache" / key(1)[0]
    theirs = [folder / "notes.txt", folder / key(2).upper(), tmp_path / "cache" / "file"]
    (folder / key(3)).mkdir()
    for path in theirs:
        path.write_text("theirs")
    one.make_room()
    assert sorted(files(tmp_path)) == sorted(theirs)


def test_room_is_made_by_several_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = store(tmp_path, 1)
    one.put(key(1), b"one")
    lstat = Path.lstat

    def gone(path: Path) -> os.stat_result:
        path.unlink()
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", gone)
    one.make_room()
    assert files(tmp_path) == []
