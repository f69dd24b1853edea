"""Device and number format of a loaded network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models.adapters.libraries import library

_DTYPES: Final = ("float32", "float16", "bfloat16")


@dataclass(frozen=True, slots=True)
class Hardware:
    """Where a network runs and in which number format."""

    device: Any
    """A ``torch.device``."""
    dtype: Any
    """A ``torch.dtype``."""

    def tensor(self, array: Any) -> Any:
        """A float array as a tensor on the device, in the number format of the weights."""
        return library("torch").from_numpy(array).to(self.device, self.dtype)

    def exact(self) -> Hardware:
        """The same device in float32, for parts that cannot do with less."""
        return Hardware(self.device, library("torch").float32)


def choose(device: str, dtype: str | None, *, large: bool = False) -> Hardware:
    """Check and take the caller's wishes.

    Parameters
    ----------
    device
        ``cpu``, ``cuda``, ``cuda:1``; ``auto`` takes a GPU where there is one.
    dtype
        ``float32``, ``float16`` or ``bfloat16``. None is float32, but for a ``large`` network on a
        GPU bfloat16.

    Raises
    ------
    UsageError
        ``bad_device`` or ``bad_dtype``.
    ModelError
        ``device_unavailable``.
    """
    torch = library("torch")
    if dtype is not None and dtype not in _DTYPES:
        raise UsageError(
            "bad_dtype", f"there is no number format {dtype}", hint=f"One of: {', '.join(_DTYPES)}."
        )
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        place = torch.device(device)
    except RuntimeError:
        raise UsageError(
            "bad_device", f"there is no device {device}", hint="One of: cpu, cuda, cuda:N, auto."
        ) from None
    if place.type == "cuda" and (place.index or 0) >= torch.cuda.device_count():
        raise ModelError(
            "device_unavailable",
            f"this machine has no device {device} that torch can use",
            hint="Use device='cpu' or device='auto'.",
        )
    if dtype is None:
        dtype = "bfloat16" if large and place.type == "cuda" else "float32"
    return Hardware(place, getattr(torch, dtype))
