"""Labels of a CT by the names of ``kb/structures.toml``, and lungs where nobody labelled any.

References
----------
Wasserthal et al., TotalSegmentator (Radiology AI 2023): names of its classes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cxr_agent.given_files import MIB, parsed_json, read_given
from cxr_agent.knowledge import structures
from cxr_agent.synthesis.nifti import is_nifti, nifti_stem, read_nifti
from cxr_agent.synthesis.refusal import VolumeCode, volume_refusal
from cxr_agent.synthesis.volume import Affine, HounsfieldVolume, LabelMask, Volume

_SIDES: Final = ("right", "left")
_PARTS: Final = (
    (re.compile(r"lung(_(upper|middle|lower)_lobe)?_(right|left)"), "{3}_lung"),
    (re.compile(r"(right|left)_lung(_.*)?"), "{1}_lung"),
    (re.compile(r"heart(_(myocardium|atrium_left|ventricle_left|atrium_right|"
                r"ventricle_right))?"), "heart"),
    (re.compile(r"clavicula_(right|left)|clavicle_(right|left)"), "{1}{2}_clavicle"),
    (re.compile(r"scapula_(right|left)"), "{1}_scapula"),
    (re.compile(r"vertebrae_t(\d{1,2})"), "vertebra_t{1}"),
)  # fmt: skip
_NAME: Final = re.compile(r"[a-z0-9_]{1,60}")
_MAX_LABELS: Final = 256
_SAME_GRID_MM: Final = 0.05

_LUNG_HU: Final = (-1000, -400)
"""Above air, which may lie beside the body, and below soft tissue."""
_SMALLEST_LUNG_ML: Final = 150.0
_DEEPEST_OPENING: Final = 3


def structure_of(name: str) -> str:
    """A structure's name for that of a label: TotalSegmentator's and plain ones.

    ``vertebrae_*`` outside the chest and all else keep their own name.

    Raises
    ------
    InputError
        ``label_names`` for what is no name.
    """
    plain = re.sub(r"[\s\-.]+", "_", name.strip().lower())
    if not _NAME.fullmatch(plain):
        raise volume_refusal(VolumeCode.LABEL_NAMES)
    for pattern, told in _PARTS:
        if match := pattern.fullmatch(plain):
            return told.format(match[0], *(group or "" for group in match.groups()))
    return plain


def read_labels(path: Path, volume: Volume, names: Path | None = None) -> Volume:
    """The volume with labels: a NIfTI file of numbers, or a folder with one mask per structure.

    Labels of parts, like lobes, are put together.

    Parameters
    ----------
    names
        A JSON object from number to name, of a file of numbers. Without it, the file's own name
        with ``.json`` is looked for.

    Raises
    ------
    InputError
        ``label_grid``, ``label_names``, ``no_labels``, and as
        :func:`~cxr_agent.synthesis.nifti.read_nifti`.
    """
    if path.is_dir():
        found = _of_folder(path, volume)
    else:
        found = _of_numbers(path, volume, names or path.with_name(f"{nifti_stem(path)}.json"))
    if not any(mask.any() for mask in found.values()):
        raise volume_refusal(VolumeCode.NO_LABELS)
    return Volume(volume.hu, volume.affine, _with_spine(found))


def _of_folder(folder: Path, volume: Volume) -> dict[str, LabelMask]:
    found: dict[str, LabelMask] = {}
    for path in sorted(p for p in folder.iterdir() if is_nifti(p))[:_MAX_LABELS]:
        values, affine = read_nifti(path)
        _check_grid(values.shape, affine, volume)
        _put(found, structure_of(nifti_stem(path)), values > 0)
    return found


def _of_numbers(path: Path, volume: Volume, names: Path) -> dict[str, LabelMask]:
    values, affine = read_nifti(path)
    _check_grid(values.shape, affine, volume)
    told = _names(names)
    numbers = [int(number) for number in np.unique(values) if number > 0][:_MAX_LABELS]
    if any(number not in told for number in numbers):
        raise volume_refusal(VolumeCode.LABEL_NAMES)
    found: dict[str, LabelMask] = {}
    for number in numbers:
        _put(found, structure_of(told[number]), values == number)
    return found


def _put(found: dict[str, LabelMask], name: str, mask: LabelMask) -> None:
    found[name] = found[name] | mask if name in found else mask


def _names(path: Path) -> dict[int, str]:
    try:
        told = parsed_json(read_given(path, MIB))
        return {int(number): str(name) for number, name in told.items()}
    except (OSError, ValueError, AttributeError):
        raise volume_refusal(VolumeCode.LABEL_NAMES) from None


def _check_grid(shape: tuple[int, ...], affine: Affine, volume: Volume) -> None:
    corner = np.array([*volume.hu.shape, 1.0])
    apart = np.abs((affine - volume.affine) @ corner).max()
    if shape != volume.hu.shape or apart > _SAME_GRID_MM * max(volume.hu.shape):
        raise volume_refusal(VolumeCode.LABEL_GRID)


def _with_spine(found: Mapping[str, LabelMask]) -> dict[str, LabelMask]:
    """All vertebrae are the spine as well."""
    vertebrae = [mask for name, mask in found.items() if name.startswith("vertebra")]
    if not vertebrae or "spine" in found:
        return dict(found)
    return {**found, "spine": np.logical_or.reduce(vertebrae)}


def with_lungs(volume: Volume) -> Volume:
    """The volume with both lungs, by threshold and connected components.

    Air that touches the sides of the volume is outside the body. Of what is left, the largest
    part or two are the lungs; where they are one, they are parted by opening, else in the middle.
    The windpipe and what is consolidated are not told apart from what they join: a label by a
    network is better. Lungs that are not found are left out.
    """
    air = (volume.hu <= _LUNG_HU[1]) & _within_body(volume.hu)
    voxel_ml = abs(float(np.linalg.det(volume.affine[:3, :3]))) / 1000
    parts = _largest(air, _SMALLEST_LUNG_ML / voxel_ml)
    for depth in range(1, _DEEPEST_OPENING + 1):
        if len(parts) != 1:
            break
        core = ndimage.binary_erosion(air, iterations=depth)
        cores = _largest(core, _SMALLEST_LUNG_ML / voxel_ml / 2)
        if len(cores) == 2:
            parts = _grown(cores, parts[0])
    if len(parts) != 2:
        return volume
    sides = sorted(parts, key=lambda part: _middle_left(part, volume.affine))
    found = {f"{side}_lung": part for side, part in zip(_SIDES, sides, strict=True)}
    return Volume(volume.hu, volume.affine, {**volume.labels, **found})


def _within_body(hu: HounsfieldVolume) -> LabelMask:
    """All but the air that reaches in from a side or from front or back, slice by slice."""
    outside = np.zeros(hu.shape, dtype=np.bool_)
    open_air = hu <= _LUNG_HU[1]
    for k in range(hu.shape[2]):
        marked, _ = ndimage.label(open_air[:, :, k])
        rim = np.concatenate([marked[0], marked[-1], marked[:, 0], marked[:, -1]])
        outside[:, :, k] = np.isin(marked, np.unique(rim[rim > 0]))
    return ~outside


def _largest(mask: LabelMask, least: float) -> list[LabelMask]:
    """The largest one or two connected parts of at least ``least`` voxels, of like size."""
    marked, count = ndimage.label(mask)
    sizes: NDArray[np.int64] = np.bincount(marked.reshape(-1), minlength=count + 1)[1:]
    order = np.argsort(sizes)[::-1][:2]
    kept = [n for n in order if sizes[n] >= least and sizes[n] * 5 >= sizes[order[0]]]
    return [marked == n + 1 for n in kept]


def _grown(cores: list[LabelMask], whole: LabelMask) -> list[LabelMask]:
    """Every voxel of ``whole`` to the nearer core."""
    far = [ndimage.distance_transform_edt(~core) for core in cores]
    return [whole & (far[0] <= far[1]), whole & (far[0] > far[1])]


def _middle_left(mask: LabelMask, affine: Affine) -> float:
    middle = np.array([axis.mean() for axis in np.nonzero(mask)])
    return float((affine[:3, :3] @ middle + affine[:3, 3])[0])


def missing_structures(volume: Volume) -> tuple[str, ...]:
    """Of lungs and heart, those that no label shows: nothing is measured with them."""
    wanted = [name for name in structures() if name in ("right_lung", "left_lung", "heart")]
    return tuple(name for name in wanted if name not in volume.labels)
