"""Batches read on a cluster of several machines, which are processes of this one."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from cxr_agent.batch.batch import Batch
from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.layout import MARKER
from cxr_agent.batch.ledger import Ledger, State
from cxr_agent.batch.ray import RayRunner
from cxr_agent.batch.ray.session import LOOPBACK, QUIET
from cxr_agent.batch.ray.sharing import check_films, check_folder, marked
from cxr_agent.batch.work import Finished, Lost, Outcome, Returned, StudyResult, Take, Task, Update
from cxr_agent.errors import ConfigError, CxrAgentError, ModelError, UsageError
from cxr_agent.reading.agent import Agent
from cxr_agent.reading.batches import BatchOptions, RunnerMaker, ray_runner
from cxr_agent.testing.phantom import draw, random_spec
from tests.batch.made_up import Elsewhere, MadeUp

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
"""Ray leaves files and processes to the garbage collector."""
HEALTH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 700,
    "health_check_timeout_ms": 4000,
    "health_check_failure_threshold": 3,
}
"""So that a lost machine is noticed in seconds."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that reads nothing, and two machines of two cores."""
    os.environ.update(QUIET | LOOPBACK)
    from ray.cluster_utils import Cluster

    store = {"object_store_memory": 80 << 20}
    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "include_dashboard": False,
            "_system_config": HEALTH,
            **store,
        },
    )
    made.add_node(num_cpus=2, **store)
    made.add_node(num_cpus=2, **store)
    yield made
    made.shutdown()


@pytest.fixture
def source(tmp_path: Path) -> MadeUp:
    folder = tmp_path / "batch"
    folder.mkdir()
    return MadeUp(folder, tmp_path / "journal")


def batch_of(names: list[str], source: MadeUp, runner: RayRunner) -> Batch:
    """A batch of studies that are their names."""
    ledger = Ledger(source.folder, create=True)
    listing = ledger.begin_listing()
    ledger.list_studies(listing, [BatchStudy(name, (name,)) for name in names])
    ledger.end_listing(listing)
    return Batch(ledger, runner, "setup")


class Watched(RayRunner):
    """One that keeps what it told."""

    told: tuple[Update, ...] = ()

    def run(self, take: Take) -> Iterator[Update]:
        for update in super().run(take):
            self.told += (update,)
            yield update


def readings(source: MadeUp) -> list[tuple[str, int, float, float, str, str]]:
    rows = csv.reader(source.journal.read_text().splitlines())
    return [(film, int(pid), float(a), float(b), *nodes) for film, pid, a, b, *nodes in rows]


# What it reads is what the processes of one machine read.


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for seed in range(6):
        phantom = draw(random_spec(np.random.default_rng(seed)), 256)
        Pillow.fromarray((phantom.pixels * 65535).astype(np.uint16)).save(folder / f"{seed}.png")
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:2000])
    return folder


def read_into(folder: Path, films: Path, runner: RunnerMaker | None) -> Path:
    studies = [*films.iterdir()]
    studies.sort()
    priors = BatchStudy("with a prior", (str(films / "1.png"),), (str(films / "2.png"),))
    with Agent(device="cpu") as agent:
        options = BatchOptions(workers=2)
        with agent.batch([*studies, priors], folder, options, runner=runner) as batch:
            outcomes = [one.outcome for one in batch]
    assert outcomes.count(Outcome.READ) == 7
    assert outcomes.count(Outcome.REFUSED) == 1
    return folder


def tables(folder: Path) -> dict[str, list[dict[str, str]]]:
    """All tables, without what is of one run."""
    found = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="") as file:
            found[path.name] = list(csv.DictReader(file))
    for row in found["studies.csv"]:
        for name in ("seconds", "ended", "run"):
            row.pop(name)
    return found


def reports(folder: Path) -> dict[str, Any]:
    found = {}
    for path in sorted(folder.glob("reports/*/*.json")):
        report = json.loads(path.read_text())
        for name in ("run_id", "trace"):
            report.pop(name)
        found[path.name] = report
    return found


