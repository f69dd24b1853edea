"""The optional libraries that adapters need, and the one line that says which is missing.

Adapters ask for torch, transformers and the like here and nowhere else, when they run: so listing
models imports none of them, and a missing one is a :class:`ModelError` and no traceback.
"""

from __future__ import annotations

import importlib
import re
from typing import Any, Final

from cxr_agent.errors import ModelError

_EXTRA: Final = "pip install 'cxr-agent[pretrained]'"
_INSTALL: Final = {
    "torch": _EXTRA,
    "transformers": _EXTRA,
    "huggingface_hub": _EXTRA,
    "safetensors": _EXTRA,
    "diffusers": _EXTRA,
    "segment_anything": _EXTRA,
    "monai": "pip install 'cxr-agent[deformable]'",
    "open_clip": "pip install open_clip_torch",
}

_SAID: Final = (
    # transformers: of code that comes with a checkpoint, and of its own classes.
    re.compile(r"not found in your environment: ([\w-]+)"),
    re.compile(r"requires the (\w+) library"),
)


def library(name: str) -> Any:
    """Import the module ``name``; its attributes are untyped here.

    Raises
    ------
    ModelError
        ``library_missing``, with the command that installs it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise missing(name, error) from None


def missing(wanted: str, error: ImportError) -> ModelError:
    """The error for an import of ``wanted`` that failed, naming what is really absent.

    Parameters
    ----------
    wanted
        What was to be imported; it may be installed and lack something itself.
    error
        What the import said.
    """
    absent = _absent(error) or wanted.partition(".")[0]
    if absent == "torchvision":
        return ModelError(
            "library_missing",
            f"{wanted.partition('.')[0]} needs torchvision, which is not installed",
            hint="torchvision has no build that works beside the CPU build of torch used here: "
            "run this model in an environment of its own, or take a checkpoint in the layout of "
            "transformers.",
        )
    command = _INSTALL.get(absent, f"pip install {absent}")
    return ModelError(
        "library_missing",
        f"this model needs the library {absent}, which is not installed",
        hint=f"Install it with: {command}",
    )


def _absent(error: ImportError) -> str:
    """The top-level package that an import error is about; empty where it does not say."""
    if error.name:
        return error.name.partition(".")[0]
    for said in _SAID:
        if found := said.search(str(error)):
            return found[1].lower()
    return ""
