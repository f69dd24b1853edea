"""Bounds that a film is held to, in one place.

They are far above any chest radiograph (the largest detectors on the market give about 17
megapixels) and far below what hurts: a picture at every bound at once stays under 10 s and 2 GB.
"""

from __future__ import annotations

from typing import Final

MIB: Final = 1 << 20

MIN_SIDE_PX: Final = 64
MAX_SIDE_PX: Final = 20_000
MAX_PIXELS: Final = 64_000_000

MAX_FILE_BYTES: Final = 256 * MIB
MAX_METADATA_BYTES: Final = 16 * MIB
"""All of a PNG's or JPEG's side information, and one inflated text or profile of a PNG."""
MAX_HEADER_BYTES: Final = 64 * MIB
"""Everything in a DICOM file that comes before the pixels."""
MAX_ELEMENTS: Final = 100_000
MAX_DIRECTORY_ELEMENTS: Final = 2_000_000
"""Of a DICOM directory: about 100,000 files."""
MAX_CHUNKS: Final = 100_000
"""Of a PNG; segments of a JPEG; fragments of encapsulated pixels."""
MAX_JPEG_SCANS: Final = 128
MAX_NESTING: Final = 32
MAX_INFLATED_BYTES: Final = 192 * MIB
"""A deflated DICOM data set after inflation: the most pixels and the longest header."""
MAX_TEXT_BYTES: Final = 64 << 10
"""A text of a DICOM header that is looked at: what explicit VR allows for most of them."""

MIN_BITS: Final = 8
MIN_GREY_LEVELS: Final = 16
"""Fewer different values than this is a drawing or a thresholded picture."""

PAEDIATRIC_BELOW_YEARS: Final = 16

WORKER_START_S: Final = 30.0
"""For the interpreter and NumPy to load, on a machine that is busy."""
WORKER_FILE_S: Final = 8.0
"""Wall clock and CPU time for one file."""
WORKER_EXTRA_BYTES: Final = 1536 * MIB
"""Address space of the worker above what it has after its imports."""
