"""Every number that a decision rests on, with its source; a user may change them for a run."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from pydantic import Field

from cxr_agent.errors import ConfigError
from cxr_agent.knowledge.configuration import read_configuration
from cxr_agent.knowledge.files import Entry, entry, load


class Threshold(Entry):
    """A limit and where it comes from."""

    value: float = Field(allow_inf_nan=False)
    source: str = Field(min_length=1)


_changed: ContextVar[Mapping[str, Threshold]] = ContextVar("thresholds changed by the user")


def threshold(name: str) -> Threshold:
    """One entry of ``kb/thresholds.toml``, or what the user set in its place.

    Raises
    ------
    ConfigError
        ``unknown_threshold``.
    """
    changed = _changed.get({})
    if name in changed:
        return changed[name]
    try:
        return shipped()[name]
    except KeyError:
        raise ConfigError("unknown_threshold", f"kb/thresholds.toml has no entry {name}") from None


@contextmanager
def thresholds_changed(changed: Mapping[str, Threshold]) -> Iterator[None]:
    """Within it, :func:`threshold` gives these; threads started with a copy of the context too."""
    token = _changed.set(changed)
    try:
        yield
    finally:
        _changed.reset(token)


def in_force() -> Mapping[str, Threshold]:
    """What the user changed for this run."""
    return _changed.get({})


def changed_thresholds(config: Path | str | None = None) -> dict[str, Threshold]:
    """What a user's configuration file sets; nothing where there is none.

    Parameters
    ----------
    config
        A TOML file with a table ``[thresholds]``: ``ctr_pa = 0.52``, or
        ``ctr_pa = { value = 0.52, source = "our department, 2026" }``. Without it, the file that
        the variable ``CXR_AGENT_CONFIG`` names.

    Raises
    ------
    ConfigError
        ``config_unreadable``, ``bad_config``, ``unknown_threshold``.
    """
    given = read_configuration(config).get("thresholds", {})
    if not isinstance(given, dict):
        raise ConfigError("bad_config", "[thresholds] in the configuration is no table")
    return {name: _changed_to(name, value) for name, value in given.items()}


def _changed_to(name: str, given: object) -> Threshold:
    known = shipped().get(name)
    if known is None:
        near = difflib.get_close_matches(name, shipped(), 1)
        raise ConfigError(
            "unknown_threshold",
            f"the configuration sets a threshold that there is not: {name[:40]!r}",
            hint=f"Did you mean {near[0]}?" if near else "kb/thresholds.toml lists them.",
        )
    value, source = given, ""
    if isinstance(given, dict) and set(given) <= {"value", "source"}:
        value, source = given.get("value"), given.get("source", "")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not isinstance(source, str):  # type: ignore[arg-type]
        raise ConfigError(
            "bad_config",
            f"the threshold {name} in the configuration is no number",
            hint=f'Write {name} = {known.value:g} or {name} = {{ value = ..., source = "..." }}.',
        )
    said = f"user's configuration{': ' + source if source else ''}"
    return Threshold(
        value=float(value),  # type: ignore[arg-type]
        source=f"{said} (shipped: {known.value:g}, {known.source})",
    )


@lru_cache(maxsize=1)
def shipped() -> dict[str, Threshold]:
    """``kb/thresholds.toml`` by name."""
    return {name: entry(Threshold, name, raw) for name, raw in load("thresholds").items()}
