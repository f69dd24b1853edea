"""What passes from a listing to a worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchStudy:
    """One study of a batch, as it is handed to a worker."""

    name: str
    """What the user calls it, unique within the batch: a path relative to the source, or the id
    in a list. Printable; never an identifier out of a header."""
    films: tuple[str, ...]
    """Places of the current films: absolute paths (bytes that are no UTF-8 as surrogate escapes),
    or addresses of DICOMweb instances."""
    priors: tuple[str, ...] = ()
    """Places of earlier films of the same patient, newest first."""
    indication: str = ""
