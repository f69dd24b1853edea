"""What makes a store's further vectors: an encoder of texts, known by the hash of its files.

Two encoders whose files differ have different identities, whatever they are called and wherever
they lie, so vectors of two versions are never compared with each other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models.adapters import load_adapter
from cxr_agent.models.adapters.families import READING
from cxr_agent.models.adapters.sources import read_json, resolve
from cxr_agent.models.manifest import MANIFEST, sha256_of
from cxr_agent.retrieval.items import Part

if TYPE_CHECKING:
    from cxr_agent.models.adapters.vectors import ImageTextEncoder, TextEncoder

_PREPARATION: Final = 1
"""Raised when an adapter comes to prepare films or texts in another way."""
_OPEN_CLIP: Final = "open_clip_config.json"
_READ: Final = (".json", ".txt", ".model", ".safetensors", ".bin")
"""Endings of what configurations, words and weights lie in; a page about them changes nothing."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder on this machine; its network is loaded when it is asked for."""

    folder: Path
    family: str
    """``sentence``, or ``clip`` for films and texts in one space."""
    identity: str
    """Family, preparation and hash of the files."""

    @property
    def part(self) -> Part:
        """What of an item it encodes."""
        return Part.FILM if self.family == "clip" else Part.REPORT

    def of_texts(self, device: str) -> TextEncoder:
        """Load it.

        Raises
        ------
        ModelError, UsageError
            As :func:`cxr_agent.models.adapters.load_adapter`.
        """
        encoder: TextEncoder = load_adapter(self.family, self.folder, device=device)
        return encoder

    def of_films(self, device: str) -> ImageTextEncoder:
        """Load one whose :attr:`part` is the film; errors as :meth:`of_texts`."""
        encoder: ImageTextEncoder = load_adapter(self.family, self.folder, device=device)
        return encoder


def find_encoder(source: str) -> Encoder:
    """An encoder that is on this machine; nothing is downloaded and nothing heavy imported.

    Parameters
    ----------
    source
        A folder, a model that was pulled, or a hub name in the hub's local cache.

    Raises
    ------
    UsageError
        ``no_encoder`` for a checkpoint that reads no texts, ``bad_source``.
    ModelError
        ``not_pulled``, ``weights_missing``, ``weights_unavailable``, ``weights_damaged``,
        ``bad_checkpoint``.
    """
    folder = resolve(source, fetch=False)
    family = _family(folder) if folder.is_dir() else None
    if family is None:
        raise UsageError(
            "no_encoder",
            "this checkpoint makes no vectors of texts",
            hint="One of the families sentence or clip is needed: docs/pretrained.md. "
            "`cxr-agent models list` shows what can be pulled.",
        )
    return Encoder(folder, family, f"{family} {_PREPARATION} {_digest(folder)[:16]}")


def _family(folder: Path) -> str | None:
    if (folder / _OPEN_CLIP).is_file():
        return "clip"
    if (folder / "modules.json").is_file():
        return "sentence"
    return READING.get(str(read_json(folder / "config.json").get("model_type")))


def _digest(folder: Path) -> str:
    """SHA-256 over names and contents of what the adapters may read."""
    files = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.suffix in _READ and path.name != MANIFEST and path.is_file()
    }
    told = hashlib.sha256()
    try:
        for name in sorted(files):
            told.update(f"{sha256_of(files[name])} {name}\n".encode())
    except OSError:
        raise ModelError(
            "weights_damaged", f"a file in {folder} cannot be read", hint="Fetch it again."
        ) from None
    return told.hexdigest()
