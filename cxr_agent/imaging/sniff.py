"""What a file is, told by its content and never by its name."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from cxr_agent.errors import InputCode
from cxr_agent.imaging.refusal import refusal

SNIFF_BYTES: Final = 4096


class FileKind(StrEnum):
    """The kinds that are read."""

    DICOM = "dicom"
    """DICOM PS3.10 file: preamble, ``DICM``, file meta information, data set."""
    DICOM_BARE = "dicom_bare"
    """A data set, or file meta information, with no preamble before it."""
    PNG = "png"
    JPEG = "jpeg"


PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE: Final = b"\xff\xd8\xff"

_ARCHIVES: Final = (
    b"\x1f\x8b",  # gzip
    b"\x1f\x9d",  # compress
    b"\x1f\xa0",  # compress, LZH
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x07\x08",
    b"\xfd7zXZ\x00",
    b"BZh",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x28\xb5\x2f\xfd",  # zstandard
    b"\x04\x22\x4d\x18",  # lz4
    b"\x02\x21\x4c\x18",  # lz4, legacy
    b"LZIP",
    b"MSCF",
    b"!<arch>\n",
    b"\x5d\x00\x00",  # lzma alone
    b"\xed\xab\xee\xdb",  # rpm
    b"\xce\xb2\xcf\x81",  # lz5 / brotli framing
    b"\x89LZO",
    b"ZOO ",
    b"xar!",
    b"hsqs",
)
_OTHER_PICTURES: Final = (
    b"GIF8",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n",
    b"\xff\x4f\xff\x51",  # JPEG 2000 code stream
    b"\xff\x0a",  # JPEG XL code stream
    b"\x00\x00\x00\x0cJXL \r\n\x87\n",
    b"8BPS",
    b"\x00\x00\x01\x00",  # icon
    b"\x00\x00\x02\x00",
    b"\x76\x2f\x31\x01",  # OpenEXR
    b"qoif",
    b"FLIF",
    b"SIMPLE  =",  # FITS
    b"\x8aMNG\r\n\x1a\n",
    b"\x8bJNG\r\n\x1a\n",
    b"#?RADIANCE",
    b"gimp xcf",
    b"NRRD",
    b"\x0a\x05\x01",  # PCX
    b"\x93NUMPY",
    b"\x89HDF\r\n\x1a\n",
    b"AT&TFORM",
    b"farbfeld",
)
_NETPBM: Final = re.compile(rb"P[1-7][\s#]")
_META_IMAGE: Final = re.compile(rb"(ObjectType|NDims)\s*=")
_VR: Final = re.compile(
    rb"(AE|AS|AT|CS|DA|DS|DT|FD|FL|IS|LO|LT|OB|OD|OF|OL|OV|OW|PN|SH|SL|SQ|SS|ST|SV|TM|UC|UI|UL"
    rb"|UN|UR|US|UT|UV)"
)


def sniff(start: bytes) -> FileKind:
    """The kind of a file from its first :data:`SNIFF_BYTES` bytes.

    Raises
    ------
    InputError
        ``archive_file``, ``unsupported_format`` (a picture of another kind) or
        ``not_an_image``.
    """
    if start[128:132] == b"DICM":
        return FileKind.DICOM
    if start.startswith(PNG_SIGNATURE):
        return FileKind.PNG
    if start.startswith(JPEG_SIGNATURE):
        if start[3:4] == b"\xf7":  # JPEG-LS
            raise refusal(InputCode.UNSUPPORTED_FORMAT)
        return FileKind.JPEG
    if start.startswith(b"DICM") or _is_bare_data_set(start):
        return FileKind.DICOM_BARE
    if start.startswith(_ARCHIVES) or start[257:262] == b"ustar":
        raise refusal(InputCode.ARCHIVE_FILE)
    if _is_other_picture(start):
        raise refusal(InputCode.UNSUPPORTED_FORMAT)
    # A picture that lost its first line break or its tail is still a broken picture.
    if start.startswith(b"\x89PNG"):
        raise refusal(InputCode.CORRUPT_HEADER)
    if start in (PNG_SIGNATURE[: len(start)], JPEG_SIGNATURE[: len(start)]):
        raise refusal(InputCode.TRUNCATED)
    raise refusal(InputCode.NOT_AN_IMAGE)


def _is_other_picture(start: bytes) -> bool:
    if start.startswith(b"BM"):
        # Two letters are too few to go by: the reserved field and the header size tell.
        return start[6:10] == b"\0\0\0\0" and start[14:15] in b"\x0c\x10\x28\x34\x38\x40\x6c\x7c"
    if start.startswith(_OTHER_PICTURES):
        return True
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return True
    if start[4:8] == b"ftyp":  # HEIC, AVIF and films
        return True
    if start[344:348] in (b"n+1\0", b"ni1\0") or start[4:8] == b"n+2\0":  # NIfTI
        return True
    return bool(_NETPBM.match(start) or _META_IMAGE.match(start))


def _is_bare_data_set(start: bytes) -> bool:
    """Whether a DICOM element opens the file: group 0002 or 0008, in any of the encodings."""
    if len(start) < 8:
        return False
    little = int.from_bytes(start[0:2], "little")
    big = int.from_bytes(start[0:2], "big")
    explicit = _VR.fullmatch(start[4:6]) is not None
    if little == 0x0002 or big == 0x0002:
        return explicit
    if big == 0x0008:
        return explicit
    if little != 0x0008:
        return False
    element = int.from_bytes(start[2:4], "little")
    length = int.from_bytes(start[4:8], "little")
    return explicit or (element <= 0x0070 and length <= 1024)
