"""Studies on their way through a cluster: decoded here, read there, told of once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from cxr_agent.batch.pool import STUDY_S
from cxr_agent.batch.ray.placing import Need
from cxr_agent.batch.ray.session import check_ray, connected
from cxr_agent.batch.ray.sharing import check_films, marked
from cxr_agent.batch.ray.staff import Job, Staff, Stage, Worker, nodes_of
from cxr_agent.batch.work import Finished, Lost, Returned, StagedSource, Take, Task, Update

GPU_SHARE: Final = 0.25
"""Of a GPU that one reader takes: the networks are a small part of a reading, so several share."""
_TICK_S: Final = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class _Decoded:
    """A study that waits for a reader."""

    task: Task
    films: Any
    node: str
    """Where its pixels lie."""


class RayRunner:
    """Actors on the machines of a Ray cluster; a :class:`~cxr_agent.batch.work.Runner`.

    Films are decoded by processes that load no model, and read by processes that keep theirs.
    What is decoded waits in the object stores of the cluster, one study for each that is read.
    A killed process costs an attempt at what it was doing; a lost machine too, and what it had
    decoded and nobody had begun to read is decoded again without blame.

    Parameters
    ----------
    source
        Makes readers and loaders.
    address
        Of a cluster, as ``ray.init`` takes it; without it, Ray is started on this machine alone.
    workers
        Readers at most; without it, as many as the cluster holds.
    lanes
        Studies that one reader reads at the same time.
    cpus
        Cores that one reader takes.
    study_s
        Seconds that decoding a study may take, and that reading it may take.

    Raises
    ------
    ConfigError
        ``ray_missing``.
    """

    def __init__(
        self,
        source: StagedSource,
        address: str | None = None,
        *,
        workers: int | None = None,
        lanes: int = 1,
        cpus: float = 1.0,
        study_s: float = STUDY_S,
    ) -> None:
        check_ray()
        self._source = source
        self._address = address
        self._workers = workers
        self._lanes = lanes
        self._cpus = cpus
        self._study_s = study_s
        self._most = dict.fromkeys(Stage, 0)
        self._nodes: set[str] = set()
        self._version = ""

    def record(self) -> dict[str, Any]:
        """What it is, for the manifest."""
        return {
            "kind": "ray",
            "ray": self._version,
            "cluster": "own" if self._address is None else "joined",
            "machines": len(self._nodes),
            "readers": self._most[Stage.READ],
            "loaders": self._most[Stage.LOAD],
            "lanes": self._lanes,
            "study_seconds": self._study_s,
        }

    def run(self, take: Take) -> Iterator[Update]:
        """As :meth:`cxr_agent.batch.work.Runner.run`. Ending the iteration ends the actors.

        Raises
        ------
        CxrAgentError
            What a reader raises when it is made.
        ConfigError
            ``folder_not_shared``, ``films_not_shared``.
        UsageError
            ``ray_unreachable``.
        ModelError
            ``workers_do_not_start``.
        """
        first = take()
        if first is None:
            return
        with marked(self._source.folder) as token, connected(self._address) as ray:
            self._version = ray.__version__
            staff = Staff(ray, self._source, token, self._need(ray), self._workers)
            flow = _Flow(ray, staff, self._study_s, first)
            try:
                while flow.filled(take):
                    staff.kept_up()
                    yield from flow.heard()
                    yield from flow.watched()
                    self._seen(staff)
            finally:
                staff.dismiss()

    def _need(self, ray: Any) -> Need:
        device = self._source.device
        gpu = device.startswith("cuda") or (
            device == "auto" and any(node.gpus for node in nodes_of(ray))
        )
        return Need(self._cpus, GPU_SHARE if gpu else 0.0, self._lanes)

    def _seen(self, staff: Staff) -> None:
        for stage in Stage:
            self._most[stage] = max(self._most[stage], len(staff.of(stage)))
        self._nodes |= {worker.node for worker in staff.workers if worker.ready}


class _Flow:
    """Which study is where."""

    def __init__(self, ray: Any, staff: Staff, study_s: float, first: Task) -> None:
        self._ray = ray
        self._staff = staff
        self._study_s = study_s
        self._hand: Task | None = first
        """Taken, and waiting for who decodes it."""
        self._decoded: list[_Decoded] = []
        self._jobs: dict[Any, Job] = {}

    def filled(self, take: Take) -> bool:
        """Give the actors what they can take; whether there is anything left to wait for."""
        self._hand_on()
        while (worker := self._free_loader()) is not None:
            task = self._hand or take()
            if task is None:
                break
            self._hand = None
            answer, films = worker.actor.load.options(num_returns=2).remote(task)
            self._begin(Job(task, worker, answer, films))
        if not (self._hand or self._jobs or self._decoded):
            self._hand = take()
        return bool(self._hand or self._jobs or self._decoded)

    def _begin(self, job: Job) -> None:
        job.worker.jobs.append(job)
        self._jobs[job.answer] = job

    def _free_loader(self) -> Worker | None:
        """Where another study can be decoded: on the machine whose readers have the least ahead.

        None while there is one decoded, or about to be, for each that can be read at a time: the
        rest of the batch need not wait in memory.
        """
        ahead = Counter(study.node for study in self._decoded)
        ahead.update(j.worker.node for j in self._jobs.values() if j.worker.stage is Stage.LOAD)
        lanes: Counter[str] = Counter()
        for reader in self._staff.of(Stage.READ):
            lanes[reader.node] += reader.lanes
        if ahead.total() >= max(1, lanes.total()):
            return None
        free = [one for one in self._staff.of(Stage.LOAD) if not one.jobs]
        return min(free, key=lambda one: ahead[one.node] - lanes[one.node], default=None)

    def _hand_on(self) -> None:
        """Give decoded studies to readers."""
        while self._decoded and (pair := self._pair()) is not None:
            study, worker = pair
            self._decoded.remove(study)
            # Ray brings the films to the reader; after a loss it does not decode them again.
            answer = worker.actor.read.remote(study.task, study.films)
            self._begin(Job(study.task, worker, answer))

    def _pair(self) -> tuple[_Decoded, Worker] | None:
        """A study and who reads it: on one machine if there is such a pair, else the oldest."""
        oldest = self._decoded[0]
        free = [one for one in self._staff.of(Stage.READ) if one.takes(oldest.task)]
        if not free:
            return None
        free.sort(key=lambda one: len(one.jobs))
        # One that must be alone waits for an empty reader, and the others behind it.
        some = [oldest] if oldest.task.alone else [s for s in self._decoded if not s.task.alone]
        near = ((s, one) for one in free for s in some if s.node == one.node)
        return next(near, (oldest, free[0]))

    def heard(self) -> Iterator[Update]:
        """Wait for what comes first, and tell of all that came."""
        starting = self._staff.starting()
        waited = [*self._jobs, *starting]
        if not waited:
            time.sleep(_TICK_S)
            return
        came, _ = self._ray.wait(waited, timeout=_TICK_S, fetch_local=False)
        if came:
            came, _ = self._ray.wait(waited, num_returns=len(waited), timeout=0, fetch_local=False)
        for answer in came:
            if answer in starting:
                self._staff.hear(starting[answer])
            elif answer in self._jobs:  # else its actor is gone by now
                yield from self._told(self._jobs[answer])

    def _told(self, job: Job) -> Iterator[Update]:
        from ray.exceptions import RayError

        try:
            result = self._ray.get(job.answer)
        except RayError as error:
            yield from self._failed(job, error)
            return
        self._end(job)
        if result is None:
            self._decoded.append(_Decoded(job.task, job.films, job.worker.node))
            return
        check_films(job.task, result)
        yield Finished(job.task, result)

    def _end(self, job: Job) -> None:
        job.worker.jobs.remove(job)
        del self._jobs[job.answer]

    def _failed(self, job: Job, error: Exception) -> Iterator[Update]:
        """Ray has an error where there should be a result."""
        from ray import exceptions

        if isinstance(error, exceptions.ObjectLostError):
            # Its films lay on a machine that is gone: nobody began to read it.
            self._end(job)
            yield Returned(job.task)
        elif isinstance(error, exceptions.RayTaskError):
            self._end(job)
            told = f"its worker raised {type(error.cause).__name__}"
            yield Lost(job.task, "worker_crashed", told, time.monotonic() - job.began)
        elif isinstance(error, exceptions.OutOfMemoryError):
            told = "its worker was ended because the machine ran out of memory"
            yield from self._removed(job.worker, "out_of_memory", told)
        else:
            self._staff.kept_up(now=True)
            if job.worker.node in self._staff.nodes:
                yield from self._removed(job.worker, "worker_crashed", "its worker ended")
            else:
                yield from self._removed(job.worker, "node_lost", "its machine was lost")

    def watched(self) -> Iterator[Update]:
        """End actors that take too long over a study."""
        now = time.monotonic()
        late = [job for job in self._jobs.values() if now - job.began > self._study_s]
        for worker in {job.worker for job in late}:
            told = f"it took longer than {self._study_s:.0f} s"
            yield from self._removed(worker, "study_timeout", told, late)

    def _removed(
        self, worker: Worker, code: str, message: str, blamed: list[Job] | None = None
    ) -> Iterator[Update]:
        """Take an actor out, and tell of what it had.

        Parameters
        ----------
        blamed
            The jobs that are to blame; without it, all.
        """
        self._staff.remove(worker)
        for job in list(worker.jobs):
            self._end(job)
            if blamed is None or job in blamed:
                yield Lost(job.task, code, message, time.monotonic() - job.began)
            else:
                yield Returned(job.task)