@pytest.mark.slow
def test_results_are_those_of_processes_of_one_machine(
    cluster: Any, films: Path, tmp_path: Path
) -> None:
    here = read_into(tmp_path / "here", films, None)
    there = read_into(tmp_path / "there", films, ray_runner(cluster.address))
    assert tables(there) == tables(here)
    assert tables(there)["findings.csv"]
    assert reports(there) == reports(here)
    assert len(reports(there)) == 7
    (session,) = json.loads((there / "manifest.json").read_text())["sessions"]
    assert session["runner"]["kind"] == "ray"
    assert session["runner"]["readers"] == 2
    assert not (there / MARKER).exists()


# What goes wrong.


@pytest.mark.slow
def test_a_killed_a_hanging_and_a_raising_reader_cost_their_own_study_only(
    cluster: Any, source: MadeUp
) -> None:
    names = ["once 1", "kills 1", "hangs 1", "raises 1", "no film 1"]
    names += [f"good {n}" for n in range(12)]
    runner = RayRunner(source, cluster.address, study_s=1.5)
    with batch_of(names, source, runner) as batch:
        told = {one.study.name: (one.outcome, one.code) for one in batch}
    assert told.pop("kills 1") == (Outcome.FAILED, "worker_crashed")
    assert told.pop("hangs 1") == (Outcome.FAILED, "study_timeout")
    assert told.pop("raises 1") == (Outcome.FAILED, "worker_crashed")
    assert told.pop("no film 1") == (Outcome.REFUSED, "not_an_image")
    assert set(told.values()) == {(Outcome.READ, "")}
    assert len(told) == 13


@pytest.mark.slow
def test_lost_machines_cost_no_study(cluster: Any, source: MadeUp) -> None:
    store = {"object_store_memory": 80 << 20}
    gpus = [cluster.add_node(num_cpus=1, num_gpus=1, **store) for _ in range(2)]
    decodes = cluster.add_node(num_cpus=2, **store)
    names = [f"good {n}" for n in range(120)]
    slow = MadeUp(source.folder, source.journal, takes_s=0.5, device="cuda")
    runner = Watched(slow, cluster.address, lanes=8)
    with batch_of(names, source, runner) as batch:
        studies = iter(batch)
        told: list[str] = []
        # Machines begin when they can: each has to be at work before any is taken away.
        at_work: set[str] = set()
        while not at_work >= {one.node_id for one in (*gpus, decodes)} or len(told) < 16:
            told.append(next(studies).study.name)
            at_work = {row[n] for row in readings(source) for n in (4, 5)}
        cluster.remove_node(gpus[1], allow_graceful=False)
        cluster.remove_node(decodes, allow_graceful=False)
        told += [one.study.name for one in studies]
        assert batch.progress.failed == 0
    cluster.remove_node(gpus[0])
    assert sorted(told) == sorted(names)
    with Ledger(source.folder, write=False) as ledger:
        assert ledger.counts()[State.READ] == len(names)

    # Who was reading or decoding at that time is told of; Ray may hear of the processes' end
    # before it knows that the machine is gone.
    lost = [update.code for update in runner.told if isinstance(update, Lost)]
    assert 0 < len(lost) <= 8 + 2
    assert set(lost) <= {"node_lost", "worker_crashed"}
    # What was decoded there and nobody had begun is nobody's fault.
    assert any(isinstance(update, Returned) for update in runner.told)

    decoded_on, read_on = ({row[n] for row in readings(source)} for n in (4, 5))
    assert read_on == {one.node_id for one in gpus}
    assert decodes.node_id in decoded_on
    assert not decoded_on & read_on


