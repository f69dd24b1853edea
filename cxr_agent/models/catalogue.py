"""The pretrained upgrades of ``kb/models.toml``: where each comes from and where it is installed.

Nothing here touches the network; see :mod:`cxr_agent.models.pull`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cxr_agent.errors import ConfigError, ModelError
from cxr_agent.knowledge import load
from cxr_agent.models import manifest
from cxr_agent.models.manifest import Manifest

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_HUB_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class Upgrade(BaseModel):
    """One model that can be pulled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    family: str = Field(min_length=1)
    """What reads it: a name in :data:`cxr_agent.models.adapters.FAMILIES`."""
    name: str = Field(min_length=1)
    source: str = Field(min_length=1)
    """``owner/name`` of the Hugging Face hub, or an https address that ends with ``/``."""
    revision: str = ""
    """Commit, tag or branch of the hub's repository; empty for an address."""
    files: tuple[str, ...] = Field(min_length=1)
    """Names or patterns, each of which must be there; ``*`` stays within one folder."""
    optional: tuple[str, ...] = ()
    """Names or patterns that are taken where they are there."""
    sha256: dict[str, str] = {}
    """Hash by file name, where a public page states it."""
    size_mb: float | None = Field(default=None, gt=0)
    """Size of the files in 10^6 bytes, where a public page states it."""
    licence: str = Field(min_length=1)
    licence_url: str = Field(pattern=r"^https://")
    purpose: str = Field(min_length=1)
    needs: tuple[str, ...] = ()
    """Libraries that its adapter imports."""
    gated: bool = False
    """The source asks for consent to its conditions, and for a token that shows it."""
    trust_remote_code: bool = False
    """It comes with Python code of its own, which a library would run when it loads it."""
    note: str = ""
    citation: str = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Upgrade:
        if self.on_hub:
            if not _HUB_NAME.fullmatch(self.source) or not self.revision:
                raise ValueError("a hub source is owner/name and needs a revision")
        else:
            address = urlsplit(self.source)
            trusted = address.scheme == "https" or (
                address.scheme == "http" and address.hostname in _LOOPBACK
            )
            if not trusted or not self.source.endswith("/") or self.optional:
                raise ValueError("an address is https, ends with / and lists all its files")
            if any("*" in name for name in self.files):
                raise ValueError("an address cannot be searched for patterns")
        if not all(re.fullmatch(r"[0-9a-f]{64}", value) for value in self.sha256.values()):
            raise ValueError("a SHA-256 has 64 hexadecimal digits")
        if not set(self.sha256) <= set(self.files):
            raise ValueError("a hash is of one of the files")
        return self

    @property
    def on_hub(self) -> bool:
        """Whether the source is the Hugging Face hub, not an address."""
        return "://" not in self.source

    @property
    def pinned(self) -> bool:
        """Whether every pull brings the same files: a commit, or a hash of each file."""
        if self.on_hub and _COMMIT.fullmatch(self.revision):
            return True
        return set(self.files) <= set(self.sha256)

    @property
    def page(self) -> str:
        """Where a person reads about the source."""
        return f"https://huggingface.co/{self.source}" if self.on_hub else self.source

    def choose(self, names: Iterable[str]) -> list[str]:
        """Those of a source's ``names`` that belong to the model, sorted.

        Raises
        ------
        ModelError
            ``files_missing`` when one of :attr:`files` matches none of them.
        """
        there = sorted(set(names))
        missing = [one for one in self.files if not any(_matches(name, one) for name in there)]
        if missing:
            raise ModelError(
                "files_missing",
                f"{self.id}: the source has no {', '.join(missing)}",
                hint=self.note or f"See {self.page}: the files may have been moved or withdrawn.",
            )
        patterns = (*self.files, *self.optional)
        return [name for name in there if any(_matches(name, one) for one in patterns)]


def upgrades() -> dict[str, Upgrade]:
    """``kb/models.toml`` by id, in its order.

    Raises
    ------
    ConfigError
        ``bad_definition``.
    """
    return dict(_upgrades())


@lru_cache(maxsize=1)
def _upgrades() -> dict[str, Upgrade]:
    return {name: _entry(name, raw) for name, raw in load("models").items()}


def _entry(name: str, raw: object) -> Upgrade:
    if isinstance(raw, dict):
        try:
            return Upgrade.model_validate({"id": name, **raw})
        except ValidationError:
            pass
    raise ConfigError("bad_definition", f"the entry {name} in kb/models.toml is malformed")


def find(model: str) -> Upgrade:
    """One upgrade.

    Raises
    ------
    ModelError
        ``unknown_model``.
    """
    try:
        return _upgrades()[model]
    except KeyError:
        raise ModelError(
            "unknown_model",
            f"there is no upgrade named {model}",
            hint="`cxr-agent models list` shows them.",
        ) from None


def models_root() -> Path:
    """Folder of pulled models: ``CXR_AGENT_MODELS``, else within the user's cache.

    The cache is ``XDG_CACHE_HOME`` where it is set to an absolute path (XDG Base Directory
    Specification), else ``~/.cache``; on macOS ``~/Library/Caches``.
    """
    chosen = os.environ.get("CXR_AGENT_MODELS")
    if chosen:
        return Path(chosen).expanduser().absolute()
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():
        cache = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return cache / "cxr-agent" / "models"


def folder_of(model: str) -> Path:
    """Where a model lies once it is pulled."""
    return models_root() / model


def installed(model: str) -> Manifest | None:
    """The manifest of a pulled model, or None where there is none.

    Raises
    ------
    ModelError
        ``bad_manifest``.
    """
    return manifest.read(folder_of(model))


def resolve(model: str) -> Path:
    """The folder of a pulled model, complete by names and sizes; hashes are not computed again.

    Raises
    ------
    ModelError
        ``unknown_model``; ``not_pulled`` with the command to run; ``bad_manifest`` or
        ``weights_damaged`` when what lies there is not what was pulled.
    """
    upgrade = find(model)
    found = installed(model)
    if found is None:
        raise ModelError(
            "not_pulled",
            f"{upgrade.name} is not installed",
            hint=f"Run `cxr-agent models pull {model}`; it shows licence and size first.",
        )
    folder = folder_of(model)
    manifest.require_whole(folder, found)
    return folder


def _matches(name: str, pattern: str) -> bool:
    parts, wanted = PurePosixPath(name).parts, PurePosixPath(pattern).parts
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
