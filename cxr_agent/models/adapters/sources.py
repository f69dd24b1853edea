"""Where a checkpoint lies: a local path, a pulled model, or a name on the Hugging Face hub.

A local source is never looked up anywhere. A hub name is taken from what was pulled, else from the
hub's local cache; only where it is in neither does the library try the network, and without one the
answer is one line.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models import catalogue
from cxr_agent.models.adapters.libraries import library

Source = str | Path
_HUB_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_OTHER_FRAMEWORKS: Final = ["*.msgpack", "*.h5", "*.ot", "*.onnx", "*.onnx_data", "*.gguf"]


def resolve(source: Source, *, revision: str | None = None, fetch: bool = True) -> Path:
    """The local file or folder that holds ``source``.

    Parameters
    ----------
    source
        A path; the name of a model that ``cxr-agent models pull`` installs; or
        ``organisation/name`` on the hub. A path that exists wins.
    revision
        Branch, tag or commit on the hub; the default branch without it.
    fetch
        Whether a hub name that is not on this machine may be looked for on the network.

    Raises
    ------
    ModelError
        ``weights_missing`` for a path that does not exist, ``not_pulled`` for a model that is not
        installed, ``weights_unavailable`` for a hub name that is not on this machine and cannot
        be fetched.
    UsageError
        ``bad_source`` for what is neither.
    """
    path = Path(source).expanduser()
    if path.exists():
        return path
    name = str(source)
    if name in catalogue.upgrades():
        return catalogue.resolve(name)
    if isinstance(source, Path) or _looks_like_a_path(name):
        raise ModelError(
            "weights_missing",
            f"there is no file or folder {name}",
            hint="Give the path of the checkpoint, or a name on the hub such as organisation/name.",
        )
    if not _HUB_NAME.fullmatch(name):
        raise UsageError(
            "bad_source",
            f"{name!r} is neither a path nor a name on the hub",
            hint="A hub name has the form organisation/name.",
        )
    for known in catalogue.upgrades().values():
        if known.source == name and revision is None and catalogue.installed(known.id):
            return catalogue.resolve(known.id)
    return _snapshot(name, revision, fetch)


def kept_file(name: str, kept: Path) -> Path:
    """A file that another package keeps in a place of its own, or that was pulled.

    Parameters
    ----------
    name
        What the other package calls it.
    kept
        Where it puts it.

    Raises
    ------
    ModelError
        ``weights_unavailable`` when it is in neither place.
    """
    if kept.exists():
        return kept
    for known in catalogue.upgrades().values():
        if kept.name in known.files:
            if catalogue.installed(known.id):
                return catalogue.resolve(known.id) / kept.name
            raise unavailable(name, f"{kept} does not exist", pull=known.id)
    raise unavailable(name, f"{kept} does not exist")


def _looks_like_a_path(name: str) -> bool:
    return name.startswith((".", "~", os.sep)) or name.count("/") > 1 or os.sep + "/" in name


def _snapshot(name: str, revision: str | None, fetch: bool) -> Path:
    hub = library("huggingface_hub")
    wanted = {"repo_id": name, "revision": revision, "ignore_patterns": _OTHER_FRAMEWORKS}
    try:
        return Path(hub.snapshot_download(**wanted, local_files_only=True))
    except (OSError, ValueError):
        if not fetch:  # not in the cache, or only part of it is
            raise unavailable(name, "this command downloads nothing") from None
    try:
        return Path(hub.snapshot_download(**wanted))
    except Exception as error:
        # The client's own errors come from whichever HTTP library it uses this year.
        raise unavailable(name, _reason(error)) from None


def unavailable(name: str, reason: str, *, pull: str = "") -> ModelError:
    """The error for weights that are not on this machine and cannot be had now.

    Parameters
    ----------
    name
        What was asked for.
    reason
        Why it cannot be had.
    pull
        Its name for ``cxr-agent models pull``, where it has one.
    """
    names = [one.id for one in catalogue.upgrades().values() if one.source == name]
    pull = pull or (names[0] if names else "")
    hint = (
        f"Run `cxr-agent models pull {pull}` with a network, or give the path of a local copy."
        if pull
        else "Give the path of a local copy. `cxr-agent models pull` brings the models that "
        "`cxr-agent models list` shows; any other needs a network once."
    )
    message = f"the weights of {name} are not on this machine and cannot be fetched: {reason}"
    return ModelError("weights_unavailable", message, hint=hint)


def _reason(error: Exception) -> str:
    kind = type(error).__name__
    if kind == "GatedRepoError":
        return "its owner asks you to accept terms on its page first"
    if kind == "RepositoryNotFoundError":
        return "the hub has no such model, or it is private"
    if kind == "RevisionNotFoundError":
        return "the hub has no such revision of it"
    return "the hub cannot be reached"


def one_file(path: Path, patterns: tuple[str, ...]) -> Path:
    """The checkpoint file at ``path``: itself, or the only file of a folder that matches.

    Raises
    ------
    ModelError
        ``weights_missing`` when no file matches, ``weights_ambiguous`` when several do.
    """
    if path.is_file():
        return path
    found = sorted({file for pattern in patterns for file in path.glob(pattern)})
    if not found:
        raise ModelError(
            "weights_missing",
            f"{path} holds no file {' or '.join(patterns)}",
            hint="Give the path of the checkpoint file itself.",
        )
    if len(found) > 1:
        raise ModelError(
            "weights_ambiguous",
            f"{path} holds {len(found)} checkpoint files",
            hint="Give the path of one of them.",
        )
    return found[0]


def folder(path: Path, *, needs: str) -> Path:
    """``path``, if it is a folder with the file ``needs``.

    Raises
    ------
    ModelError
        ``bad_checkpoint``.
    """
    if not (path / needs).is_file():
        raise ModelError(
            "bad_checkpoint",
            f"{path} is no folder with a {needs}",
            hint="Give the folder of a checkpoint in the layout of this family.",
        )
    return path


def read_json(path: Path) -> dict[str, Any]:
    """One configuration file of a checkpoint; empty where it does not exist.

    Raises
    ------
    ModelError
        ``bad_checkpoint`` when it is no JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        text = ""
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ModelError("bad_checkpoint", f"{path} is no JSON object", hint="Fetch it again.")
    return content
