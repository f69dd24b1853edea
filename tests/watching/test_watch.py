"""A watch over servers and folders, with a reader that takes no time."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.errors import (
    ConfigError,
    InputCode,
    InputError,
    OutputError,
    RemoteError,
    ToolError,
    UnsuitableCode,
    UsageError,
)
from cxr_agent.interop import dicomweb_archive
from cxr_agent.interop.dicomweb_archive import DicomwebArchive
from cxr_agent.watching import Happening, Watch, WatchOptions
from cxr_agent.watching.layout import LEDGER, LOCK
from cxr_agent.watching.ledger import Ledger, State
from cxr_agent.watching.sources import FolderSource, ServerSource, Source
from tests.interop.archive import LOGIN, Archive, orthanc
from tests.interop.films import film
from tests.interop.hostile import Hostile, body, element, hostile, status

from .fake import FakeReader

NOW = WatchOptions(every_s=0.01, settled_s=0, retry_s=0.01)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as one:
        yield one


@pytest.fixture
def server(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> ServerSource:
    monkeypatch.setenv("CXR_AGENT_DICOMWEB_LOGIN", ":".join(LOGIN))
    return ServerSource(DicomwebArchive.at(archive.url), days=100_000)


@dataclass
class FakeArchive:
    """Takes what it is told to."""

    codes: list[str] = field(default_factory=list)
    """For the next objects; then it takes all."""
    got: list[bytes] = field(default_factory=list)

    def attempt(self, files: Sequence[Path]) -> Iterator[str]:
        for file in files:
            code = self.codes.pop(0) if self.codes else ""
            if not code:
                self.got.append(file.read_bytes())
            yield code


@dataclass
class Watched:
    """One watch in a folder, begun anew for each run as after a restart."""

    out: Path
    source: Source
    reader: FakeReader = field(default_factory=FakeReader)
    archive: Any = field(default_factory=FakeArchive)
    options: WatchOptions = NOW
    told: list[Happening] = field(default_factory=list)

    def once(self) -> dict[State, int]:
        with Ledger(self.out, self.source.identity) as ledger:
            watch = Watch(
                ledger, self.source, self.reader, self.archive, self.options, self.told.append
            )
            watch.run(once=True)
            return {state: count for state, count in ledger.counts().items() if count}

    def until(self, done: Callable[[list[Happening]], bool]) -> list[Happening]:
        """Run until something has happened."""
        stop = threading.Event()

        def tell(one: Happening) -> None:
            self.told.append(one)
            if done(self.told):
                stop.set()

        with Ledger(self.out, self.source.identity) as ledger:
            ends = threading.Timer(30, stop.set)
            ends.start()
            Watch(ledger, self.source, self.reader, self.archive, self.options, tell, stop).run()
            assert ends.is_alive(), self.told
            ends.cancel()
        return self.told

    @property
    def whats(self) -> list[str]:
        return [one.what for one in self.told]


@contextmanager
def folder_source(folder: Path) -> Iterator[FolderSource]:
    folder.mkdir(exist_ok=True)
    source = FolderSource(folder)
    try:
        yield source
    finally:
        source.close()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Over a folder with one film in it."""
    with folder_source(tmp_path / "in") as source:
        (tmp_path / "in" / "1.dcm").write_bytes(film("MARTHA-77", 1))
        yield Watched(tmp_path / "out", source)


