"""Whether the library that writes DICOM objects is there."""

from __future__ import annotations

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
