"""Checkpoint files give numbers and run nothing."""

from __future__ import annotations

import os
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