def test_a_study_of_a_server_is_read_once_and_stored_once(
    archive: Archive, server: ServerSource, tmp_path: Path
) -> None:
    archive.put(film("ONCE", 1))
    archive.put(film("ONCE", 2))
    archive.put(film("ONCE", 3, Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2"))
    watched = Watched(tmp_path / "out", server, archive=server.server)
    before = len(archive.instances())
    assert watched.once() == {State.STORED: 2}
    assert len(archive.instances()) == before + 4
    assert watched.once() == {State.STORED: 2}  # what was stored is no new study
    assert len(archive.instances()) == before + 4
    assert len(watched.reader.read_films) == 2
    assert {films.priors_from for films in watched.reader.read_films} == {archive.url}
    archive.put(film("ONCE", 4))
    assert watched.once() == {State.STORED: 3}
    assert watched.whats == ["seen", *["read", "stored"] * 2, "seen", "read", "stored"]
    assert "ONCE" not in repr(watched.told)
    assert "1.2." not in repr(watched.told)


def test_of_days_long_gone_nothing_is_read(server: ServerSource, tmp_path: Path) -> None:
    assert Watched(tmp_path / "out", ServerSource(server.server, days=2)).once() == {}


def test_the_ledger_is_private_and_the_rest_names_nobody(watched: Watched) -> None:
    before = os.umask(0o077)  # as the command does
    try:
        assert watched.once() == {State.STORED: 1}
    finally:
        os.umask(before)
    assert watched.out.stat().st_mode & 0o77 == 0
    for path in watched.out.rglob("*"):
        assert path.stat().st_mode & 0o77 == 0, path
        if path.is_file() and path.parent.parent.name != "objects":
            assert b"MARTHA" not in path.read_bytes(), path


def test_a_study_is_read_when_it_has_stopped_growing(watched: Watched, tmp_path: Path) -> None:
    watched.options = WatchOptions(every_s=0.05, settled_s=0.5)
    arrived: list[int] = []

    def more(_: list[Happening]) -> bool:
        return "stored" in watched.whats

    def arrive() -> None:
        number = len(arrived) + 2
        same = {"StudyInstanceUID": f"1.2.{sum(map(ord, 'MARTHA-77'))}.1"}
        (tmp_path / "in" / f"{number}.dcm").write_bytes(film("MARTHA-77", number, **same))
        arrived.append(number)

    timers = [threading.Timer(wait, arrive) for wait in (0.2, 0.5)]
    for timer in timers:
        timer.start()
    watched.until(more)
    assert [len(films.paths) for films in watched.reader.read_films] == [3]


def test_half_a_file_is_waited_for(watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "in" / "1.dcm"
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    assert watched.once() == {}
    path.write_bytes(whole)
    assert watched.once() == {State.STORED: 1}


def test_what_is_no_film_is_no_study(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "in" / "letter.txt").write_text("Dear colleague\n" * 20)
    (tmp_path / "in" / ".hidden.dcm").write_bytes(film("HIDDEN", 1))
    (tmp_path / "in" / "link.dcm").symlink_to(tmp_path / "elsewhere.dcm")
    (tmp_path / "elsewhere.dcm").write_bytes(film("ELSEWHERE", 1))
    assert watched.once() == {State.STORED: 1}
    for number, data in enumerate(watched.archive.got):  # results that come back
        (tmp_path / "in" / f"result{number}.dcm").write_bytes(data)
    assert watched.once() == {State.STORED: 1}
    assert len(watched.reader.read_films) == 1


def test_priors_are_found_in_the_folder(tmp_path: Path) -> None:
    with folder_source(tmp_path / "in") as source:
        for number, day in enumerate(["20180110", "20190110", "20200110"], 1):
            path = tmp_path / "in" / f"{number}.dcm"
            path.write_bytes(film("MARTHA-77", number, StudyDate=day))
        (tmp_path / "in" / "4.dcm").write_bytes(film("OTHER", 4, StudyDate="20170110"))
        watched = Watched(tmp_path / "out", source)
        assert watched.once() == {State.STORED: 4}
        priors = [[prior.name for prior in films.priors] for films in watched.reader.read_films]
    assert sorted(priors) == [[], [], ["1.dcm"], ["2.dcm", "1.dcm"]]


def test_what_fails_is_tried_so_often_and_no_more(watched: Watched) -> None:
    watched.reader.fails = [ToolError("tool_crashed", "x") for _ in range(9)]
    watched.until(lambda told: told[-1].what == "failed")
    assert watched.whats == ["seen", "again", "again", "failed"]
    assert [one.code for one in watched.told[1:]] == ["tool_crashed"] * 3
    assert watched.once() == {State.FAILED: 1}
    watched.reader.fails.clear()
    watched.options = WatchOptions(0.01, 0, 3, 0.01, retry_failed=True)
    assert watched.once() == {State.STORED: 1}


def test_a_fault_of_the_program_costs_one_study(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "in" / "2.dcm").write_bytes(film("OTHER", 1))
    watched.reader.fails = [ValueError("MARTHA-77")]  # type: ignore[list-item]
    told = watched.until(lambda told: [one.what for one in told].count("stored") == 2)
    assert "MARTHA" not in repr(told)
    assert told[1].code == "internal_error"


def test_what_is_refused_is_not_tried_again(watched: Watched) -> None:
    watched.reader.fails = [InputError(InputCode.ALL_BLACK, "x")]
    assert watched.once() == {State.REFUSED: 1}
    assert watched.once() == {State.REFUSED: 1}
    assert not watched.reader.read_films


def test_what_was_refused_is_looked_at_again_when_it_grows(
    watched: Watched, tmp_path: Path
) -> None:
    watched.reader.fails = [InputError(UnsuitableCode.LATERAL_VIEW, "x")]
    assert watched.once() == {State.REFUSED: 1}
    same = {"StudyInstanceUID": f"1.2.{sum(map(ord, 'MARTHA-77'))}.1"}
    (tmp_path / "in" / "2.dcm").write_bytes(film("MARTHA-77", 2, **same))
    assert watched.once() == {State.STORED: 1}
    (tmp_path / "in" / "3.dcm").write_bytes(film("MARTHA-77", 3, **same))
    assert watched.once() == {State.STORED: 1}
    assert len(watched.reader.read_films) == 1  # what was read is not


def test_what_the_machine_is_at_fault_for_is_tried_again(watched: Watched) -> None:
    watched.reader.fails = [InputError(InputCode.DECODE_TIMEOUT, "x")]
    watched.until(lambda told: told[-1].what == "stored")
    assert watched.whats == ["seen", "again", "read", "stored"]


def test_a_full_disk_ends_it_and_costs_no_study(watched: Watched) -> None:
    watched.reader.fails = [OutputError("disk_full", "x")]  # type: ignore[list-item]
    with pytest.raises(OutputError, match="disk_full"):
        watched.once()
    assert watched.once() == {State.STORED: 1}


def test_a_study_at_which_everything_ends_is_given_up(watched: Watched) -> None:
    class Killed(BaseException):
        pass

    class Deadly(FakeReader):
        def read(self, *_: Any) -> Any:
            raise Killed

    watched.reader = Deadly()
    for _ in range(10):
        with pytest.raises(Killed):
            watched.once()
    assert watched.once() == {State.FAILED: 1}
    assert watched.told[-1].code == "watch_killed"


def test_what_an_archive_does_not_take_is_tried_so_often(watched: Watched) -> None:
    watched.archive.codes = ["store_refused", "", "store_refused", "store_refused"]
    watched.until(lambda told: told[-1].what == "failed")
    assert watched.whats == ["seen", "read", "again", "again", "failed"]
    assert len(watched.archive.got) == 1  # the other of the two, once
    assert len(watched.reader.read_films) == 1


def test_an_archive_that_is_away_is_waited_for(watched: Watched) -> None:
    watched.archive.codes = ["store_unreachable", "store_unreachable"] * 6
    watched.until(lambda told: told[-1].what == "stored")
    assert watched.whats == ["seen", "read", *["away"] * 6, "stored"]
    waits = [one.seconds for one in watched.told if one.what == "away"]
    assert waits == sorted(waits)
    assert waits[-1] > 16 * waits[0]
    assert len(watched.archive.got) == 2


def test_a_kill_after_the_last_object_leaves_no_study_open(watched: Watched) -> None:
    class Killed(BaseException):
        pass

    class Deadly(FakeArchive):
        def attempt(self, files: Sequence[Path]) -> Iterator[str]:
            yield from super().attempt(files)
            raise Killed

    watched.archive = Deadly()
    with pytest.raises(Killed):
        watched.once()
    watched.archive = FakeArchive()
    assert watched.once() == {State.STORED: 1}
    assert not watched.archive.got  # both were settled


def test_without_an_archive_the_results_stay(watched: Watched) -> None:
    watched.archive = None
    assert watched.once() == {State.READ: 1}
    assert len(list(watched.out.glob("objects/*/*.dcm"))) == 2
    watched.archive = FakeArchive()
    assert watched.once() == {State.STORED: 1}
    assert len(watched.reader.read_films) == 1


def test_a_server_that_is_away_is_asked_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXR_AGENT_DICOMWEB_LOGIN", raising=False)
    with hostile() as server:
        server.answers["studies"] = status(503)
        watched = Watched(tmp_path / "out", ServerSource(DicomwebArchive.at(server.url), days=2))
        with pytest.raises(RemoteError, match="dicomweb_refused"):
            watched.once()
        watched.until(lambda told: len(told) == 3)
        assert [(one.what, one.code) for one in watched.told] == [("away", "dicomweb_refused")] * 3
        assert [one.seconds for one in watched.told] == [0.02, 0.04, 0.08]


@pytest.mark.parametrize(
    "answer",
    [
        body(b"<html>MARTHA-77</html>", kind="text/html"),
        body(b"[{}]"),
        body(b'[{"0020000D": {"vr": "UI", "Value": ["../../etc"]}}]'),
        body(json.dumps([{**element("0020000D", "UI", "1.2"), "00201208": 5}]).encode()),
    ],
)
def test_what_is_no_list_of_studies(answer: Any, tmp_path: Path) -> None:
    with hostile() as server:
        server.answers["studies"] = answer
        watched = Watched(tmp_path / "out", ServerSource(DicomwebArchive.at(server.url), days=2))
        with pytest.raises(RemoteError, match="dicomweb_bad_answer") as failed:
            watched.once()
        assert "MARTHA" not in str(failed.value)
        assert not watched.told


def test_a_study_whose_films_cannot_be_had(tmp_path: Path) -> None:
    with hostile() as server:
        answers(server)
        watched = Watched(tmp_path / "out", ServerSource(DicomwebArchive.at(server.url), days=2))
        watched.until(lambda told: told[-1].what == "failed")
        assert watched.whats == ["seen", "again", "again", "failed"]
        assert {one.code for one in watched.told[1:]} == {"dicomweb_refused"}
        asked = [path for path in server.asked if "ModalitiesInStudy=" in path]
        assert all("StudyDate=" in path for path in asked)


def test_more_studies_than_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicomweb_archive, "MAX_LISTED", 2)
    with hostile() as server:
        server.lists("1.2.3", "1.2.4")
        watched = Watched(tmp_path / "out", ServerSource(DicomwebArchive.at(server.url), days=2))
        with pytest.raises(UsageError, match="too_many_studies"):
            watched.once()


def answers(server: Hostile) -> None:
    """One study, of which nothing can be had."""
    server.lists("1.2.3")
    server.answers["metadata"] = status(500)


def test_one_process_at_a_time(watched: Watched) -> None:
    with (
        Ledger(watched.out, watched.source.identity),
        pytest.raises(OutputError, match="watch_in_use"),
    ):
        watched.once()


def test_a_folder_of_something_else(watched: Watched, tmp_path: Path) -> None:
    watched.once()
    with pytest.raises(UsageError, match="watch_differs"):
        Ledger(watched.out, "another")
    with pytest.raises(UsageError, match="not_a_watch"):
        Ledger(tmp_path / "in", "x")
    with pytest.raises(UsageError, match="no_watched_folder"):
        Watched(tmp_path / "new", FolderSource(tmp_path / "nowhere")).once()


def test_a_damaged_ledger(watched: Watched) -> None:
    watched.once()
    (watched.out / LEDGER).write_bytes(b"no database" * 1000)
    with pytest.raises(ConfigError, match="bad_watch"):
        watched.once()


def test_a_ledger_of_another_version(watched: Watched) -> None:
    watched.once()
    db = sqlite3.connect(watched.out / LEDGER)
    with db:
        db.execute("UPDATE about SET value = '0' WHERE name = 'schema'")
    db.close()
    with pytest.raises(ConfigError, match="bad_watch"):
        watched.once()
    assert (watched.out / LOCK).exists()
