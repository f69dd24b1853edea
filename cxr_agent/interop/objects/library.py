"""The library that writes DICOM objects: whether it is there, and that it keeps silent."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from cxr_agent.errors import ConfigError


def check_library() -> None:
    """Raise where highdicom, and pydicom under it, are missing.

    Raises
    ------
    ConfigError
        ``dicom_missing``.
    """
    if find_spec("highdicom") is None:
        raise ConfigError(
            "dicom_missing",
            "highdicom is not installed",
            hint="pip install 'cxr-agent[dicom]'",
        )


@contextmanager
def silent() -> Iterator[None]:
    """Let the libraries say nothing: what they find odd in a header, they quote, names too."""
    for name in ("highdicom", "pydicom"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
