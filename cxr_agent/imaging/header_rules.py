"""Which films a header lets through, and what it says about projection and orientation.

References
----------
DICOM PS3.4 annex B.5 (SOP classes), PS3.3 C.7.3.1 (Modality), C.8.7.1 (View Position),
C.7.6.1.1.1 (Patient Orientation), PS3.16 CID 4010 (view codes), CID 4031 (anatomic regions).
"""

# ruff: noqa: SIM905 (a list of words is easier to read as words)
from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cxr_agent.errors import InputCode, UnsuitableCode
from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.dicom_values import Header
from cxr_agent.imaging.refusal import refusal
from cxr_agent.study import Notice, View

_CR: Final = "1.2.840.10008.5.1.4.1.1.1"
_DX: Final = "1.2.840.10008.5.1.4.1.1.1.1"
_DX_PROCESSING: Final = "1.2.840.10008.5.1.4.1.1.1.1.1"
_SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
_RADIOGRAPHS: Final = frozenset({_CR, _DX, _DX_PROCESSING})
_MEDIA_DIRECTORY: Final = "1.2.840.10008.1.3.10"
_STORAGE_ROOT: Final = "1.2.840.10008.5.1.4.1.1."

_IMAGE_CLASS: Final = re.compile(
    r"(1|2|3|4|5|6|7|12|13|14|20|30|66\.4|66\.7|77\.1|77\.2|128|130|481\.1|601\.1)(\..*)?"
)
"""Storage classes of images; below the same root live reports, curves, plans and documents."""
_NOT_IMAGES: Final = re.compile(r"4\.2|77\.1\.5\.3")
_NON_IMAGE_MODALITIES: Final = frozenset(
    "SR DOC PR KO AU ECG EPS HD RTPLAN RTSTRUCT RTDOSE RTRECORD REG FID PLAN ASMT RESP "
    "TEXTUREMAP SMR SRF VA KER LEN IOL M3D".split()
)
_MODALITIES: Final = frozenset({"CR", "DX", "DR", "RG"})
_CAPTURE_MODALITIES: Final = _MODALITIES | {"OT", "SC"}

_CHEST_WORDS: Final = frozenset(
    "CHEST THORAX THORACIC LUNG LUNGS CXR TORAX PECHO BRUST POUMON POUMONS PULMON PULMONAR "
    "PORTCHEST CHESTPA CHESTAP CHESTPORT".split()
)
_OTHER_PARTS: Final = frozenset(
    "ABDOMEN ABDO ABD KUB PELVIS HIP HIPS FEMUR THIGH KNEE KNEES PATELLA LEG CALF TIBIA FIBULA "
    "TIB FIB TIBFIB ANKLE FOOT FEET TOE TOES CALCANEUS HEEL HEAD SKULL BRAIN FACE FACIAL NASAL "
    "NOSE SINUS SINUSES ORBIT ORBITS EYE EAR MANDIBLE MAXILLA JAW TEETH TOOTH TMJ DENTAL NECK "
    "CSPINE TSPINE LSPINE TLSPINE SSPINE LUMBAR CERVICAL SACRUM COCCYX SPINE WHOLESPINE SHOULDER "
    "CLAVICLE SCAPULA HUMERUS ARM UPPERARM ELBOW FOREARM RADIUS ULNA WRIST HAND HANDS FINGER "
    "FINGERS THUMB BREAST STERNUM RIB RIBS EXTREMITY UPREXM LOWEXM LOWERLIMB UPPERLIMB BLADDER "
    "KIDNEY LIVER UTERUS BOWEL COLON STOMACH ESOPHAGUS OESOPHAGUS WHOLEBODY ZYGOMA SCROTUM "
    "GALLBLADDER".split()
)
_OTHER_SUBSTRINGS: Final = (
    "SPINE",
    "ABDOM",
    "PELVI",
    "SKULL",
    "EXTREM",
    "SHOULDER",
)

_LATERAL_WORDS: Final = frozenset(
    "LAT LATERAL LATERALE LATERALES LATERALLY LLAT RLAT LATL LATR LL RL XTL SEITLICH PROFIL "
    "PROFILE SIDEVIEW CHESTLAT CXRLAT THORAXLAT SWIMMERS LATERALL LATERALR LLATERAL "
    "RLATERAL".split()
)
_OBLIQUE_WORDS: Final = frozenset(
    "OBLIQUE OBL OBLIQUES LAO RAO LPO RPO LLO RLO OBLIQUA SCHRAEG".split()
)
_DECUBITUS_WORDS: Final = frozenset({"DECUB", "DECUBITUS", "LLD", "RLD", "LATDECUB"})
_PA_WORDS: Final = frozenset({"PA", "POSTEROANTERIOR", "CHESTPA"})
_AP_WORDS: Final = frozenset(
    {"AP", "ANTEROPOSTERIOR", "CHESTAP", "PORTABLE", "BEDSIDE", "SUPINE", "PORT"}
)
_FRONTAL_WORDS: Final = _PA_WORDS | _AP_WORDS | {"FRONTAL", "FRONT", "PAAP", "APPA"}

