"""Checkpoint files read without running anything that they contain.

A ``.pt`` or ``.pth`` file is a pickle, and a pickle can name any function to be called. Here every
name in it but those that rebuild tensors becomes an inert shell, so a file can give numbers and
nothing else. This also reads files that hold whole modules of a package that is not installed,
as torchxrayvision's do: the tensors lie in the shells where the module had them.
"""

from __future__ import annotations

import pickle
import tarfile
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from cxr_agent.errors import ModelError
from cxr_agent.models.adapters.libraries import library

Tensors = dict[str, Any]
"""Tensors by name, as a module's ``state_dict`` has them."""

_REBUILD: Final = frozenset(
    {
        ("torch._utils", "_rebuild_tensor"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch._utils", "_rebuild_parameter"),
    }
)
_TYPES: Final = frozenset({"Size", "device", "dtype", "float32", "float16", "float64", "int64"})
_PARALLEL: Final = "module."
_MOST_ENTRIES: Final = 100_000
"""Of a zip: one for each tensor, and a few."""


class _Shell(dict[Any, Any]):
    """Stands in for any class or function that a file names; keeps state, does nothing."""

    dump_patches = False  # torch looks here before it compares a module's source

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)

    def append(self, _: object) -> None:
        """Part of how a pickle fills a list."""

    def extend(self, _: object) -> None:
        """Likewise."""


class _Unpickler(pickle.Unpickler):
    """Imports nothing but what rebuilds a tensor."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) in _REBUILD:
            return super().find_class(module, name)
        if "." in name:  # an attribute of an attribute: no name of what rebuilds a tensor has one
            return _Shell
        if module in {"torch", "torch.storage"} and (name in _TYPES or name.endswith("Storage")):
            return super().find_class(module, name)
        return _Shell


def read_tensors(path: Path) -> Tensors:
    """All tensors of a checkpoint, on the CPU.

    A state dict, one under ``model``, ``state_dict`` or ``model_state_dict``, or a whole pickled
    module; the prefix that data-parallel training leaves is taken off.

    Parameters
    ----------
    path
        ``.safetensors`` under any name, or what ``torch.save`` wrote, in its new or old format.

    Raises
    ------
    ModelError
        ``weights_damaged`` when the file cannot be read as one of these, or holds no tensor.
    """
    try:
        content = _content(path)
    except ModelError:
        raise
    except Exception as error:
        # pickle, zip and torch raise whatever comes to hand on damaged bytes
        raise _damaged(path) from error
    found = _state_dict(content)
    if not found:
        raise _damaged(path)
    if all(name.startswith(_PARALLEL) for name in found):
        found = {name.removeprefix(_PARALLEL): tensor for name, tensor in found.items()}
    return found


def _damaged(path: Path) -> ModelError:
    return ModelError(
        "weights_damaged",
        f"{path.name} cannot be read as a checkpoint",
        hint="Fetch the file again and compare its checksum with the one on its page.",
    )


def _content(path: Path) -> Any:
    if path.suffix == ".safetensors" or _is_safetensors(path):
        return library("safetensors.torch").load_file(path)
    torch = library("torch")
    _require_plain(path)
    reader = SimpleNamespace(Unpickler=_Unpickler, load=_load, __name__="pickle")
    with warnings.catch_warnings():
        # The old format compares a module's source with the shell's, and warns that they differ.
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", pickle_module=reader, weights_only=False)


def _is_safetensors(path: Path) -> bool:
    """Whether the file begins as one: the length of a JSON header, and that header.

    MedImageInsight's is published under the ending of another format.
    """
    with path.open("rb") as file:
        start = file.read(9)
    return start[8:] == b"{" and int.from_bytes(start[:8], "little") < path.stat().st_size


def _require_plain(path: Path) -> None:
    """Refuse archives that ``torch.save`` does not write; none is ever unpacked to the disk.

    Raises
    ------
    ModelError
        ``weights_damaged``: a tar, which torch of long ago wrote and today's would unpack, links
        and all; a TorchScript archive, which is a program; a zip with compressed entries, with
        more bytes than the file has, or with names that lead elsewhere.
    """
    if tarfile.is_tarfile(path):
        raise _damaged(path)
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if (
        len(entries) > _MOST_ENTRIES
        or any(one.compress_type != zipfile.ZIP_STORED for one in entries)
        or sum(one.file_size for one in entries) > path.stat().st_size
        or any(".." in one.filename.split("/") or one.filename[:1] in "/\\" for one in entries)
        or any(one.filename.endswith("/constants.pkl") for one in entries)
    ):
        raise _damaged(path)


def _load(file: Any, **options: Any) -> Any:
    return _Unpickler(file, **options).load()


def _state_dict(content: Any) -> Tensors:
    torch = library("torch")
    if isinstance(content, _Shell):
        return dict(_of_module(content, ""))
    if not isinstance(content, dict):
        return {}
    for key in ("model", "state_dict", "model_state_dict"):
        if isinstance(content.get(key), dict):
            return _state_dict(content[key])
    return {
        str(name): tensor for name, tensor in content.items() if isinstance(tensor, torch.Tensor)
    }


def _of_module(shell: _Shell, prefix: str) -> Iterator[tuple[str, Any]]:
    for kind in ("_parameters", "_buffers"):
        for name, tensor in (shell.__dict__.get(kind) or {}).items():
            if tensor is not None:
                yield prefix + name, tensor
    for name, child in (shell.__dict__.get("_modules") or {}).items():
        if isinstance(child, _Shell):
            yield from _of_module(child, f"{prefix}{name}.")


def fill(network: Any, tensors: Tensors, *, family: str, others: bool = False) -> Any:
    """``network`` with these weights, for inference.

    Parameters
    ----------
    network
        A torch module.
    tensors
        All of its parameters and buffers.
    family
        Named in errors.
    others
        Whether the checkpoint may hold tensors that the network has no place for.

    Raises
    ------
    ModelError
        ``bad_checkpoint`` when names or shapes are not those of the network.
    """
    try:
        result = network.load_state_dict(tensors, strict=False)
    except RuntimeError:
        raise bad_layout(family, "a tensor has another shape") from None
    lacking = [n for n in result.missing_keys if not n.endswith("num_batches_tracked")]
    if lacking:
        raise bad_layout(family, f"{lacking[0]} is missing")
    if result.unexpected_keys and not others:
        raise bad_layout(family, f"{result.unexpected_keys[0]} is unknown")
    return network.eval().requires_grad_(False)


def bad_layout(family: str, reason: str) -> ModelError:
    """The error for a readable checkpoint of another model."""
    return ModelError(
        "bad_checkpoint",
        f"the checkpoint is none of the family {family}: {reason}",
        hint="Check the family and the source; docs/pretrained.md lists both.",
    )
