"""The 159 labels of CXAS in the order of its channels, and what they are here.

Label names as published with the checkpoint (PAX-Ray++; Seibold et al., 2023). "Right" and "left"
are the patient's: the labels come from CT volumes projected to a frontal film.
"""

from __future__ import annotations

from typing import Final

from cxr_agent.evidence import Location


def _ribs() -> list[str]:
    ordinals = ("11th", "10th", "9th", "8th", "7th", "6th", "5th", "4th", "3rd", "2nd", "1st")
    sided = ["posterior 12th rib right", "posterior 12th rib left"]
    both = ["12th rib"]
    for ordinal in ordinals:
        for side in ("right", "left"):
            sided += [f"anterior {ordinal} rib {side}", f"posterior {ordinal} rib {side}"]
        both += [f"posterior {ordinal} rib", f"anterior {ordinal} rib"]
    return sided + both


_SPINE: Final = ("spine", "cervical spine", "thoracic spine", "lumbar spine")
_VERTEBRAE: Final = tuple(
    f"vertebrae {part}{number}"
    for part, count in (("C", 7), ("T", 12), ("L", 5))
    for number in range(1, count + 1)
)
_BONES: Final = (
    "rib_cartilage",
    "sternum",
    "clavicles",
    "clavicle left",
    "clavicle right",
    "scapulas",
    "scapula left",
    "scapula right",
)
_BELOW: Final = (
    "diaphragm",
    "left hemidiaphragm",
    "right hemidiaphragm",
    "stomach",
    "small bowel",
    "duodenum",
    "liver",
    "pancreas",
    "kidney left",
    "kidney right",
)
_MIDDLE: Final = (
    "cardiomediastinum",
    "upper mediastinum",
    "lower mediastinum",
    "anterior mediastinum",
    "middle mediastinum",
    "posterior mediastinum",
    "heart",
    "heart atrium left",
    "heart atrium right",
    "heart myocardium",
    "heart ventricle left",
    "heart ventricle right",
    "aorta",
    "ascending aorta",
    "descending aorta",
    "aortic arch",
    "pulmonary artery",
    "inferior vena cava",
    "esophagus",
)
_LUNGS: Final = (
    "lung",
    "right lung",
    "left lung",
    "lung base",
    "mid zone lung",
    "upper zone lung",
    "apical zone lung",
    "right upper zone lung",
    "right mid zone lung",
    "right lung base",
    "right apical zone lung",
    "left upper zone lung",
    "left mid zone lung",
    "left lung base",
    "left apical zone lung",
    "lung lower lobe left",
    "lung upper lobe left",
    "lung lower lobe right",
    "lung middle lobe right",
    "lung upper lobe right",
)
_REST: Final = ("trachea", "tracheal bifurcation", "breast", "breast left", "breast right")

LABELS: Final = (*_SPINE, *_VERTEBRAE, *_BONES, *_ribs(), *_BELOW, *_MIDDLE, *_LUNGS, *_REST)
"""By channel."""


_ENDINGS: Final = {1: "st", 2: "nd", 3: "rd"}


def _ordinal(number: int) -> str:
    return f"{number}{_ENDINGS.get(number, 'th')}"


STRUCTURES: Final = {
    "right_lung": "right lung",
    "left_lung": "left lung",
    "heart": "heart",
    "left_clavicle": "clavicle left",
    "right_clavicle": "clavicle right",
    "right_hemidiaphragm": "right hemidiaphragm",
    "left_hemidiaphragm": "left hemidiaphragm",
    "right_scapula": "scapula right",
    "left_scapula": "scapula left",
    "trachea": "trachea",
    "carina": "tracheal bifurcation",
    "spine": "spine",
    "upper_mediastinum": "upper mediastinum",
    "aorta": "aorta",
    "aortic_arch": "aortic arch",
    "ascending_aorta": "ascending aorta",
    "descending_aorta": "descending aorta",
    **{f"vertebra_t{number}": f"vertebrae T{number}" for number in range(1, 13)},
    **{
        f"posterior_rib_{number}_{side}": f"posterior {_ordinal(number)} rib {side}"
        for side in ("right", "left")
        for number in range(1, 13)
    },
}
"""The label of each structure of ``kb/structures.toml``, by its code there."""

LOCATIONS: Final = {
    Location.RIGHT_LUNG: "right lung",
    Location.RIGHT_APICAL_ZONE: "right apical zone lung",
    Location.RIGHT_UPPER_LUNG_ZONE: "right upper zone lung",
    Location.RIGHT_MID_LUNG_ZONE: "right mid zone lung",
    Location.RIGHT_LOWER_LUNG_ZONE: "right lung base",
    Location.RIGHT_HEMIDIAPHRAGM: "right hemidiaphragm",
    Location.RIGHT_CLAVICLE: "clavicle right",
    Location.RIGHT_ATRIUM: "heart atrium right",
    Location.LEFT_LUNG: "left lung",
    Location.LEFT_APICAL_ZONE: "left apical zone lung",
    Location.LEFT_UPPER_LUNG_ZONE: "left upper zone lung",
    Location.LEFT_MID_LUNG_ZONE: "left mid zone lung",
    Location.LEFT_LOWER_LUNG_ZONE: "left lung base",
    Location.LEFT_HEMIDIAPHRAGM: "left hemidiaphragm",
    Location.LEFT_CLAVICLE: "clavicle left",
    Location.TRACHEA: "trachea",
    Location.CARINA: "tracheal bifurcation",
    Location.SPINE: "spine",
    Location.AORTIC_ARCH: "aortic arch",
    Location.MEDIASTINUM: "cardiomediastinum",
    Location.UPPER_MEDIASTINUM: "upper mediastinum",
    Location.CARDIAC_SILHOUETTE: "heart",
}
"""Locations that a label corresponds to. Hila, costophrenic angles, superior vena cava, cavoatrial
junction and abdomen have none: an organ below the diaphragm is not the abdomen."""
