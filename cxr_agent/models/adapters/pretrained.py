"""Loading a network of transformers from a local folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import ModelError
from cxr_agent.models.adapters.checkpoints import bad_layout
from cxr_agent.models.adapters.hardware import Hardware
from cxr_agent.models.adapters.libraries import library, missing
from cxr_agent.models.adapters.quiet import quiet
from cxr_agent.models.adapters.sources import read_json

_WORDS: Final = ("tokenizer.json", "vocab.json", "vocab.txt", "tokenizer.model", "spiece.model")
"""Where a tokenizer of transformers keeps its words."""


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
    if isinstance(kind, str) and kind.startswith("Auto"):
        options.setdefault("trust_remote_code", False)  # left out, transformers asks the terminal
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
            raise missing("this checkpoint", error) from None
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise _refused(path, family) from error
        except Exception as error:
            # safetensors and pickle raise errors of their own on damaged bytes
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


def tokenizer_of(path: Path, *, trust_remote_code: bool = False) -> Any:
    """The tokenizer of a checkpoint.

    Raises
    ------
    ModelError
        ``bad_checkpoint`` when the folder has none, ``remote_code_not_trusted``,
        ``library_missing``.
    """
    return _companion("AutoTokenizer", path, "tokenizer", trust_remote_code)


def processor_of(path: Path, *, family: str, trust_remote_code: bool = False) -> Any:
    """What prepares pictures and text for a checkpoint; errors as for :func:`tokenizer_of`."""
    return _companion("AutoProcessor", path, "processor", trust_remote_code, family)


def _companion(kind: str, path: Path, what: str, trust: bool, family: str = "") -> Any:
    kit = library("transformers")
    if not trust and not any((path / name).is_file() for name in _WORDS):
        # The library makes an empty one in its place, to which every word is unknown.
        raise _no_companion(path, what)
    with quiet("transformers"):
        try:
            return getattr(kit, kind).from_pretrained(
                path, local_files_only=True, trust_remote_code=trust
            )
        except ImportError as error:
            raise missing("this checkpoint", error) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            if "trust_remote_code" in str(error):
                raise needs_trust(family or what) from None
            raise _no_companion(path, what) from error


def _no_companion(path: Path, what: str) -> ModelError:
    return ModelError(
        "bad_checkpoint",
        f"{path} has no {what} that can be read",
        hint="Fetch the checkpoint again, with all of its small files.",
    )


def _refused(path: Path, family: str) -> ModelError:
    if not any(path.glob("*.safetensors")) and not any(path.glob("*.bin")):
        return ModelError(
            "weights_missing",
            f"{path} holds no weights",
            hint="Fetch the checkpoint again; a copy without its large files is of no use.",
        )
    kind = read_json(path / "config.json").get("model_type", "nothing")
    return bad_layout(family, f"its config says {kind}")


def check_trust(path: Path, trusted: bool, *, family: str) -> None:
    """Refuse a checkpoint whose network only its own code defines, unless that is trusted.

    Raises
    ------
    ModelError
        ``remote_code_not_trusted``.
    """
    config = read_json(path / "config.json")
    known = library("transformers.models.auto.configuration_auto").CONFIG_MAPPING_NAMES
    if not trusted and "auto_map" in config and config.get("model_type") not in known:
        raise needs_trust(family)


def needs_trust(family: str) -> ModelError:
    """The error for a checkpoint whose network is defined by code that comes with it."""
    return ModelError(
        "remote_code_not_trusted",
        f"this checkpoint of the family {family} brings its own Python code, which would run here",
        hint="Read the .py files of the checkpoint; if you trust them, pass trust_remote_code=True "
        "(--trust-remote-code), best with a pinned revision.",
    )
