"""The user's configuration file: one TOML file with a table for each thing that can be set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import ConfigError
from cxr_agent.given_files import parsed_toml, read_given

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
        return parsed_toml(read_given(path, _MOST_BYTES))
    except OSError as error:
        raise ConfigError(
            "config_unreadable",
            f"the configuration cannot be read: {error.strerror}",
            hint=f"Check --config and {CONFIG_VARIABLE}.",
        ) from None
    except ValueError as error:
        raise ConfigError("bad_config", f"the configuration is no TOML: {error}") from None
