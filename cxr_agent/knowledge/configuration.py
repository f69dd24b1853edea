"""The user's configuration file: one TOML file with a table for each thing that can be set."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import ConfigError

CONFIG_VARIABLE: Final = "CXR_AGENT_CONFIG"
_TABLES: Final = ("thresholds", "model", "budget", "vlm", "outside")
_MOST_BYTES: Final = 1 << 20


def read_configuration(config: Path | str | None = None) -> dict[str, Any]:
    """The tables of a configuration file; empty where there is none.

    Parameters
    ----------
    config
        The file; without it, the one that the variable ``CXR_AGENT_CONFIG`` names.

    Raises
    ------
    ConfigError
        ``config_unreadable``, ``bad_config``.
    """
    path = config or os.environ.get(CONFIG_VARIABLE)
    if not path:
        return {}
    raw = _read(Path(path))
    unknown = sorted(set(raw) - set(_TABLES))
    if unknown:
        raise ConfigError(
            "bad_config",
            f"the configuration has a key that nothing reads: {unknown[0][:40]!r}",
            hint="It may hold the tables [thresholds], [model], [vlm], [budget] and [outside].",
        )
    return raw


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            "config_unreadable",
            f"the configuration cannot be read: {error.strerror}",
            hint=f"Check --config and {CONFIG_VARIABLE}.",
        ) from None
    try:
        if len(data) > _MOST_BYTES:
            raise ValueError("larger than 1 MiB")
        return tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        raise ConfigError("bad_config", f"the configuration is no TOML: {error}") from None
