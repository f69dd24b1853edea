"""Beginning a batch, or going on with one: its folder, its listing, who reads it."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cxr_agent.batch.batch import Batch, Limits
from cxr_agent.batch.inline import Inline
from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.ledger import Ledger
from cxr_agent.batch.listing import Listing, Refused, Summary, studies_of
from cxr_agent.batch.listing.sources import Entry
from cxr_agent.batch.pool import STUDY_S, WORKER_MIB, LocalPool
from cxr_agent.batch.shard import Shard
from cxr_agent.batch.work import Runner, StagedSource
from cxr_agent.errors import UsageError
from cxr_agent.models.runtime.device import Device, memory_mib
from cxr_agent.models.store import list_cards
from cxr_agent.reading.recipe import Recipe
from cxr_agent.reading.setup import Setup
from cxr_agent.reading.study_reader import StudyReaderSource
from cxr_agent.reading.version import program_version
from cxr_agent.toolbox.cache.program import code_identity, program_identity

BatchSource = str | os.PathLike[str] | Iterable[Entry]
RunnerMaker = Callable[[StagedSource, "BatchOptions"], Runner]
_OPTIONS: Final = "options"
_AT_ONCE: Final = 500
_NOT_OPTIONS: Final = ("tools", "store", "device", "notices")
"""Parts of a setup's configuration that the user does not choose for their own sake: what changes
in the first two makes results anew, the others change no result."""
_GPU_LANES: Final = 8
_GPU_MIB: Final = 8192
_LANE_MIB: Final = 512
"""On a GPU: studies that a process reads at the same time; the GPU's memory for one process, of
which CUDA itself, four models and the batches under way take up to half; resident memory of a
process for each of its studies. ``docs/gpu.md`` says what they rest on."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a batch is to be done."""

    priors: int = 1
    """Earlier studies of the same patient that each study is compared with, 0 to 5."""
    keep_results: bool = True
    """Whether each tool's results are kept for a later session, in which another tool changed;
    about 100 kB a study (``docs/caching.md``)."""
    html: bool = False
    """Whether each report is written as a page too."""
    language: str = "en"
    """Of the pages."""
    workers: int | None = None
    """Processes; by default one per core, on a GPU one per two cores and 8 GiB of its memory. With
    0 this process reads, one study after another."""
    lanes: int | None = None
    """Studies that one process reads at the same time; by default 1, on a GPU 8."""
    study_s: float = STUDY_S
    """Seconds that reading one study may take."""
    worker_mib: int | None = None
    """MiB of resident memory that one worker may take; by default 4096, on a GPU more."""
    limit: int | None = None
    """Studies that are read now at most."""
    max_failures: int | None = None
    """Failed studies of one session after which it stops."""
    retry_failed: bool = False
    """Whether what failed earlier is read again."""
    shard: Shard | None = None
    """The part of the studies that this batch is about."""

    def on(self, device: Device) -> BatchOptions:
        """These options with what was left open decided for a device of this machine."""
        workers, lanes, worker_mib = self.workers, self.lanes or 1, WORKER_MIB
        if device.kind == "cuda":
            lanes = self.lanes or _GPU_LANES
            worker_mib = 2 * WORKER_MIB + lanes * _LANE_MIB
            if workers is None:
                workers = max(1, min(self.processes // 2, memory_mib(device) // _GPU_MIB))
        return replace(self, workers=workers, lanes=lanes, worker_mib=self.worker_mib or worker_mib)

    @property
    def processes(self) -> int:
        """Workers that are started."""
        return len(os.sched_getaffinity(0)) if self.workers is None else self.workers

    @property
    def threads(self) -> int:
        """Of one run of a network: together the workers have a thread for each core."""
        return max(1, len(os.sched_getaffinity(0)) // max(1, self.processes))


def local_runner(source: StagedSource, options: BatchOptions) -> Runner:
    """Worker processes of this machine, or none."""
    if options.processes == 0:
        return Inline(source)
    _check_picklable(source)
    return LocalPool(
        source,
        options.processes,
        lanes=options.lanes or 1,
        study_s=options.study_s,
        worker_mib=options.worker_mib or WORKER_MIB,
    )


def ray_runner(address: str | None = None) -> RunnerMaker:
    """The machines of a Ray cluster.

    Parameters
    ----------
    address
        As ``ray.init`` takes it: ``auto`` for the cluster that this machine is of; without it,
        Ray is started on this machine alone.

    Raises
    ------
    ConfigError
        ``ray_missing``.
    """
    from cxr_agent.batch.ray import RayRunner
    from cxr_agent.batch.ray.session import check_ray

    check_ray()

    def made(source: StagedSource, options: BatchOptions) -> Runner:
        _check_picklable(source)
        return RayRunner(
            source,
            address,
            workers=options.workers or None,
            lanes=options.lanes or 1,
            cpus=options.threads,
            study_s=options.study_s,
        )

    return made


def begin_batch(
    setup: Setup,
    recipe: Recipe,
    source: BatchSource,
    folder: Path,
    options: BatchOptions | None,
    make_runner: RunnerMaker | None,
    on_listed: Callable[[int], None] | None,
) -> Batch:
    """See :meth:`cxr_agent.reading.agent.Agent.batch`."""
    wanted = options or BatchOptions()
    if make_runner is None:  # other runners have machines of their own, with other devices
        wanted = wanted.on(setup.shelf.runtime.device)
    reader = StudyReaderSource(
        recipe=recipe,
        folder=folder.absolute(),
        threads=wanted.threads,
        keep_results=wanted.keep_results,
        html=wanted.html,
        language=wanted.language,
    )
    runner = (make_runner or local_runner)(reader, wanted)
    chosen, made_by = _chosen(setup, source, wanted), _made_by(setup)
    digest = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()
    listing = studies_of(
        os.fspath(source) if isinstance(source, os.PathLike) else source,
        priors=wanted.priors,
        on_seen=_now_and_then(on_listed),
    )
    with listing, ExitStack() as opened:
        ledger = opened.enter_context(Ledger(folder.absolute(), create=True))
        _check_options(ledger, chosen)
        _list(ledger, listing, wanted.shard, digest)
        ledger.keep_about(_OPTIONS, chosen)  # not before: a mistyped INPUT would be one of them
        ledger.freshen(digest)
        if wanted.retry_failed:
            ledger.retry_failed()
        opened.pop_all()  # from here on the batch closes it
    facts = {
        _OPTIONS: chosen,
        "setup": made_by | {"versions": setup.versions()},
        "listing": listing.summary.record(),
    }
    return Batch(ledger, runner, digest, Limits(wanted.limit, wanted.max_failures), facts)


def _check_picklable(source: StagedSource) -> None:
    try:
        pickle.dumps(source)
    except Exception:
        raise UsageError(
            "not_for_workers",
            "a planner or tool of this agent cannot be sent to another process",
            hint="Define it at the top level of a module, or read with workers=0.",
        ) from None


def _chosen(setup: Setup, source: BatchSource, options: BatchOptions) -> dict[str, Any]:
    """What the user chose that can change a result, or which studies there are."""
    config = {name: value for name, value in setup.config().items() if name not in _NOT_OPTIONS}
    return config | {
        "input": os.fspath(source) if isinstance(source, str | os.PathLike) else "listed",
        "priors": options.priors,
        "html": options.html,
        "language": options.language,
        "shard": str(options.shard) if options.shard else None,
    }


def _made_by(setup: Setup) -> dict[str, Any]:
    """What makes the results, beside what the user chose: with another one they are made anew.

    Weights go by their card, so that a GPU may go on with what a CPU began.
    """
    config = setup.config()
    pulled = {
        spec.pretrained: setup.shelf.weights_sha256(spec.pretrained)
        for spec in setup.registry
        if spec.pretrained is not None
    }
    return {
        "program": program_version(),
        "code": program_identity(),
        "tools": {
            f"{spec.name} {spec.version}": code_identity(spec.function) for spec in setup.registry
        },
        "store": config.get("store"),
        "weights": {card.id: card.weights_sha256 for card in list_cards()} | pulled,
    }


def _check_options(ledger: Ledger, chosen: Mapping[str, Any]) -> None:
    """Refuse to mix results of different options in one folder."""
    before = ledger.about(_OPTIONS)
    if before is None:
        return
    differ = sorted(n for n in {*before, *chosen} if before.get(n) != chosen.get(n))
    if differ:
        raise UsageError(
            "batch_differs",
            f"the batch in this folder was begun with another {', '.join(differ)}",
            hint="Give the same options as then, or another --out.",
        )


def _now_and_then(told: Callable[[int], None] | None) -> Callable[[int], None] | None:
    if told is None:
        return None
    return lambda count: told(count) if count % _AT_ONCE == 0 else None


def _list(ledger: Ledger, listing: Listing, shard: Shard | None, digest: str) -> None:
    """Take up what is listed; of a shard, its part."""
    number = ledger.begin_listing()
    held: list[BatchStudy] = []
    for entry in listing:
        if shard is not None and not shard.holds(entry.name):
            continue
        if isinstance(entry, Refused):
            ledger.list_refused(number, entry.name, entry.code, entry.message, digest)
            continue
        held.append(entry)
        if len(held) >= _AT_ONCE:
            ledger.list_studies(number, held)
            held.clear()
    ledger.list_studies(number, held)
    ledger.end_listing(number)
    if not sum(ledger.counts().values()):
        raise UsageError(
            "no_studies", "there is nothing to read", hint=_why_nothing(listing.summary)
        )


def _why_nothing(summary: Summary) -> str:
    passed = ", ".join(f"{count} {code}" for code, count in summary.passed.most_common(3))
    return f"Of {summary.seen} files, passed over: {passed}." if passed else "Check INPUT."
