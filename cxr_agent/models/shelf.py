"""The models of one process: loaded when first asked for, kept for the films that follow."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cxr_agent.models.anatomy import AnatomyModel


class Shelf:
    """Hands out loaded models; safe to share between threads."""

    def __init__(self, *, threads: int | None = None) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._anatomy: AnatomyModel | None = None

    def anatomy(self) -> AnatomyModel:
        """The embedded anatomy segmentation.

        Raises
        ------
        ModelError
            When its weights are missing or damaged.
        """
        with self._lock:
            if self._anatomy is None:
                from cxr_agent.models.anatomy import AnatomyModel

                self._anatomy = AnatomyModel(threads=self._threads)
            return self._anatomy
