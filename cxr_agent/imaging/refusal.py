"""One sentence and one next step for every reason to refuse a file.

The texts are constants: nothing that came out of a file can reach a message.
"""

from __future__ import annotations

from typing import Final

from cxr_agent.errors import InputCode, InputError, PriorCode, UnsuitableCode, UnsuitableFilm

_RE_EXPORT: Final = "Export the film again from the archive or the modality."
_AS_IMAGE: Final = "Give a DICOM, PNG or JPEG file of one frontal chest film."

_TEXTS: Final[dict[InputCode | UnsuitableCode | PriorCode, tuple[str, str]]] = {
    InputCode.FILE_NOT_FOUND: ("there is no such file", "Check the path."),
    InputCode.UNREADABLE_PATH: (
        "the path cannot be opened",
        "Check the permissions, and that no symbolic link is broken.",
    ),
    InputCode.NOT_A_REGULAR_FILE: (
        "this is not a regular file",
        "Give a file, not a folder, pipe, socket or device.",
    ),
    InputCode.EMPTY_FILE: ("the file has no content", _RE_EXPORT),
    InputCode.NOT_AN_IMAGE: ("the content is not a picture", _AS_IMAGE),
    InputCode.UNSUPPORTED_FORMAT: ("this picture format is not read", _AS_IMAGE),
    InputCode.ARCHIVE_FILE: (
        "this is an archive or a compressed file",
        "Unpack it first and give the film inside.",
    ),
    InputCode.TRUNCATED: ("the file ends too early", "Copy or export the file again."),
    InputCode.CORRUPT_HEADER: ("the header is damaged", _RE_EXPORT),
    InputCode.CORRUPT_COMPRESSED_STREAM: ("the compressed pixels are damaged", _RE_EXPORT),
    InputCode.UNKNOWN_TRANSFER_SYNTAX: (
        "the transfer syntax of this DICOM file is not supported",
        "Convert it to Explicit VR Little Endian.",
    ),
    InputCode.TOO_LARGE: (
        "the picture is larger than any chest film",
        "Give the film at the size of its detector, at most 64 megapixels.",
    ),
    InputCode.TOO_SMALL: (
        "the picture is too small to be read",
        "Give the film at full size, not a preview.",
    ),
    InputCode.LOW_BIT_DEPTH: (
        "the picture has too few grey levels",
        "Give a film with at least 8 bits per pixel.",
    ),
    InputCode.ALL_BLACK: ("the picture is black everywhere", _RE_EXPORT),
    InputCode.BLANK: ("the picture is white everywhere", _RE_EXPORT),
    InputCode.CONSTANT_IMAGE: ("the picture has one grey value everywhere", _RE_EXPORT),
    InputCode.COLOUR_IMAGE: (
        "this is a colour picture",
        "Give the grey film, not a photograph or a screenshot.",
    ),
    InputCode.NON_IMAGE_OBJECT: (
        "this DICOM object is not an image",
        "Give the image object of the study.",
    ),
    InputCode.DICOMDIR: (
        "this is a DICOM directory, not a film",
        "Give the image files that it lists.",
    ),
    InputCode.NO_PIXEL_DATA: ("the DICOM file holds no pixels", _RE_EXPORT),
    InputCode.MULTI_FRAME: (
        "the file holds more than one frame",
        "Give a single radiograph, not a run or an animation.",
    ),
    InputCode.BITS_MISMATCH: (
        "the numbers of bits in the header contradict each other or the pixels",
        _RE_EXPORT,
    ),
    InputCode.PIXEL_LENGTH_MISMATCH: (
        "the amount of pixel data does not fit rows, columns and bits",
        _RE_EXPORT,
    ),
    InputCode.BAD_PHOTOMETRIC: (
        "the photometric interpretation is missing or unknown, so black and white are not defined",
        _RE_EXPORT,
    ),
    InputCode.NON_FINITE_RESCALE: ("the rescale slope or intercept is unusable", _RE_EXPORT),
    InputCode.BAD_LUT: ("a lookup table in the header is inconsistent", _RE_EXPORT),
    InputCode.DUPLICATE_TAGS: ("an element occurs twice in the header", _RE_EXPORT),
    InputCode.NESTING_TOO_DEEP: ("sequences in the header are nested too deep", _RE_EXPORT),
    InputCode.METADATA_BOMB: (
        "the information beside the picture unfolds to an absurd size",
        "Do not trust this file; ask for the original.",
    ),
    InputCode.DECODE_TIMEOUT: ("decoding took too long and was stopped", _RE_EXPORT),
    InputCode.DECODE_MEMORY: ("decoding needed too much memory and was stopped", _RE_EXPORT),
    InputCode.DECODE_CRASH: ("decoding failed", _RE_EXPORT),
    UnsuitableCode.UNSUPPORTED_MODALITY: (
        "the header says that this is not a radiograph",
        "Give a CR or DX image of the chest.",
    ),
    UnsuitableCode.NOT_CHEST: (
        "the header says that this is not a chest film",
        "Give a frontal chest film.",
    ),
    UnsuitableCode.LATERAL_VIEW: (
        "the header says that this is a lateral or oblique view",
        "Give the frontal (PA or AP) film.",
    ),
    UnsuitableCode.PAEDIATRIC: (
        "the header says that the patient is younger than 16 years",
        "This program reads films of adults only.",
    ),
    UnsuitableCode.ROTATED_FILM: (
        "the header says that the patient lies on the side",
        "Give an upright or supine frontal film.",
    ),
    UnsuitableCode.TURNED_PICTURE: (
        "the picture looks turned by a quarter or a half",
        "Turn it so that the head is up, and read it again.",
    ),
    UnsuitableCode.INVERTED_GREYS: (
        "the grey values look inverted: bone is dark",
        "Give the film with bone white, or the DICOM file, whose header tells.",
    ),
    UnsuitableCode.SYNTHETIC_FILM: (
        "the film is marked as synthetic, and may not stand among patients' films",
        "Give films of patients alone, or synthetic ones alone to be read.",
    ),
    PriorCode.OTHER_PATIENT: (
        "the header says that this film is of another patient",
        "Give a prior of the patient whose film is read.",
    ),
    PriorCode.LATER_FILM: (
        "the header says that this film was taken after the current one",
        "Give the later film as the current one, and this program the earlier one as its prior.",
    ),
    PriorCode.DUPLICATE_FILM: (
        "this is the current film, or a prior that was given already",
        "Give each film once.",
    ),
    PriorCode.SAME_STUDY: (
        "the header says that this film is of the same study as the current one",
        "Give a film of an earlier study, or this one as a second current film.",
    ),
    PriorCode.SYNTHETIC_PRIOR: (
        "this film is marked as synthetic: it tells nothing of a patient's past",
        "Give an earlier film of the patient.",
    ),
    PriorCode.PRIOR_OF_SYNTHETIC: (
        "the current film is marked as synthetic: nobody's earlier film is its prior",
        "Read the synthetic film alone.",
    ),
}


