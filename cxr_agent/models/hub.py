"""Files from the Hugging Face hub, through its own client."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cxr_agent.errors import CxrAgentError, ModelError
from cxr_agent.models.catalogue import Upgrade
from cxr_agent.models.download import SECONDS, Offline, refused

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

_CLIENT_FOLDER: Final = ".cache"
"""Where the client keeps its own notes within a download; no part of a model."""
_CONNECTION: Final = frozenset(
    {"TransportError", "ConnectionError", "TimeoutError", "OfflineModeIsEnabled"}
)
"""Names in the ancestry of what the client raises without a connection; which HTTP library it
uses, and with it their modules, has changed more than once."""


class HubFiles:
    """What one repository holds at one commit."""

    def __init__(self, commit: str, names: list[str], sizes: dict[str, int]) -> None:
        self.commit = commit
        self.names = names
        """Those that belong to the model."""
        self.sizes = sizes
        """Bytes by name, where the hub states them."""
        self.sha256: dict[str, str] = {}
        """Hash by name, which the hub states for large files."""


def fetch(upgrade: Upgrade, folder: Path) -> HubFiles:
    """Download a model into ``folder``, continuing what an earlier call left there.

    Raises
    ------
    Offline
        The hub cannot be reached.
    ModelError
        ``library_missing``, ``access_denied``, ``source_gone``, ``download_failed``,
        ``download_interrupted`` or ``files_missing``.
    OSError
        The files cannot be written.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        from huggingface_hub import HfApi, constants, snapshot_download
    except ImportError:
        raise ModelError(
            "library_missing",
            "pulling from the Hugging Face hub needs the library huggingface_hub",
            hint="Run `pip install 'cxr-agent[pretrained]'`, or use --from.",
        ) from None
    host = urlsplit(constants.ENDPOINT).hostname or "huggingface.co"
    try:
        info = HfApi().model_info(
            upgrade.source, revision=upgrade.revision, files_metadata=True, timeout=SECONDS
        )
        found = _listed(upgrade, info)
        # By commit, so that a branch that moves meanwhile gives no mixture.
        snapshot_download(
            upgrade.source,
            revision=found.commit,
            allow_patterns=found.names,
            local_dir=folder,
            cache_dir=folder / _CLIENT_FOLDER,
            max_workers=4,
        )
    except CxrAgentError:
        raise
    except Exception as error:
        raise _told(error, host, upgrade) from error
    _require_all(folder, found)
    return found


def _listed(upgrade: Upgrade, info: ModelInfo) -> HubFiles:
    files = info.siblings or []
    found = HubFiles(
        info.sha or "",
        upgrade.choose(file.rfilename for file in files),
        {file.rfilename: file.size for file in files if file.size is not None},
    )
    for file in files:
        if file.lfs is not None and file.rfilename in found.names:
            found.sha256[file.rfilename] = file.lfs.sha256
    return found


def _require_all(folder: Path, found: HubFiles) -> None:
    """Check that all is there: without a connection the client gives what it has as the whole."""
    for name in found.names:
        path = folder / name
        if not path.is_file() or path.stat().st_size != found.sizes.get(name, path.stat().st_size):
            raise ModelError(
                "download_interrupted",
                f"{name} is not whole",
                hint="Run the same command again: it continues where it stopped.",
            )


def _told(error: Exception, host: str, upgrade: Upgrade) -> Exception:
    """One of the client's errors as one of ours."""
    response = getattr(error, "response", None)
    if response is not None:
        return refused(int(response.status_code), host, upgrade.page, by_token=True)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES):
        return error
    if _CONNECTION & {kind.__name__ for kind in type(error).__mro__}:
        return Offline(f"{host}: no connection")
    if type(error).__name__ == "LocalEntryNotFoundError":  # it went away after the listing
        return Offline(f"{host}: the connection was lost")
    return ModelError(
        "download_failed",
        f"the client of {host} failed: {type(error).__name__}",
        hint="Run again; CXR_AGENT_DEBUG=1 shows why. Files that you have install with --from.",
    )
