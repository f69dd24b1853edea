"""What a pulled model consists of: names, sizes and hashes, written once at the pull.

A folder counts as a pulled model only with its manifest, which is written last.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cxr_agent.errors import ModelError

MANIFEST: Final = "cxr-agent-manifest.json"
_CHUNK: Final = 1 << 20

FileState = Literal["ok", "missing", "damaged"]
Witness = Literal["catalogue", "hub", "folder"]
"""``kb/models.toml``, the hub's own record, or the manifest in a folder that was installed from."""


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise ValueError("a file lies within its model's folder")
    return name


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelFile(_Record):
    """One file of a model."""

    name: Annotated[str, AfterValidator(_inside)]
    """Path within the model's folder, with ``/``."""
    size: int = Field(ge=0)
    """Bytes."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    checked_against: Witness | None
    """What stated this hash before the pull; without it, it was recorded at the pull."""


class Manifest(_Record):
    """A pulled model."""

    version: Literal[1] = 1
    id: str
    source: str
    revision: str
    """The commit that the hub gave; else the catalogue's revision."""
    pulled_from: Literal["hub", "address", "folder"]
    pulled_at: str
    """UTC, ISO 8601."""
    files: tuple[ModelFile, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """One file and how it was found."""

    name: str
    state: FileState


def read(folder: Path) -> Manifest | None:
    """The manifest in ``folder``, or None where there is none.

    Raises
    ------
    ModelError
        ``bad_manifest``.
    """
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValidationError):
        raise ModelError(
            "bad_manifest",
            f"{folder / MANIFEST} cannot be read",
            hint="Remove that file and pull the model again.",
        ) from None


def write(folder: Path, made: Manifest) -> None:
    """Write the manifest so that it is on the disk before the call returns."""
    with (folder / MANIFEST).open("wb") as file:
        file.write(made.model_dump_json(indent=2).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def describe(
    folder: Path, names: Iterable[str], stated: Mapping[Witness, Mapping[str, str]]
) -> tuple[ModelFile, ...]:
    """Hash files and compare them with what was stated about them.

    Parameters
    ----------
    folder
        Where the files lie.
    names
        Paths within it.
    stated
        SHA-256 by name, by who says so; the first who speaks of a file is named in the result,
        and all of them must be right.

    Raises
    ------
    ModelError
        ``checksum_mismatch``; the file is deleted, so that another try fetches it anew.
    """
    files = []
    for name in names:
        path = folder / name
        found = sha256_of(path)
        witness: Witness | None = None
        for who, hashes in stated.items():
            if name not in hashes:
                continue
            if hashes[name] != found:
                path.unlink()
                raise ModelError(
                    "checksum_mismatch",
                    f"{name} has SHA-256 {found[:16]}..., the {who} says {hashes[name][:16]}...",
                    hint="Nothing was installed. Pull again; if it stays so, do not use the file.",
                )
            witness = witness or who
        files.append(
            ModelFile(name=name, size=path.stat().st_size, sha256=found, checked_against=witness)
        )
    return tuple(files)


def check(folder: Path, made: Manifest, *, hashes: bool = True) -> list[CheckedFile]:
    """Compare the files in ``folder`` with the manifest, by name and size, and by hash."""
    return [CheckedFile(one.name, _state(folder / one.name, one, hashes)) for one in made.files]


def require_whole(folder: Path, made: Manifest) -> None:
    """Check names and sizes.

    Raises
    ------
    ModelError
        ``weights_damaged``.
    """
    for one in check(folder, made, hashes=False):
        if one.state != "ok":
            raise ModelError(
                "weights_damaged",
                f"{folder / one.name} is {one.state}",
                hint=f"Pull it again: `cxr-agent models pull {made.id}`.",
            )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _state(path: Path, stated: ModelFile, hashes: bool) -> FileState:
    try:
        if path.stat().st_size != stated.size:
            return "damaged"
        return "ok" if not hashes or sha256_of(path) == stated.sha256 else "damaged"
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "damaged"