def refusal(code: InputCode | UnsuitableCode | PriorCode) -> InputError:
    """The exception for ``code``, ready to be raised.

    Returns
    -------
    InputError
        An :class:`UnsuitableFilm` when ``code`` is no :class:`InputCode`.
    """
    message, hint = _TEXTS[code]
    kind = InputError if isinstance(code, InputCode) else UnsuitableFilm
    return kind(code, message, hint=hint)


def refusal_from_name(name: str) -> InputError:
    """As :func:`refusal`, for a code that crossed a process boundary.

    A name that is no code comes from a broken worker and gives ``decode_crash``.
    """
    for family in (InputCode, UnsuitableCode):
        try:
            return refusal(family(name))
        except ValueError:
            continue
    return refusal(InputCode.DECODE_CRASH)


_BY_PIXELS: Final[dict[str, tuple[UnsuitableCode, str, str]]] = {
    "not_frontal_chest": (
        UnsuitableCode.NOT_CHEST,
        "the picture does not look like an upright frontal chest film",
        "Give a frontal (PA or AP) chest film, head up, shown whole.",
    ),
    "side_view": (
        UnsuitableCode.LATERAL_VIEW,
        "the picture looks like a side view",
        "Give the frontal (PA or AP) film.",
    ),
    "turned_picture": (
        UnsuitableCode.TURNED_PICTURE,
        *_TEXTS[UnsuitableCode.TURNED_PICTURE],
    ),
    "inverted_greys": (
        UnsuitableCode.INVERTED_GREYS,
        *_TEXTS[UnsuitableCode.INVERTED_GREYS],
    ),
}
"""By the reason code of the tool that looked: what the pixels, not the header, tell."""


def refusal_by_pixels(reason: str | None = None) -> UnsuitableFilm:
    """The exception for a picture that a model refused.

    Parameters
    ----------
    reason
        Code of a reason that the tool abstained with; without one the picture is not
        taken for an upright frontal film.
    """
    code, message, hint = _BY_PIXELS[reason or "not_frontal_chest"]
    return UnsuitableFilm(code, message, hint=hint)
