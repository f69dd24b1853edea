"""Installing a pretrained upgrade: fetched beside its place, checked, and moved there whole."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, Literal

from cxr_agent.errors import ModelError, OutputError
from cxr_agent.models import manifest
from cxr_agent.models.catalogue import Upgrade, folder_of
from cxr_agent.models.download import Offline, Progress, download
from cxr_agent.models.manifest import Manifest, ModelFile, Witness

_ORIGIN: Final = ".origin.json"
"""In an unfinished folder: which source its files are from."""
_SWITCHES: Final = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def intact(upgrade: Upgrade) -> Manifest | None:
    """The manifest of an installed model whose every file has its hash; else None.

    A model that was pulled from another source or commit than the catalogue names now does not
    count; one that a person installed from a folder does.
    """
    try:
        found = manifest.read(folder_of(upgrade.id))
    except ModelError:
        return None
    if found is None or not _is_current(upgrade, found):
        return None
    checked = manifest.check(folder_of(upgrade.id), found)
    return found if all(one.state == "ok" for one in checked) else None


def pull(
    upgrade: Upgrade, *, from_folder: Path | None = None, progress: Progress = lambda *_: None
) -> Manifest:
    """Install a model, from its source or from a folder; nothing is done where it is intact.

    Whoever calls this has the user's consent to the licence. An interrupted pull leaves a hidden
    folder beside the model's place, which never counts as installed and from which the next pull
    goes on.

    Raises
    ------
    ModelError
        ``offline``, ``access_denied``, ``source_gone``, ``download_failed``,
        ``download_interrupted``, ``untrusted_server``, ``checksum_mismatch``, ``files_missing``,
        ``library_missing``, ``no_such_folder``, ``unreadable_source`` or ``pull_running``.
    OutputError
        ``output_not_writable`` or ``no_room``.
    """
    try:
        with _alone(upgrade.id):
            found = intact(upgrade)
            return found or _install(upgrade, from_folder, progress)
    except Offline as error:
        raise _offline(upgrade, str(error)) from None
    except OSError as error:
        raise OutputError(
            "output_not_writable",
            f"{folder_of(upgrade.id)} cannot be written: {error.strerror or error}",
            hint="Set CXR_AGENT_MODELS to a folder that is writable and has room.",
        ) from None


def _install(upgrade: Upgrade, from_folder: Path | None, progress: Progress) -> Manifest:
    place = folder_of(upgrade.id)
    work = place.with_name(f".{upgrade.id}.partial")
    if from_folder is None and any(_is_on(name) for name in _SWITCHES):
        raise Offline("HF_HUB_OFFLINE is set")
    _prepare(upgrade, place, work, from_folder)
    _reuse(upgrade, place, work)
    _require_room(upgrade, work)
    if from_folder is not None:
        got = _from_folder(upgrade, from_folder, work, progress)
    elif upgrade.on_hub:
        got = _from_hub(upgrade, work)
    else:
        got = _from_address(upgrade, work, progress)
    stated: dict[Witness, Mapping[str, str]] = {"catalogue": upgrade.sha256, **got.stated}
    made = Manifest(
        id=upgrade.id,
        source=upgrade.source,
        revision=got.revision,
        pulled_from=got.kind,
        pulled_at=datetime.now(UTC).isoformat(timespec="seconds"),
        files=manifest.describe(work, got.names, stated),
    )
    _finish(work, place, made)
    return made


@dataclass(frozen=True)
class _Got:
    """What a source gave."""

    kind: Literal["hub", "address", "folder"]
    names: list[str]
    revision: str
    stated: Mapping[Witness, Mapping[str, str]]


def _from_hub(upgrade: Upgrade, work: Path) -> _Got:
    from cxr_agent.models.hub import fetch

    got = fetch(upgrade, work)
    return _Got("hub", got.names, got.commit, {"hub": got.sha256})


def _from_address(upgrade: Upgrade, work: Path, progress: Progress) -> _Got:
    for name in upgrade.files:
        if not (work / name).exists():
            download(upgrade.source + name, work / name, progress=progress)
    return _Got("address", list(upgrade.files), upgrade.revision, {})


def _from_folder(upgrade: Upgrade, source: Path, work: Path, progress: Progress) -> _Got:
    """Copy the files, which may be bare or a model that was pulled on another machine."""
    names = upgrade.choose(_names_in(source))
    carried = manifest.read(source)
    _copy(source, names, work, progress)
    if carried is None:
        return _Got("folder", names, "", {})
    hashes = {one.name: one.sha256 for one in carried.files}
    return _Got("folder", names, carried.revision, {"folder": hashes})


def _is_current(upgrade: Upgrade, found: Manifest) -> bool:
    if found.source != upgrade.source:
        return False
    if found.pulled_from == "hub" and upgrade.pinned and found.revision != upgrade.revision:
        return False
    hashes = {one.name: one.sha256 for one in found.files}
    return all(hashes.get(name) == value for name, value in upgrade.sha256.items())


def _prepare(upgrade: Upgrade, place: Path, work: Path, from_folder: Path | None) -> None:
    """An unfinished folder that holds nothing but files of this source."""
    origin = {
        "source": str(from_folder.absolute()) if from_folder else upgrade.source,
        "revision": upgrade.revision,
    }
    shutil.rmtree(place.with_name(f".{upgrade.id}.old"), ignore_errors=True)
    try:
        known = json.loads((work / _ORIGIN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = None
    if known != origin:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        (work / _ORIGIN).write_text(json.dumps(origin), encoding="utf-8")


def _reuse(upgrade: Upgrade, place: Path, work: Path) -> None:
    """Take over what is still sound of an installed model that is not."""
    try:
        found = manifest.read(place)
    except ModelError:
        return
    if found is None or not _is_current(upgrade, found):
        return
    for one in manifest.check(place, found):
        if one.state == "ok" and not (work / one.name).exists():
            (work / one.name).parent.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):  # a file system without links: it is fetched again
                (work / one.name).hardlink_to(place / one.name)


def _require_room(upgrade: Upgrade, work: Path) -> None:
    if upgrade.size_mb is None:
        return
    there = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
    needed = upgrade.size_mb * 1e6 - there
    free = shutil.disk_usage(work).free
    if free < needed:
        raise OutputError(
            "no_room",
            f"{upgrade.id} needs {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free",
            hint="Set CXR_AGENT_MODELS to a folder that has room.",
        )


def _names_in(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        raise ModelError(
            "no_such_folder",
            f"{folder} is no folder",
            hint="--from takes the folder that holds the model's files.",
        )
    for base, _, names in os.walk(folder):
        for name in names:
            path = Path(base) / name
            if path.is_file() and name != manifest.MANIFEST:
                yield path.relative_to(folder).as_posix()


def _copy(source: Path, names: list[str], work: Path, progress: Progress) -> None:
    for name in names:
        target = work / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        with _reading(source / name) as file, part.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        part.replace(target)
        size = target.stat().st_size
        progress(name, size, size)


def _reading(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise ModelError(
            "unreadable_source",
            f"{path} cannot be read: {error.strerror}",
            hint="--from takes a folder whose files you may read.",
        ) from None


def _finish(work: Path, place: Path, made: Manifest) -> None:
    """Leave nothing but the model's files, then put the folder in its place in one step."""
    _keep_only(work, made.files)
    for one in made.files:
        _sync(work / one.name)
    manifest.write(work, made)
    _sync(work)
    old = place.with_name(f".{made.id}.old")
    if place.exists():
        place.replace(old)
    work.replace(place)
    _sync(place.parent)
    shutil.rmtree(old, ignore_errors=True)


def _keep_only(work: Path, files: tuple[ModelFile, ...]) -> None:
    kept = {work / one.name for one in files}
    for path in sorted(work.rglob("*"), reverse=True):  # what lies deeper comes first
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in kept:
            path.unlink()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _alone(model: str) -> Iterator[None]:
    """Keep other pulls of the same model out; the lock ends with the process."""
    root = folder_of(model).parent
    root.mkdir(parents=True, exist_ok=True)
    with (root / f".{model}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ModelError(
                "pull_running",
                f"another process is pulling {model}",
                hint="Wait for it to end.",
            ) from None
        yield


def _is_on(switch: str) -> bool:
    return os.environ.get(switch, "").strip().upper() in ("1", "ON", "YES", "TRUE")


def _offline(upgrade: Upgrade, why: str) -> ModelError:
    return ModelError(
        "offline",
        f"{upgrade.id} cannot be fetched: {why}",
        hint="Pull it on a machine with a network, bring the folder here and run "
        f"`cxr-agent models pull {upgrade.id} --from FOLDER`.",
    )
