"""What a phantom is drawn from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PhantomSpec:
    """Shape of the drawn chest; lengths are fractions of the picture's width or height."""

    cardiothoracic_ratio: float = 0.46
    """Aimed at; the exact one is measured on the masks, see :attr:`Phantom.ctr`."""
    thorax_width: float = 0.80
    apex_y: float = 0.10
    base_y: float = 0.80
    tilt_deg: float = 0.0
    exposure: float = 1.0
    """Gamma applied to the film; 1 leaves it."""
    noise: float = 0.012
    blur_px: float = 1.2
    rib_contrast: float = 0.06
    lung_level: float = 0.25
    heart_shift: float = 0.05
    """How far the heart's centre lies to the patient's left of the midline."""
    spine_shift: float = 0.0
    """How far the spine lies to the patient's left of the clavicles' middle: rotation."""
    trachea_width: float = 0.045
    trachea_shift: float = 0.0
    """How far the trachea lies to the patient's left of the middle."""
    carina_angle_deg: float = 65.0
    knob_ratio: float = 2.0
    """Left border of the aortic arch from the trachea's left wall, over the trachea's width."""
    ascending_share: float = 0.0
    """Share of the ascending aorta beyond the line from trachea to right heart border."""
    descending_ratio: float = 1.4
    """Width of the descending aorta over the trachea's."""
    tortuosity: float = 0.0
    """How far the descending aorta swings to both sides."""
    mediastinal_ratio: float = 0.21
    rib_on_diaphragm: int = 10
    """Number of the posterior rib that meets the right hemidiaphragm."""
    scapula_overlap_right: float = 0.15
    scapula_overlap_left: float = 0.15
    seed: int = 0