@pytest.mark.slow
def test_one_that_must_be_alone_is_and_little_is_taken_ahead(cluster: Any, source: MadeUp) -> None:
    tasks = [Task(n, f"run-{n}", (f"good {n}",), alone=n % 5 == 0) for n in range(1, 31)]
    waiting = iter(tasks)
    out: set[int] = set()
    most = 0

    def take() -> Task | None:
        nonlocal most
        task = next(waiting, None)
        if task is not None:
            out.add(task.number)
            most = max(most, len(out))
        return task

    runner = RayRunner(source, cluster.address, workers=2, lanes=2)
    for update in runner.run(take):
        assert isinstance(update, Finished)
        out.remove(update.task.number)
    assert not out
    assert most <= 2 * 2 * 2
    alone = {f"good {task.number}" for task in tasks if task.alone}
    rows = readings(source)
    assert len(rows) == 30
    for film, pid, began, ended, *_ in rows:
        beside = [
            other
            for other, its_pid, its_began, its_end, *_ in rows
            if other != film and its_pid == pid and its_began < ended and began < its_end
        ]
        assert not (beside and film in alone), (film, beside)
    assert any(a[1] == b[1] and a[2] < b[2] < a[3] for a in rows for b in rows), (
        "nothing was read at the same time"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "kind", "code"),
    [
        (lambda s: MadeUp(s.folder, s.journal, fails=True), ModelError, "no_weights"),
        (lambda s: Elsewhere(s.folder, s.journal), ConfigError, "folder_not_shared"),
    ],
)
def test_what_no_worker_can_mend_ends_the_batch(
    cluster: Any,
    source: MadeUp,
    make: Callable[[MadeUp], MadeUp],
    kind: type[CxrAgentError],
    code: str,
) -> None:
    runner = RayRunner(make(source), cluster.address)
    with batch_of(["good 1", "good 2"], source, runner) as batch:
        with pytest.raises(kind) as caught:
            batch.run()
        assert caught.value.code == code
    with Ledger(source.folder, write=False) as ledger:
        assert [one.begun for one in ledger.waiting(0)] == [0, 0]


@pytest.mark.slow
def test_of_its_own_it_listens_on_the_loopback_only_and_prints_nothing(
    source: MadeUp, capfd: pytest.CaptureFixture[str]
) -> None:
    os.environ.update(QUIET | LOOPBACK)
    at_term = signal.getsignal(signal.SIGTERM)
    before = listening()
    seen: set[str] = set()
    runner = RayRunner(source)
    with batch_of(["good 1", "once 2", "good 3"], source, runner) as batch:
        for one in batch:
            assert one.outcome is Outcome.READ
            seen |= listening() - before
            assert signal.getsignal(signal.SIGTERM) is at_term
    assert seen
    assert all(address.startswith(("0100007F", "0" * 16 + "FFFF00000100007F")) for address in seen)
    assert capfd.readouterr() == ("", "")
    assert runner.record()["cluster"] == "own"


def listening() -> set[str]:
    """Addresses and ports that TCP sockets listen on, as in /proc/net/tcp."""
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {row[1] for row in rows if row[3] == "0A"}


# Without a cluster.


def test_nothing_to_read_needs_no_cluster(source: MadeUp) -> None:
    updates: list[Update] = list(RayRunner(source, "127.0.0.1:1").run(lambda: None))
    assert not updates


def test_without_ray_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr_agent.batch.ray.session.find_spec", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        ray_runner()
    assert caught.value.code == "ray_missing"
    assert "cxr-agent[ray]" in caught.value.hint


def test_a_folder_is_known_by_what_was_written_into_it(tmp_path: Path) -> None:
    with marked(tmp_path) as token:
        check_folder(tmp_path, token)
        for folder, other in ((tmp_path / "none", token), (tmp_path, "another session's")):
            with pytest.raises(ConfigError) as caught:
                check_folder(folder, other, wait_s=0.1)
            assert caught.value.code == "folder_not_shared"
    assert not list(tmp_path.iterdir())


def test_films_that_only_this_machine_sees_end_the_batch(tmp_path: Path) -> None:
    (tmp_path / "here.png").touch()
    missing = StudyResult(Outcome.REFUSED, "file_not_found")
    here, nowhere = (
        Task(1, "run", (str(tmp_path / name),)) for name in ("here.png", "nowhere.png")
    )
    check_films(nowhere, missing)
    check_films(here, StudyResult(Outcome.REFUSED, "truncated"))
    with pytest.raises(ConfigError) as caught:
        check_films(here, missing)
    assert caught.value.code == "films_not_shared"


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:99999", "ray://127.0.0.1:10001"])
def test_an_address_where_no_cluster_is(source: MadeUp, address: str) -> None:
    runner = RayRunner(source, address)
    with pytest.raises(UsageError) as caught:
        list(runner.run(lambda: Task(1, "run", ("good 1",))))
    assert caught.value.code == "ray_unreachable"
