"""The actors of a cluster: started where there is room, replaced when they are lost."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from cxr_agent.batch.ray.actors import LoadingActor, ReadingActor
from cxr_agent.batch.ray.placing import Need, Node, shares
from cxr_agent.batch.work import StagedSource, Task
from cxr_agent.batch.worker import Broken
from cxr_agent.errors import CxrAgentError, ModelError

_LOOK_S: Final = 5.0
"""Seconds between two looks at which machines there are."""
_START_S: Final = 300.0
"""Seconds without one worker of each kind, after which there is no point in waiting."""
_STARTS: Final = 5
"""Workers in a row that end before they are ready, after which there is no point in another."""
_END_S: Final = 10.0


class Stage(StrEnum):
    """What an actor does."""

    LOAD = "load"
    READ = "read"


@dataclass(slots=True, eq=False)
class Job:
    """A study that is with an actor."""

    task: Task
    worker: Worker
    answer: Any
    """Object that is there when it is done."""
    films: Any = None
    """Object of the decoded study, of a job that decodes."""
    began: float = field(default_factory=time.monotonic)


@dataclass(slots=True, eq=False)
class Worker:
    """One actor and what it has."""

    actor: Any
    stage: Stage
    node: str
    started: Any
    """Object that is there when it is ready."""
    lanes: int
    ready: bool = False
    jobs: list[Job] = field(default_factory=list)

    def takes(self, task: Task) -> bool:
        """Whether it may get a study beside those that it has."""
        if not self.ready or any(job.task.alone for job in self.jobs):
            return False
        return len(self.jobs) < (1 if task.alone else self.lanes)


class Staff:
    """Has as many actors as the machines of the cluster hold.

    Parameters
    ----------
    ray
        The library, connected.
    source
        Makes what they work with.
    token
        What stands in the marker of the batch's folder.
    need
        What one reading actor takes.
    most
        Reading actors at most; without it, as many as fit.
    """

    def __init__(
        self, ray: Any, source: StagedSource, token: str, need: Need, most: int | None
    ) -> None:
        self._ray = ray
        self._source = ray.put(source)
        self._kinds = {Stage.LOAD: ray.remote(LoadingActor), Stage.READ: ray.remote(ReadingActor)}
        self._token = token
        self._need = need
        self._most = most
        self._workers: list[Worker] = []
        self._looked = -_LOOK_S
        self._complete = time.monotonic()
        self._failed_starts = 0
        self.nodes: frozenset[str] = frozenset()
        """Machines that are alive."""

    @property
    def workers(self) -> tuple[Worker, ...]:
        """All, ready or not."""
        return tuple(self._workers)

    def of(self, stage: Stage) -> list[Worker]:
        """Those of a stage that are ready."""
        return [one for one in self._workers if one.ready and one.stage is stage]

    def starting(self) -> dict[Any, Worker]:
        """Those that are not ready, by the object that tells when they are."""
        return {one.started: one for one in self._workers if not one.ready}

    def kept_up(self, *, now: bool = False) -> None:
        """Start actors where there is room for them; looks for it every few seconds.

        Raises
        ------
        ModelError
            ``workers_do_not_start``.
        """
        if not now and time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        alive = nodes_of(self._ray)
        self.nodes = frozenset(node.id for node in alive)
        for worker in self.workers:
            if worker.node not in self.nodes and worker.ready and not worker.jobs:
                self.remove(worker)  # of the others Ray tells
        for node, share in shares(alive, self._need, self._most).items():
            self._filled(node, Stage.LOAD, share.loaders)
            self._filled(node, Stage.READ, share.readers)
        if all(self.of(stage) for stage in Stage):
            self._complete = time.monotonic()
        elif time.monotonic() - self._complete > _START_S:
            raise _no_start(f"no room on {len(alive)} machines within {_START_S:.0f} s")

    def _filled(self, node: str, stage: Stage, count: int) -> None:
        have = sum(one.node == node and one.stage is stage for one in self._workers)
        for _ in range(count - have):
            self._workers.append(self._made(node, stage))

    def _made(self, node: str, stage: Stage) -> Worker:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        reads = stage is Stage.READ
        lanes = self._need.lanes if reads else 1
        kind = self._kinds[stage].options(
            # What is decoded is read on the same cores: its share of them is the reader's.
            num_cpus=self._need.cpus if reads else 0,
            num_gpus=self._need.gpus if reads else 0,
            max_concurrency=lanes,
            max_restarts=0,  # whoever keeps the ledger has to hear of it
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        actor = kind.remote()
        started = actor.start.remote(self._source, self._token)
        return Worker(actor, stage, node, started, lanes)

    def hear(self, worker: Worker) -> None:
        """An actor is ready, or could not be started.

        Raises
        ------
        CxrAgentError
            What keeps a reader from being made; ``workers_do_not_start``.
        """
        from ray.exceptions import RayError

        try:
            told = self._ray.get(worker.started)
        except RayError as error:
            self.remove(worker)
            self.kept_up(now=True)
            if worker.node in self.nodes:
                self._failed_starts += 1
            if self._failed_starts >= _STARTS:
                raise _no_start(f"{_STARTS} workers in a row: {type(error).__name__}") from None
            return
        if isinstance(told, Broken):
            raise told.error()
        worker.ready = True
        self._failed_starts = 0

    def remove(self, worker: Worker) -> None:
        """End an actor at once, whatever it does; another takes its place with the next look."""
        self._workers.remove(worker)
        self._looked = -_LOOK_S
        self._ray.kill(worker.actor)

    def dismiss(self) -> None:
        """End all: in good order those that can, the others after a while."""
        ends = [one.actor.end.remote() for one in self._workers if one.ready and not one.jobs]
        if ends:
            self._ray.wait(ends, num_returns=len(ends), timeout=_END_S)
        for worker in self.workers:
            self.remove(worker)


def nodes_of(ray: Any) -> list[Node]:
    """Machines that are alive."""
    return [_node(one) for one in ray.nodes() if one["Alive"]]


def _node(facts: dict[str, Any]) -> Node:
    resources = facts["Resources"]
    return Node(facts["NodeID"], resources.get("CPU", 0.0), resources.get("GPU", 0.0))


def _no_start(how: str) -> CxrAgentError:
    return ModelError(
        "workers_do_not_start",
        f"the cluster starts no workers: {how}",
        hint="See `ray status`, and read one film there with `cxr-agent --debug read FILE`.",
    )
