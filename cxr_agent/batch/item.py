"""One study of a batch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchStudy:
    """One study of a batch, as it is handed to a worker."""

    name: str
    """What the user calls it; unique within the batch."""
    films: tuple[str, ...]
    """Places of the current films: local absolute paths, or URLs of DICOMweb instances."""
    priors: tuple[str, ...] = ()
    """Places of earlier films of the same patient, newest first."""
    indication: str = ""
