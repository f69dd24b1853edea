"""A CT from wherever it lies."""

from __future__ import annotations

from pathlib import Path

from cxr_agent.synthesis.dicom_series import read_series
from cxr_agent.synthesis.labels import read_labels, with_lungs
from cxr_agent.synthesis.nifti import is_nifti, read_nifti_volume
from cxr_agent.synthesis.refusal import VolumeCode, volume_refusal
from cxr_agent.synthesis.volume import Volume


def read_volume(
    path: Path, labels: Path | None = None, names: Path | None = None, *, lungs: bool = True
) -> Volume:
    """A CT: a folder of one DICOM series, or a NIfTI file.

    Parameters
    ----------
    labels, names
        As for :func:`~cxr_agent.synthesis.labels.read_labels`.
    lungs
        Without labels, find the lungs by threshold.

    Raises
    ------
    UsageError
        ``pydicom_missing``, ``nibabel_missing``.
    InputError
        With a :class:`~cxr_agent.synthesis.refusal.VolumeCode`.
    """
    if path.is_dir():
        volume = read_series(path)
    elif is_nifti(path):
        volume = read_nifti_volume(path)
    else:
        raise volume_refusal(VolumeCode.UNREADABLE if path.exists() else VolumeCode.NOT_FOUND)
    if labels is not None:
        return read_labels(labels, volume, names)
    return with_lungs(volume) if lungs else volume
