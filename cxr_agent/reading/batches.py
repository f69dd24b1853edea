"""Beginning a batch, or going on with one: its folder, its listing, who reads it."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cxr_agent.batch.batch import Batch, Limits
from cxr_agent.batch.inline import Inline
from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.ledger import Ledger
from cxr_agent.batch.listing import Refused, studies_of
from cxr_agent.batch.pool import STUDY_S, WORKER_MIB, LocalPool
from cxr_agent.batch.shard import Shard
from cxr_agent.batch.work import ReaderSource, Runner
from cxr_agent.errors import UsageError
from cxr_agent.models.runtime.device import Device, memory_mib
from cxr_agent.models.store import list_cards
from cxr_agent.reading.recipe import Recipe
from cxr_agent.reading.setup import Setup
from cxr_agent.reading.study_reader import StudyReaderSource
from cxr_agent.reading.version import program_version

BatchSource = str | os.PathLike[str] | Iterable[str | os.PathLike[str] | BatchStudy]
RunnerMaker = Callable[[ReaderSource, "BatchOptions"], Runner]
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


def local_runner(source: ReaderSource, options: BatchOptions) -> Runner:
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
        recipe, folder.absolute(), wanted.threads, wanted.html, wanted.language
    )
    runner = (make_runner or local_runner)(reader, wanted)
    ledger = Ledger(folder.absolute(), create=True)
    try:
        chosen = _chosen(setup, source, wanted)
        _check_options(ledger, chosen)
        made_by = _made_by(setup)
        digest = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()
        _list(ledger, source, wanted, digest, on_listed or (lambda count: None))
        ledger.freshen(digest)
        if wanted.retry_failed:
            ledger.retry_failed()
        limits = Limits(wanted.limit, wanted.max_failures)
        return Batch(
            ledger,
            runner,
            digest,
            limits,
            facts={_OPTIONS: chosen, "setup": made_by | {"versions": setup.versions()}},
        )
    except BaseException:
        ledger.close()
        raise


def _check_picklable(source: ReaderSource) -> None:
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
        "tools": config["tools"],
        "store": config.get("store"),
        "weights": {card.id: card.weights_sha256 for card in list_cards()} | pulled,
    }


def _check_options(ledger: Ledger, chosen: Mapping[str, Any]) -> None:
    """Refuse to mix results of different options in one folder."""
    before = ledger.about(_OPTIONS)
    if before is None:
        ledger.keep_about(_OPTIONS, chosen)
        return
    differ = sorted(n for n in {*before, *chosen} if before.get(n) != chosen.get(n))
    if differ:
        raise UsageError(
            "batch_differs",
            f"the batch in this folder was begun with another {', '.join(differ)}",
            hint="Give the same options as then, or another --out.",
        )


def _list(
    ledger: Ledger,
    source: BatchSource,
    options: BatchOptions,
    digest: str,
    on_listed: Callable[[int], None],
) -> None:
    listing = ledger.begin_listing()
    held: list[BatchStudy] = []
    for count, entry in enumerate(_entries(source, options), 1):
        if count % _AT_ONCE == 0:
            on_listed(count)
        if isinstance(entry, Refused):
            ledger.list_refused(listing, entry.name, entry.code, entry.message, digest)
            continue
        held.append(entry)
        if len(held) >= _AT_ONCE:
            ledger.list_studies(listing, held)
            held.clear()
    ledger.list_studies(listing, held)
    ledger.end_listing(listing)
    if not sum(ledger.counts().values()):
        raise UsageError("no_studies", "there is nothing to read", hint="Check INPUT.")


def _entries(source: BatchSource, options: BatchOptions) -> Iterator[BatchStudy | Refused]:
    for entry in studies_of(source, priors=options.priors):
        if options.shard is None or options.shard.holds(entry.name):
            yield entry
