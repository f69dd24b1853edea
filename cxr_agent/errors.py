"""Every error this program raises on purpose.

    CxrAgentError
    ├── UsageError           2   a wrong option or argument
    ├── InputError           3   the file cannot be read as a picture
    │   └── UnsuitableFilm   4   a picture, but not a film this program reads
    ├── ToolError            5   a tool failed, hung, or returned what its contract forbids
    ├── ModelError           6   weights missing, damaged or not loadable
    ├── OutputError          7   a result could not be written
    ├── TraceError           8   a trace is unreadable, torn or tampered with
    ├── ConfigError          9   a definition in kb/ or a configuration file is invalid
    └── RemoteError         10   a server that was to give films, or take objects, did not

The number is the exit status of the command line. Any other exception is a fault of ours and
ends with status 70. Codes are stable: scripts may rely on them. A message never holds text
that came out of a file (tags may carry a patient's name), only what the user typed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

EXIT_OK = 0
EXIT_INTERNAL = 70


class InputCode(StrEnum):
    """Why a file is refused before any tool sees it."""

    FILE_NOT_FOUND = "file_not_found"
    UNREADABLE_PATH = "unreadable_path"
    NOT_A_REGULAR_FILE = "not_a_regular_file"
    EMPTY_FILE = "empty_file"
    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_FORMAT = "unsupported_format"
    ARCHIVE_FILE = "archive_file"
    TRUNCATED = "truncated"
    CORRUPT_HEADER = "corrupt_header"
    CORRUPT_COMPRESSED_STREAM = "corrupt_compressed_stream"
    UNKNOWN_TRANSFER_SYNTAX = "unknown_transfer_syntax"
    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    LOW_BIT_DEPTH = "low_bit_depth"
    ALL_BLACK = "all_black"
    BLANK = "blank"
    CONSTANT_IMAGE = "constant_image"
    COLOUR_IMAGE = "colour_image"
    NON_IMAGE_OBJECT = "non_image_object"
    DICOMDIR = "dicomdir"
    NO_PIXEL_DATA = "no_pixel_data"
    MULTI_FRAME = "multi_frame"
    BITS_MISMATCH = "bits_mismatch"
    PIXEL_LENGTH_MISMATCH = "pixel_length_mismatch"
    BAD_PHOTOMETRIC = "bad_photometric"
    NON_FINITE_RESCALE = "non_finite_rescale"
    BAD_LUT = "bad_lut"
    DUPLICATE_TAGS = "duplicate_tags"
    NESTING_TOO_DEEP = "nesting_too_deep"
    METADATA_BOMB = "metadata_bomb"
    DECODE_TIMEOUT = "decode_timeout"
    DECODE_MEMORY = "decode_memory"
    DECODE_CRASH = "decode_crash"


class UnsuitableCode(StrEnum):
    """Why a readable picture is not a film this program may read."""

    UNSUPPORTED_MODALITY = "unsupported_modality"
    NOT_CHEST = "not_chest"
    LATERAL_VIEW = "lateral_view"
    PAEDIATRIC = "paediatric"
    ROTATED_FILM = "rotated_film"
    TURNED_PICTURE = "turned_picture"
    INVERTED_GREYS = "inverted_greys"
    SYNTHETIC_FILM = "synthetic_film"


class PriorCode(StrEnum):
    """Why a film that can be read is no prior of the current one."""

    OTHER_PATIENT = "other_patient"
    LATER_FILM = "later_film"
    DUPLICATE_FILM = "duplicate_film"
    SAME_STUDY = "same_study"
    SYNTHETIC_PRIOR = "synthetic_prior"
    PRIOR_OF_SYNTHETIC = "prior_of_synthetic"


class SourceCode(StrEnum):
    """Why a file is not the source that objects of a run can refer to."""

    NOT_OF_RUN = "source_not_of_run"
    MISSING = "source_missing"
    NOT_DICOM = "source_not_dicom"
    NO_UIDS = "source_without_uids"
    UNUSABLE = "source_header_unusable"


class RemoteCode(StrEnum):
    """Why a server gave no films."""

    UNREACHABLE = "dicomweb_unreachable"
    REFUSED = "dicomweb_refused"
    BAD_ANSWER = "dicomweb_bad_answer"


class StoreCode(StrEnum):
    """Why an archive did not take an object."""

    UNREACHABLE = "store_unreachable"
    UNAUTHORISED = "store_unauthorised"
    REFUSED = "store_refused"
    NO_ROOM = "store_no_room"
    BAD_ANSWER = "store_bad_answer"
    PARTIAL = "store_partial"
    """It took some of several."""


class CxrAgentError(Exception):
    """Base of the family.

    Parameters
    ----------
    code
        Stable identifier, ``snake_case``.
    message
        One line: what is wrong.
    hint
        One line: what to do next. May be empty.
    """

    exit_status: ClassVar[int] = EXIT_INTERNAL

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = str(code)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}"


class UsageError(CxrAgentError):
    """A wrong option or argument."""

    exit_status = 2


class InputError(CxrAgentError):
    """The file cannot be read as a picture; ``code`` is an :class:`InputCode`.

    Of the source of a run's objects, a :class:`SourceCode`.
    """

    exit_status = 3


class UnsuitableFilm(InputError):  # noqa: N818 - named for what the film is
    """A picture, but not a film that may be read here.

    ``code`` is an :class:`UnsuitableCode`, or of a prior a :class:`PriorCode`.
    """

    exit_status = 4


class ToolError(CxrAgentError):
    """A tool failed, hung, or returned what its contract forbids. Never looks like a finding."""

    exit_status = 5


class ModelError(CxrAgentError):
    """Weights are missing, damaged or cannot be loaded."""

    exit_status = 6


class OutputError(CxrAgentError):
    """A result could not be written."""

    exit_status = 7


class TraceError(CxrAgentError):
    """A trace is unreadable, torn or tampered with."""

    exit_status = 8


class ConfigError(CxrAgentError):
    """A definition in ``kb/`` or a configuration file is invalid."""

    exit_status = 9


class RemoteError(CxrAgentError):
    """A server that was to give films, or take objects, did not.

    ``code`` is a :class:`RemoteCode`, or a :class:`StoreCode`.
    """

    exit_status = 10
