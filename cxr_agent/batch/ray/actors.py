"""What runs on the machines of the cluster: processes that decode, processes that read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import Any

from cxr_agent.batch.ray.sharing import check_folder
from cxr_agent.batch.work import Loader, Reader, StagedSource, StudyResult, Task, ended
from cxr_agent.batch.worker import Broken, Ready
from cxr_agent.errors import CxrAgentError


class _Actor(ABC):
    """A process that makes what it works with once."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def start(self, source: StagedSource, token: str) -> Ready | Broken:
        """Make it, where the folder of the batch is to be seen."""
        try:
            check_folder(source.folder, token)
            self._make(source)
        except CxrAgentError as error:
            return Broken.by(error)
        return Ready()

    @abstractmethod
    def _make(self, source: StagedSource) -> None: ...

    def end(self) -> None:
        """Let go of it."""
        self._open.close()


class LoadingActor(_Actor):
    """Decodes studies; what it makes of them goes into the object store of its machine."""

    _loader: Loader

    def _make(self, source: StagedSource) -> None:
        self._loader = self._open.enter_context(source.loader())

    def load(self, task: Task) -> tuple[StudyResult | None, Any]:
        """What came of a study that cannot be read, or None and the decoded study.

        Two objects, so that who waits for the first need not fetch the films.
        """
        loaded = self._loader.load(task)
        return (loaded, None) if isinstance(loaded, StudyResult) else (None, loaded)


class ReadingActor(_Actor):
    """Reads decoded studies; its models stay loaded."""

    _reader: Reader

    def _make(self, source: StagedSource) -> None:
        self._reader = self._open.enter_context(source())

    def read(self, task: Task, loaded: Any) -> StudyResult:
        """Read what a :class:`LoadingActor` decoded; its pixels are not copied on one machine."""
        return ended(self._reader.read(task, loaded))