_VIEW_CODES: Final[dict[str, View]] = {
    "272479007": View.PA,
    "R-40888": View.PA,
    "R-10214": View.PA,
    "399348003": View.AP,
    "R-10206": View.AP,
    **dict.fromkeys(
        (
            # lateral: any, left, right, latero-medial, medio-lateral, sagittal
            *("399067008", "399173006", "399198007", "399352003", "399260004", "30730003"),
            *("R-102CD", "R-10236", "R-10232", "R-10228", "R-10224", "G-A145"),
            # oblique, of every kind
            *("399182000", "399184004", "399236003", "399135007", "399356000", "399006002"),
            *("399038007", "399312000", "399059000", "399160007", "399004004", "399132005"),
            *("R-102C1", "R-10238", "R-10234", "R-10220", "R-40985", "R-10212", "R-10210"),
            *("R-10208", "R-10216", "R-10204", "R-10246", "R-10252", "260427002", "260426006"),
        ),
        View.LATERAL,
    ),
}


class Flip(Enum):
    """How a stored picture is brought to the patient's right on the left and head up.

    The members are the eight symmetries of a rectangle: transpose first, then mirror columns,
    then mirror rows.
    """

    NONE = (False, False, False)
    MIRROR = (False, True, False)
    UPSIDE_DOWN = (False, False, True)
    HALF_TURN = (False, True, True)
    TRANSPOSE = (True, False, False)
    QUARTER_RIGHT = (True, True, False)
    QUARTER_LEFT = (True, False, True)
    ANTI_TRANSPOSE = (True, True, True)

    @property
    def transposes(self) -> bool:
        """Whether rows and columns, and so the two spacings, change places."""
        return self.value[0]


@dataclass(frozen=True, slots=True)
class ViewFacts:
    """Projection and orientation as the header states them."""

    view: View
    view_source: str
    flip: Flip
    notices: frozenset[Notice]


def check_object(header: Header) -> None:
    """Let through radiographs and captures of them, by SOP class and modality.

    Raises
    ------
    InputError
        ``dicomdir`` or ``non_image_object``.
    UnsuitableFilm
        ``unsupported_modality``.
    """
    sop_class = header.text(Tag.SOP_CLASS_UID)
    modality = header.text(Tag.MODALITY).upper()
    if sop_class == _MEDIA_DIRECTORY:
        raise refusal(InputCode.DICOMDIR)
    if sop_class and not _is_image_class(sop_class):
        raise refusal(InputCode.NON_IMAGE_OBJECT)
    if modality in _NON_IMAGE_MODALITIES:
        raise refusal(InputCode.NON_IMAGE_OBJECT)
    if sop_class in _RADIOGRAPHS:
        accepted = not modality or modality in _MODALITIES
    elif sop_class == _SECONDARY_CAPTURE:
        accepted = not modality or modality in _CAPTURE_MODALITIES
    else:
        accepted = not sop_class and modality in _MODALITIES
    if not accepted:
        raise refusal(UnsuitableCode.UNSUPPORTED_MODALITY)


def may_be_radiograph(sop_class: str) -> bool:
    """Whether an object of this class can be a film, whatever its modality; silence can."""
    return not sop_class or sop_class in _RADIOGRAPHS or sop_class == _SECONDARY_CAPTURE


def is_for_processing(header: Header) -> bool:
    """Whether the pixels are raw detector values, not yet meant for the eye."""
    intent = header.text(Tag.PRESENTATION_INTENT_TYPE).upper()
    return header.text(Tag.SOP_CLASS_UID) == _DX_PROCESSING or intent == "FOR PROCESSING"


def check_region(header: Header) -> None:
    """Refuse a film of another part of the body; silence in the header is no refusal.

    Body Part Examined and the anatomic region decide; descriptions are asked only when both
    say nothing.

    Raises
    ------
    UnsuitableFilm
        ``not_chest``.
    """
    stated = header.words(Tag.BODY_PART_EXAMINED)
    for item in header.items(Tag.ANATOMIC_REGION_SEQUENCE):
        stated += item.words(Tag.CODE_MEANING)
    described = [
        word
        for tag in (Tag.SERIES_DESCRIPTION, Tag.PROTOCOL_NAME, Tag.STUDY_DESCRIPTION)
        for word in header.words(tag)
    ]
    for words in (stated, described):
        if any(word in _CHEST_WORDS or word.startswith("CHEST") for word in words):
            return
        if any(word in _OTHER_PARTS or _has_other_part(word) for word in words):
            raise refusal(UnsuitableCode.NOT_CHEST)


