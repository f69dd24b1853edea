"""Checkpoint files give numbers and run nothing."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zipfile
from collections import Counter, defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cxr_agent.errors import ModelError
from cxr_agent.models.adapters.checkpoints import read_tensors


class Trap:
    """A pickle of this makes a folder when it is loaded as pickles usually are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("new_format", [True, False])
def test_a_file_that_would_run_something_gives_its_tensors_only(
    tmp_path: Path, new_format: bool
) -> None:
    import torch

    content = {
        "model": {"a.weight": torch.arange(6.0).reshape(2, 3)},
        "trap": Trap(tmp_path / "caught"),
        "company": [Counter("ab"), defaultdict(list, x=[1]), SimpleNamespace(rate=0.1)],
    }
    path = tmp_path / "x.pt"
    torch.save(content, path, _use_new_zipfile_serialization=new_format)
    found = read_tensors(path)
    assert list(found) == ["a.weight"]
    assert found["a.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert not (tmp_path / "caught").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "caught").exists(), "the trap works"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int64", "float64"])
def test_every_number_format(tmp_path: Path, dtype: str) -> None:
    import torch

    tensor = torch.arange(4).to(getattr(torch, dtype))
    torch.save({"state_dict": {"module.x": tensor}}, tmp_path / "x.pth")
    assert torch.equal(read_tensors(tmp_path / "x.pth")["x"], tensor)


def test_safetensors(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"x": torch.ones(2)}, tmp_path / "x.safetensors")
    assert read_tensors(tmp_path / "x.safetensors")["x"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.pt", b""),
        ("x.pt", b"no checkpoint at all"),
        ("x.pt", b"PK\x03\x04 torn"),
        ("x.safetensors", b"\x00" * 64),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_tensors(tmp_path / name)
    assert caught.value.code == "weights_damaged"


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    import torch

    torch.save({"epoch": 3}, tmp_path / "x.pt")
    with pytest.raises(ModelError) as caught:
        read_tensors(tmp_path / "x.pt")
    assert caught.value.code == "weights_damaged"


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_program_is_no_checkpoint(tmp_path: Path) -> None:
    import torch

    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "x.pt"))
    with pytest.raises(ModelError) as caught:
        read_tensors(tmp_path / "x.pt")
    assert caught.value.code == "weights_damaged"


def state_dict(folder: Path) -> dict[str, bytes]:
    """The entries of a good zip."""
    import torch

    torch.save({"x": torch.zeros(1000)}, folder / "good.pt")
    with zipfile.ZipFile(folder / "good.pt") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def refused(path: Path) -> bool:
    with pytest.raises(ModelError) as caught:
        read_tensors(path)
    return caught.value.code == "weights_damaged"


def test_a_zip_that_torch_does_not_write_is_refused(tmp_path: Path) -> None:
    inner = tmp_path / "two" / "deep"  # so that an entry that climbs two folders stays in ours
    inner.mkdir(parents=True)
    entries = state_dict(inner)
    assert read_tensors(zipped(inner / "plain.pt", entries))["x"].shape == (1000,)
    # Deflated, a terabyte of zeros is a megabyte or so for each of a few levels.
    assert refused(zipped(inner / "bomb.pt", entries, zipfile.ZIP_DEFLATED))
    for name in ("../../outside", "/etc/outside", "archive/../../outside", "\\\\host\\outside"):
        assert refused(zipped(inner / "away.pt", {**entries, name: b"x"}))
    made = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {"good.pt", "plain.pt", "bomb.pt", "away.pt"}
    assert not Path("/etc/outside").exists()


def test_entries_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """One block of data named many times over, as bombs without compression are made."""
    entries = {**state_dict(tmp_path), "good/data/big": bytes(50_000)}
    path = zipped(tmp_path / "x.pt", entries)
    with zipfile.ZipFile(path, "a") as archive:
        big = archive.getinfo("good/data/big")
        for number in range(50):
            again = zipfile.ZipInfo(f"good/data/{number}0")
            for field in ("header_offset", "file_size", "compress_size", "CRC", "compress_type"):
                setattr(again, field, getattr(big, field))
            archive.filelist.append(again)
        archive._didModify = True  # type: ignore[attr-defined]
    assert path.stat().st_size < 100_000
    assert refused(path)


def test_a_tar_with_links_is_refused(tmp_path: Path) -> None:
    """Torch unpacks the tars of its first years, and reads what a link in them leads to."""
    path = tmp_path / "x.pt"
    with tarfile.open(path, "w") as archive:
        for name in ("storages", "tensors", "../../outside"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
        archive.addfile(tarfile.TarInfo("pickle"), io.BytesIO(b""))
    assert refused(path)


def test_no_way_through_the_names_that_are_let_in(tmp_path: Path) -> None:
    """``torch.storage.os.mkdir`` and the like, by the dotted names of newer pickles."""
    from cxr_agent.models.adapters.checkpoints import _Shell, _Unpickler

    reader = _Unpickler(io.BytesIO(b""))
    for module, name in (
        *(("torch.storage", f"{name}Storage") for name in ("os.", "io.Bytes.", "a.")),
        *(("torch", "serialization.os.system"), ("torch", "storage.UntypedStorage")),
        *(("builtins", "eval"), ("os", "system"), ("torch.jit", "load"), ("torch", "load")),
    ):
        assert reader.find_class(module, name) is _Shell
    code = pickle.PROTO + b"\x04" + pickle.SHORT_BINUNICODE + b"\x02os"
    code += pickle.SHORT_BINUNICODE + b"\x06system" + pickle.STACK_GLOBAL + pickle.STOP
    assert _Unpickler(io.BytesIO(code)).load() is _Shell
