"""Which language model to ask, from the command line, the environment or a configuration file.

The key is never among the settings: LiteLLM takes it from the provider's own variable, as
``OPENAI_API_KEY``.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxr_agent.errors import ConfigError, UsageError
from cxr_agent.knowledge import read_configuration

MODEL_VARIABLE: Final = "CXR_AGENT_MODEL"
BASE_VARIABLE: Final = "CXR_AGENT_API_BASE"
NO_MODEL: Final = "none"


class ModelSettings(BaseModel):
    """A model and how it is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[\w.-]+/\S+$", max_length=200)
    """``provider/name`` as LiteLLM writes it; ``openai/NAME`` for any compatible server."""
    api_base: str | None = None
    second_judge: bool = False
    """Whether the model judges what was worded, before the gates do."""
    """Address of the server, where it is not the provider's own: ``http://127.0.0.1:8080/v1``."""
    takes_images: bool | None = None
    """None: as LiteLLM's list says."""
    temperature: float = Field(default=0.0, ge=0)
    seconds: float = Field(default=60.0, gt=0)
    """Deadline of one exchange, all attempts together."""
    answer_tokens: int = Field(default=1500, ge=16)
    """Longest reply."""

    @property
    def local(self) -> bool:
        """Whether the server is on this machine."""
        host = urlsplit(self.api_base or "").hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


def configured_model(
    model: str | None = None, api_base: str | None = None, config: Path | str | None = None
) -> ModelSettings | None:
    """The model that is to be asked; None where none is configured, or ``none`` is.

    Parameters
    ----------
    model, api_base
        From the command line; they go before the environment (``CXR_AGENT_MODEL``,
        ``CXR_AGENT_API_BASE``), and that before the table ``[model]`` of the configuration.

    Raises
    ------
    UsageError
        ``bad_model_name``.
    ConfigError
        ``bad_config``, ``config_unreadable``.
    """
    given = read_configuration(config).get("model", {})
    if not isinstance(given, dict):
        raise ConfigError("bad_config", "[model] in the configuration is no table")
    unknown = sorted(set(given) - set(ModelSettings.model_fields))
    if unknown:  # also where nothing names a model: a misspelt name would read without one
        raise _wrong(unknown[0][:40])
    said = {
        "name": model or os.environ.get(MODEL_VARIABLE),
        "api_base": api_base or os.environ.get(BASE_VARIABLE),
    }
    fields = {**given, **{name: value for name, value in said.items() if value}}
    name = fields.get("name")
    if name is None or name == NO_MODEL:
        return None
    try:
        return ModelSettings.model_validate(fields)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"]) or "it"
        if field == "name" and said["name"]:
            raise UsageError(
                "bad_model_name",
                f"{str(name)[:60]!r} names no model",
                hint="Write provider/name, as openai/gpt-4o or ollama/qwen3:4b, or none.",
            ) from None
        raise _wrong(field) from None


def _wrong(field: str) -> ConfigError:
    return ConfigError(
        "bad_config",
        f"the configuration's [model] has a wrong {field}",
        hint="It may hold name, api_base, takes_images, temperature, seconds, answer_tokens, "
        "second_judge.",
    )
