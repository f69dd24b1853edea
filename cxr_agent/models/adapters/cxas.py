"""CXAS: masks of 159 anatomical structures on a frontal film."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import UsageError
from cxr_agent.evidence import Location
from cxr_agent.models.adapters.checkpoints import Tensors, bad_layout, fill, read_tensors
from cxr_agent.models.adapters.cxas_labels import LABELS, LOCATIONS, STRUCTURES
from cxr_agent.models.adapters.hardware import Hardware, choose
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.pixels import IMAGENET_MEAN, IMAGENET_STD, check_film, resize
from cxr_agent.models.adapters.sources import Source, kept_file, one_file, resolve
from cxr_agent.study import FloatImage

PUBLISHED: Final = "UNet_ResNet50_default"
"""The name that the package ``cxas`` gives its checkpoint."""
_SIDE: Final = 512
_THRESHOLD: Final = 0.5


@dataclass(frozen=True, slots=True)
class CxasMasks:
    """What CXAS saw on one film; planes are made when asked for."""

    probabilities: FloatImage
    """(159, side, side) on the film stretched to a square, in the order of :data:`LABELS`."""
    film_shape: tuple[int, int]

    def plane(self, label: str, threshold: float = _THRESHOLD) -> NDArray[np.bool_]:
        """(rows, columns) of the film, by a label of CXAS; may be empty.

        Raises
        ------
        UsageError
            ``unknown_label``.
        """
        try:
            index = LABELS.index(label)
        except ValueError:
            raise UsageError(
                "unknown_label",
                f"CXAS has no label {label!r}",
                hint="cxr_agent.models.adapters.cxas_labels.LABELS lists them.",
            ) from None
        return resize(self.probabilities[index], *self.film_shape) > threshold

    def structure(self, code: str) -> NDArray[np.bool_]:
        """As :meth:`plane`, by a structure of our own vocabulary, such as ``right_lung``."""
        return self.plane(_or_refuse(STRUCTURES.get(code), code))

    def location(self, location: Location) -> NDArray[np.bool_]:
        """As :meth:`plane`, by a location of Chest ImaGenome; see :data:`LOCATIONS`."""
        return self.plane(_or_refuse(LOCATIONS.get(location), location.value))


def _or_refuse(label: str | None, asked: str) -> str:
    if label is None:
        raise UsageError(
            "unknown_label",
            f"no label of CXAS corresponds to {asked}",
            hint="cxr_agent.models.adapters.cxas_labels lists what corresponds.",
        )
    return label


class CxasModel:
    """Segments a frontal film.

    Parameters
    ----------
    network
        A ``CxasNet`` with its weights.
    hardware
        Where it runs.
    side
        Side of the square that it sees.
    """

    def __init__(self, network: Any, hardware: Hardware, side: int = _SIDE) -> None:
        self._network = network
        self._hardware = hardware
        self._side = side

    def segment(self, film: FloatImage) -> CxasMasks:
        """All structures of one film.

        The film is stretched to a square by taking the nearest pixel, as the network was used by
        its authors.

        Parameters
        ----------
        film
            (rows, columns) float32 in [0, 1], bone white.
        """
        torch = library("torch")
        picture = _picture(check_film(film), self._side)
        with torch.inference_mode():
            logits = self._network(self._hardware.tensor(picture[None]))
        probabilities = logits[0].float().sigmoid().cpu().numpy()
        return CxasMasks(probabilities, (int(film.shape[0]), int(film.shape[1])))


def load(
    source: Source = PUBLISHED,
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
) -> CxasModel:
    """CXAS.

    Parameters
    ----------
    source
        The checkpoint file, a folder that holds it, a hub name, or ``UNet_ResNet50_default`` for
        the file that the package ``cxas`` keeps in ``~/.cxas/weights``, or that was pulled.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`.

    Raises
    ------
    ModelError
        Weights missing, damaged, or of another network.
    """
    hardware = choose(device, dtype)
    path = (
        kept_file(PUBLISHED, Path.home() / ".cxas" / "weights" / f"{PUBLISHED}.pth")
        if source == PUBLISHED
        else resolve(source, revision=revision)
    )
    tensors = read_tensors(one_file(path, ("*.pth", "*.pt", "*.safetensors")))
    network = _build(tensors)
    # The package itself loads the file without minding what else it holds.
    fill(network, tensors, family="cxas", others=True)
    return CxasModel(network.to(hardware.device, hardware.dtype), hardware)


def _build(tensors: Tensors) -> Any:
    from cxr_agent.models.adapters.networks.cxas import CxasNet

    try:
        width = tensors["backbone.backbone.layer0.0.weight"].shape[0]
        out = tensors["head.out.conv.weight"]
    except KeyError as error:
        raise bad_layout("cxas", f"{error.args[0]} is missing") from None
    if out.shape[0] != len(LABELS):
        raise bad_layout("cxas", f"it has {out.shape[0]} labels instead of {len(LABELS)}")
    prefix = "backbone.backbone.layer"
    blocks = [
        len({name.split(".")[3] for name in tensors if name.startswith(f"{prefix}{stage}.")})
        for stage in range(1, 5)
    ]
    return CxasNet(width, blocks, out.shape[1], len(LABELS))


def _picture(film: FloatImage, side: int) -> FloatImage:
    """(3, side, side), normalised."""
    down = np.arange(side) * film.shape[0] // side
    across = np.arange(side) * film.shape[1] // side
    square = film[np.ix_(down, across)]
    mean, std = (
        np.array(terms, dtype=np.float32)[:, None, None] for terms in (IMAGENET_MEAN, IMAGENET_STD)
    )
    return np.asarray((square[None] - mean) / std, dtype=np.float32)
