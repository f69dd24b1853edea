"""torchxrayvision's classifiers, without torchxrayvision: its import needs torchvision.

The networks are our own definitions under the checkpoint's parameter names, and the files are read
without running the modules that are pickled in them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import UsageError
from cxr_agent.models.adapters.checkpoints import Tensors, bad_layout, fill, read_tensors
from cxr_agent.models.adapters.hardware import Hardware, choose
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.pixels import check_film, resize
from cxr_agent.models.adapters.sources import Source, kept_file, one_file, resolve
from cxr_agent.models.adapters.xrv_weights import CODES, WEIGHTS, Published
from cxr_agent.study import FloatImage

_HALF_RANGE: Final = 1024
"""Films are scaled to [-1024, 1024]."""
_OWN_BUFFER: Final = "op_threshs"


@dataclass(frozen=True, slots=True)
class Score:
    """What the classifier says about one pathology."""

    pathology: str
    """As torchxrayvision names it."""
    code: str | None
    """Of ``kb/vocabulary.toml``; None where it has no such code."""
    probability: float
    """Of the network, in [0, 1]; not calibrated, and mostly far under 0.5."""
    normalised: float
    """In [0, 1], with 0.5 at the operating point: torchxrayvision's own output."""
    operating_point: float
    """The probability at which ``normalised`` is 0.5."""


class XrvClassifier:
    """Scores a frontal film for pathologies.

    Parameters
    ----------
    network
        With its weights.
    published
        What its outputs are.
    hardware
        Where it runs.
    """

    def __init__(self, network: Any, published: Published, hardware: Hardware) -> None:
        self._network = network
        self._published = published
        self._hardware = hardware
        self.pathologies = tuple(
            name
            for name, point in zip(published.pathologies, published.operating_points, strict=True)
            if not math.isnan(point)
        )
        """Those that these weights were trained for and have an operating point, in order."""

    def classify(self, films: Sequence[FloatImage]) -> list[tuple[Score, ...]]:
        """Scores of each film, in the order of :attr:`pathologies`.

        Parameters
        ----------
        films
            (rows, columns) float32 in [0, 1], bone white; any sizes.
        """
        if not films:
            return []
        torch = library("torch")
        pictures = np.stack([_picture(film, self._published.side) for film in films])
        with torch.inference_mode():
            logits = self._network(self._hardware.tensor(pictures[:, None]))
        return [self._scores(row) for row in logits.float().sigmoid().cpu().numpy()]

    def _scores(self, probabilities: NDArray[np.float32]) -> tuple[Score, ...]:
        outputs = zip(
            self._published.pathologies,
            self._published.operating_points,
            probabilities.tolist(),
            strict=True,
        )
        return tuple(
            Score(name, CODES.get(name), probability, normalise(probability, point), point)
            for name, point, probability in outputs
            if not math.isnan(point)
        )


def normalise(probability: float, operating_point: float) -> float:
    """Piecewise linear from [0, 1] to [0, 1] with 0.5 at the operating point.

    ``op_norm`` of torchxrayvision (Cohen et al., MIDL 2022).
    """
    if probability < operating_point:
        return probability / (2 * operating_point)
    return 1 - (1 - probability) / (2 * (1 - operating_point))


def load(
    source: Source = "densenet121-res224-all",
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
    weights: str | None = None,
) -> XrvClassifier:
    """A classifier.

    Parameters
    ----------
    source
        A name in :data:`WEIGHTS` for the file that torchxrayvision keeps in
        ``~/.torchxrayvision/models_data`` or that was pulled; or that file elsewhere, a folder with
        it, or a hub name.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`.
    weights
        Which of :data:`WEIGHTS` a file holds; without it, its name tells.

    Raises
    ------
    ModelError
        Weights missing, damaged, or of another network.
    UsageError
        ``unknown_weights`` when the name of the file does not tell what its outputs are.
    """
    hardware = choose(device, dtype)
    if str(source) in WEIGHTS:
        weights = weights or str(source)
        place = Path.home() / ".torchxrayvision" / "models_data"
        path = kept_file(str(source), place / WEIGHTS[str(source)].file)
    else:
        path = one_file(resolve(source, revision=revision), ("*.pt", "*.pth", "*.safetensors"))
    published = _published(path, weights)
    tensors = read_tensors(path)
    tensors.pop(_OWN_BUFFER, None)
    try:
        network = _BUILD[published.network](tensors)
    except KeyError as error:
        raise bad_layout("xrv", f"{error.args[0]} is missing") from None
    outputs = tensors[_LAST[published.network]].shape[0]
    if outputs != len(published.pathologies):
        raise bad_layout("xrv", f"it has {outputs} outputs, not {len(published.pathologies)}")
    fill(network, tensors, family="xrv")
    return XrvClassifier(network.to(hardware.device, hardware.dtype), published, hardware)


def _published(path: Path, weights: str | None) -> Published:
    if weights is None:
        named = {one.file: name for name, one in WEIGHTS.items()}
        weights = named.get(path.name, path.stem)
    try:
        return WEIGHTS[weights]
    except KeyError:
        raise UsageError(
            "unknown_weights",
            f"the name {path.name} does not tell which weights these are",
            hint=f"Pass weights=, one of: {', '.join(WEIGHTS)}.",
        ) from None


def _densenet(tensors: Tensors) -> Any:
    from cxr_agent.models.adapters.networks.densenet import DenseNet

    first = tensors["features.conv0.weight"]
    narrow = tensors["features.denseblock1.denselayer1.conv1.weight"]
    grow = tensors["features.denseblock1.denselayer1.conv2.weight"]
    counts: dict[str, set[str]] = {}
    for name in tensors:
        part = name.split(".")
        if len(part) > 2 and part[1].startswith("denseblock"):
            counts.setdefault(part[1], set()).add(part[2])
    blocks = [len(counts[block]) for block in sorted(counts)]
    return DenseNet(
        first.shape[1],
        first.shape[0],
        blocks,
        grow.shape[0],
        narrow.shape[0],
        tensors["classifier.weight"].shape[0],
    )


def _resnet(tensors: Tensors) -> Any:
    from cxr_agent.models.adapters.networks.resnet import ResNet

    first = tensors["conv1.weight"]
    blocks = [
        len({name.split(".")[1] for name in tensors if name.startswith(f"layer{stage}.")})
        for stage in range(1, 5)
    ]
    return ResNet(first.shape[1], first.shape[0], blocks, tensors["fc.weight"].shape[0])


_LAST: Final = {"densenet": "classifier.weight", "resnet": "fc.weight"}
_BUILD: Final = {"densenet": _densenet, "resnet": _resnet}


def _picture(film: FloatImage, side: int) -> FloatImage:
    """(side, side) in [-1024, 1024]: the square at the centre, shrunk with all its pixels."""
    film = check_film(film)
    short = min(film.shape)
    top, left = film.shape[0] // 2 - short // 2, film.shape[1] // 2 - short // 2
    square = resize(film[top : top + short, left : left + short], side, side)
    return np.asarray((2 * square - 1) * _HALF_RANGE, dtype=np.float32)
