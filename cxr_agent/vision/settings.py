"""Which vision-language model to ask, from the environment or a configuration file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxr_agent.errors import ConfigError, UsageError
from cxr_agent.knowledge import read_configuration
from cxr_agent.language import ModelSettings
from cxr_agent.models import catalogue

VISION_VARIABLE: Final = "CXR_AGENT_VLM"
BASE_VARIABLE: Final = "CXR_AGENT_VLM_API_BASE"
FAMILIES: Final = ("chexagent", "vlm")
"""Families of ``kb/models.toml`` that answer a question on a film."""
_NONE: Final = "none"


class VisionSettings(BaseModel):
    """A vision-language model and how it is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[\w.-]+(/\S+)?$", max_length=200)
    """A model or family of ``cxr-agent models list`` that runs here, or ``provider/name`` as
    LiteLLM writes it."""
    api_base: str | None = None
    seconds: float = Field(default=90.0, gt=0, le=600)
    """Deadline of one question."""
    answer_tokens: int = Field(default=400, ge=16)
    """Longest answer."""
    trust_remote_code: bool = False
    """Whether the Python code that comes with a checkpoint may run in this process."""

    @property
    def hosted(self) -> bool:
        """Whether it is asked over HTTP, so that a picture has to leave this process."""
        return "/" in self.name

    @property
    def as_model(self) -> ModelSettings:
        """The settings of a hosted one as the client takes them."""
        return ModelSettings(
            name=self.name,
            api_base=self.api_base,
            takes_images=True,
            seconds=self.seconds,
            answer_tokens=self.answer_tokens,
        )


def configured_vision(config: Path | str | None = None) -> VisionSettings | None:
    """The model that may be asked; None where none is configured, or ``none`` is.

    ``CXR_AGENT_VLM`` and ``CXR_AGENT_VLM_API_BASE`` go before the table ``[vlm]`` of the
    configuration.

    Raises
    ------
    UsageError
        ``bad_vlm_name``.
    ConfigError
        ``bad_config``, ``config_unreadable``.
    """
    given = read_configuration(config).get("vlm", {})
    if not isinstance(given, dict):
        raise ConfigError("bad_config", "[vlm] in the configuration is no table")
    said = {"name": os.environ.get(VISION_VARIABLE), "api_base": os.environ.get(BASE_VARIABLE)}
    fields = {**given, **{name: value for name, value in said.items() if value}}
    if fields.get("name") in (None, _NONE):
        return None
    try:
        settings = VisionSettings.model_validate(fields)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"]) or "it"
        if field == "name" and said["name"]:
            raise _bad_name(said["name"]) from None
        raise ConfigError(
            "bad_config",
            f"the configuration's [vlm] has a wrong {field}",
            hint="It may hold name, api_base, seconds, answer_tokens, trust_remote_code.",
        ) from None
    if not settings.hosted:
        pulled_name(settings.name)
    return settings


def pulled_name(name: str) -> str:
    """The model of ``kb/models.toml`` that a name or family stands for.

    Raises
    ------
    UsageError
        ``bad_vlm_name`` for one that answers no questions.
    """
    for model in catalogue.upgrades().values():
        if model.family in FAMILIES and name in (model.id, model.family):
            return model.id
    raise _bad_name(name)


def _bad_name(name: str) -> UsageError:
    known = [one.id for one in catalogue.upgrades().values() if one.family in FAMILIES]
    return UsageError(
        "bad_vlm_name",
        f"{name[:60]!r} names no vision-language model",
        hint=f"Write one of {', '.join(known)}, provider/name of a hosted one, or none.",
    )
