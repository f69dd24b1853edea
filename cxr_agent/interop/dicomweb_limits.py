"""Bounds that a DICOMweb server is held to, in one place."""

from __future__ import annotations

from typing import Final

from cxr_agent.imaging.limits import MIB

SERVER_S: Final = 90.0
"""For everything that is asked of a server."""
CONNECT_S: Final = 5.0
SILENCE_S: Final = 20.0
"""Within an answer."""

MAX_LIST_BYTES: Final = 16 * MIB
"""One list of studies, or the metadata of one study."""
MAX_FILM_BYTES: Final = 128 * MIB
"""One instance; a film of 17 megapixels has 34 MiB before it is compressed."""
MAX_ALL_BYTES: Final = 512 * MIB
EXTRA_BYTES: Final = 2048 * MIB
"""Address space of the process above what it has after its imports."""

PAGE: Final = 200
"""Studies of a search that are asked for at a time."""
MAX_SEARCHED: Final = 100_000
"""Studies of a search that are listed."""
MAX_FETCHED: Final = 32
"""Films of one study and its priors."""
MAX_SILENT: Final = 3
"""Studies one after the other for which the server does not answer, before it is given up."""

MAX_STUDIES: Final = 200
"""Listed for one patient."""
MAX_STUDIES_ASKED: Final = 20
"""Whose films are listed, the newest first."""
MAX_FILMS_PER_STUDY: Final = 2
"""Fetched, the best first: one is taken, the other stands in when it cannot be decoded."""
