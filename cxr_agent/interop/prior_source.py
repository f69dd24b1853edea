"""What the user names after ``--priors-from``: a folder, or the address of a server."""

from __future__ import annotations

import os
import re
from typing import Final

from cxr_agent.imaging import PriorFolder, PriorSource
from cxr_agent.imaging.decoder import FilmPath

_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE)


def prior_source(where: FilmPath) -> PriorSource:
    """Where priors are looked for.

    Raises
    ------
    UsageError
        ``bad_dicomweb_url``, ``bad_dicomweb_token``.
    ConfigError
        ``dicomweb_missing``.
    """
    text = os.fsdecode(where)
    if not _ADDRESS.match(text):
        return PriorFolder(where)
    from cxr_agent.interop.dicomweb import DicomwebServer

    return DicomwebServer.at(text)
