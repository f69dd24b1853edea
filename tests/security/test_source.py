"""Nothing in the program runs, unpickles or unpacks what it is given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .banned import ANY_PICTURE, look_through

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("cxr_agent", "training", "benchmarks", ".ci", "docs/plugins")
"""``tools``, ``kb`` and ``prompts`` are looked into as parts of ``cxr_agent``."""
ALLOWED = {
    (
        "cxr_agent/models/adapters/checkpoints.py",
        "import pickle",
    ): "its own Unpickler, which imports nothing but what rebuilds a tensor",
    (
        "cxr_agent/models/adapters/checkpoints.py",
        "torch.load without weights_only",
    ): "with that Unpickler; weights_only refuses files that hold whole modules",
    (
        "cxr_agent/models/adapters/chexagent.py",
        "trust_remote_code=True",
    ): "after the user has said so: without that it refuses",
    (
        "cxr_agent/reading/batches.py",
        "import pickle",
    ): "dumps alone: asks whether a planner can be sent to a process of ours",
    (
        "cxr_agent/toolbox/sources/folder.py",
        "exec_module",
    ): "a folder of tools that the user names is code that the user runs",
    (
        "cxr_agent/toolbox/isolation/worker.py",
        "exec_module",
    ): "the same file in a process of its own, after its hash was compared; and this package",
    (
        "cxr_agent/toolbox/isolation/start.py",
        "exec_module",
    ): "this package itself, by the path it was started from",
    (
        "benchmarks/batch.py",
        "allow_pickle=True",
    ): "reads back what it has just written, into a folder of its own",
}
"""Each with why; one that is not found any more has to go."""


def sources() -> list[Path]:
    found = []
    for top in FOLDERS:
        for folder, _, names in os.walk(ROOT / top, followlinks=True):
            found += [Path(folder) / name for name in names if name.endswith(".py")]
    return sorted(found)


def test_nothing_is_run_unpickled_or_unpacked() -> None:
    files = sources()
    assert len(files) > 600
    found = {
        (str(path.relative_to(ROOT)), one.what): one.line
        for path in files
        for one in look_through(path.read_text(encoding="utf-8"))
        # What trains and measures opens pictures of sets that whoever runs it has picked.
        if one.what != ANY_PICTURE or "cxr_agent" in path.relative_to(ROOT).parts
    }
    assert found.keys() - ALLOWED.keys() == set()
    assert ALLOWED.keys() - found.keys() == set()


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("eval(x)", "eval"),
        ("work = exec\nwork(x)", "exec"),
        ("from builtins import eval as number\nnumber(x)", "import builtins.eval"),
        ("import pickle", "import pickle"),
        ("def f():\n    from pickle import loads", "import pickle"),
        ("import yaml", "import yaml"),
        ("import xml.sax.handler", "import xml.sax.handler"),
        ("import os as o\no.system(x)", "os.system"),
        ("from os import system", "import os.system"),
        ("import os\nos.execvp(x, y)", "os.execvp"),
        ("import subprocess\nsubprocess.run(x, shell=True)", "shell=True"),
        ("run(x, shell=wanted)", "shell=wanted"),
        ("import torch\ntorch.load(x)", "torch.load without weights_only"),
        ("import torch as t\nt.load(x, weights_only=no)", "torch.load without weights_only"),
        ("from torch import load\nload(x)", "torch.load without weights_only"),
        ("import numpy as np\nnp.load(x, allow_pickle=True)", "allow_pickle=True"),
        ("import pandas as pd\npd.read_pickle(x)", "pandas.read_pickle"),
        ("archive.extractall(x)", "extractall"),
        ("import shutil\nshutil.unpack_archive(x)", "shutil.unpack_archive"),
        ("session.get(x, verify=False)", "verify=False"),
        ("load(x, trust_remote_code=True)", "trust_remote_code=True"),
        ("from PIL import Image as Pillow\nPillow.open(x)", ANY_PICTURE),
        ("def f():\n    from PIL import Image\n    Image.open(x)", ANY_PICTURE),
    ],
)
def test_what_is_banned_is_found(source: str, what: str) -> None:
    assert what in {one.what for one in look_through(source)}


@pytest.mark.parametrize(
    "source",
    [
        "network.eval()",
        "import re\nre.compile(x)",
        "import torch\ntorch.load(x, weights_only=True)",
        "from PIL import Image\nImage.open(x, formats=('PNG',))",
        "import numpy as np\nnp.load(x, allow_pickle=False)",
        "import subprocess\nsubprocess.run([x], shell=False)",
        "import os\nos.path.join(x)",
        "from .pickle import x",
    ],
)
def test_what_is_harmless_is_not(source: str) -> None:
    assert list(look_through(source)) == []