def view_facts(header: Header) -> ViewFacts:
    """Projection, and the turn that brings the picture to `L\\F`.

    Raises
    ------
    UnsuitableFilm
        ``lateral_view`` (lateral and oblique films) or ``rotated_film`` (decubitus films).
    """
    notices: set[Notice] = set()
    view, source = _view(header)
    if view is View.AP:
        notices.add(Notice.AP_PROJECTION)
    flip = _flip(header)
    if flip is None:
        flip = Flip.NONE
        notices.add(Notice.ORIENTATION)
    elif flip is not Flip.NONE:
        notices.add(Notice.ORIENTATION)
    return ViewFacts(view, source, flip, frozenset(notices))


def _is_image_class(sop_class: str) -> bool:
    if not sop_class.startswith(_STORAGE_ROOT):
        # A private or retired class: the modality says whether it can be read.
        return not sop_class.startswith("1.2.840.10008.")
    leaf = sop_class.removeprefix(_STORAGE_ROOT)
    return bool(_IMAGE_CLASS.fullmatch(leaf)) and not _NOT_IMAGES.fullmatch(leaf)


def _has_other_part(word: str) -> bool:
    return any(part in word for part in _OTHER_SUBSTRINGS)


def _view(header: Header) -> tuple[View, str]:
    """View Position, then the view code, then the words of the series."""
    found = View.UNKNOWN
    position = header.words(Tag.VIEW_POSITION)
    if position:
        found = _view_of_words(position)
    for item in header.items(Tag.VIEW_CODE_SEQUENCE):
        coded = _VIEW_CODES.get(item.text(Tag.CODE_VALUE), View.UNKNOWN)
        if coded is View.LATERAL:
            raise refusal(UnsuitableCode.LATERAL_VIEW)
        found = coded if found is View.UNKNOWN else found
    for tag in (Tag.SERIES_DESCRIPTION, Tag.PROTOCOL_NAME):
        words = header.words(tag)
        told = _view_of_words(words, study_may_have_both=True)
        found = told if found is View.UNKNOWN else found
    if found is View.UNKNOWN:
        # The study's words name all its films: they may refuse this one, not describe it.
        _view_of_words(header.words(Tag.STUDY_DESCRIPTION), study_may_have_both=True)
    return found, "none" if found is View.UNKNOWN else "header"


def _view_of_words(words: list[str], *, study_may_have_both: bool = False) -> View:
    if not words:
        return View.UNKNOWN
    chosen = frozenset(words)
    frontal = bool(chosen & _FRONTAL_WORDS)
    if chosen & _DECUBITUS_WORDS:
        raise refusal(UnsuitableCode.ROTATED_FILM)
    if chosen & (_LATERAL_WORDS | _OBLIQUE_WORDS):
        several = frontal or chosen & {"VIEWS", "2V", "2VIEW", "2VIEWS", "AND"}
        if not (several and study_may_have_both):
            raise refusal(UnsuitableCode.LATERAL_VIEW)
        return View.UNKNOWN
    is_pa, is_ap = bool(chosen & _PA_WORDS), bool(chosen & _AP_WORDS)
    if is_pa == is_ap:
        return View.UNKNOWN
    return View.PA if is_pa else View.AP


_OPPOSITE: Final = {"L": "R", "R": "L", "F": "H", "H": "F"}


def _flip(header: Header) -> Flip | None:
    """The turn for Patient Orientation; ``None`` for one that means nothing.

    The two values are the directions of rows and of columns; only their first letter counts,
    the others say how far the patient leans.
    """
    values = [text.upper() for text in header.texts(Tag.PATIENT_ORIENTATION)]
    if not any(values):
        return Flip.NONE
    letters = [value[:1] for value in values]
    if any(letter in ("A", "P") for letter in letters):
        raise refusal(UnsuitableCode.LATERAL_VIEW)
    if len(letters) != 2 or not all(letter in _OPPOSITE for letter in letters):
        return None
    across, down = letters
    if across in "LR" and down in "HF":
        return Flip((False, across == "R", down == "H"))
    if across in "HF" and down in "LR":
        return Flip((True, down == "R", across == "H"))
    return None
