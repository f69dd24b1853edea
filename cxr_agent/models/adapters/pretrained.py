"""Loading a network of transformers from a local folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cxr_agent.errors import ModelError
from cxr_agent.models.adapters.checkpoints import bad_layout
from cxr_agent.models.adapters.hardware import Hardware
from cxr_agent.models.adapters.libraries import library, missing
from cxr_agent.models.adapters.quiet import quiet
from cxr_agent.models.adapters.sources import read_json


def from_folder(
    kind: str | Any, path: Path, hardware: Hardware, *, family: str, **options: Any
) -> Any:
    """A network for inference, every weight of it from the checkpoint.

    Parameters
    ----------
    kind
        A class of transformers by name, or the class itself.
    path
        The checkpoint's folder; nothing outside it is looked at.
    hardware
        Where it goes.
    family
        Named in errors.
    options
        Passed on.

    Raises
    ------
    ModelError
        ``bad_checkpoint`` when weights are missing or have another shape (a network that is partly
        random must never look at a film), ``weights_missing``, ``weights_damaged``,
        ``library_missing``.
    """
    owner = getattr(library("transformers"), kind) if isinstance(kind, str) else kind
    with quiet("transformers"):
        try:
            model, report = owner.from_pretrained(
                path,
                local_files_only=True,
                dtype=hardware.dtype,
                output_loading_info=True,
                **options,
            )
        except ImportError as error:
            raise missing("transformers", error) from None
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise _refused(path, family, error) from error
        except library("safetensors").SafetensorError as error:
            raise ModelError(
                "weights_damaged",
                f"the weights in {path} cannot be read",
                hint="Fetch the checkpoint again.",
            ) from error
    if report["missing_keys"]:
        raise bad_layout(family, f"{min(report['missing_keys'])} is missing")
    if report.get("mismatched_keys"):
        raise bad_layout(family, "a tensor has another shape")
    return model.to(hardware.device).eval().requires_grad_(False)


def tokenizer_of(path: Path, **options: Any) -> Any:
    """The tokenizer of a checkpoint.

    Raises
    ------
    ModelError
        ``bad_checkpoint`` when the folder has none, ``library_missing``.
    """
    kit = library("transformers")
    with quiet("transformers"):
        try:
            return kit.AutoTokenizer.from_pretrained(path, local_files_only=True, **options)
        except ImportError as error:
            raise missing("transformers", error) from None
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                "bad_checkpoint",
                f"{path} has no tokenizer that can be read",
                hint="Fetch the checkpoint again, with its tokenizer files.",
            ) from error


def _refused(path: Path, family: str, error: Exception) -> ModelError:
    if not any(path.glob("*.safetensors")) and not any(path.glob("*.bin")):
        return ModelError(
            "weights_missing",
            f"{path} holds no weights",
            hint="Fetch the checkpoint again; a copy without its large files is of no use.",
        )
    config = read_json(path / "config.json")
    if "auto_map" in config and "trust_remote_code" in str(error):
        return needs_trust(family)
    return bad_layout(family, f"its config says {config.get('model_type', 'nothing')}")


def needs_trust(family: str) -> ModelError:
    """The error for a checkpoint whose network is defined by code that comes with it."""
    return ModelError(
        "remote_code_not_trusted",
        f"this checkpoint of the family {family} brings its own Python code, which would run here",
        hint="Read the .py files of the checkpoint; if you trust them, pass trust_remote_code=True "
        "(--trust-remote-code), best with a pinned revision.",
    )
