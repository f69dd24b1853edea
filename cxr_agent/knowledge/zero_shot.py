"""The sentences that an image-text model is asked: ``kb/zero_shot.toml``."""

from __future__ import annotations

from functools import lru_cache

from pydantic import Field, model_validator

from cxr_agent.knowledge.files import Entry, entry, load


class ZeroShotTemplates(Entry):
    """Pairs of sentences with ``{finding}``: present and absent, one by one."""

    present: tuple[str, ...] = Field(min_length=1)
    absent: tuple[str, ...]

    @model_validator(mode="after")
    def _paired(self) -> ZeroShotTemplates:
        if len(self.present) != len(self.absent):
            raise ValueError("each sentence needs its opposite")
        if any("{finding}" not in text for text in (*self.present, *self.absent)):
            raise ValueError("a sentence does not name the finding")
        return self

    def pairs(self, finding: str) -> tuple[tuple[str, str], ...]:
        """The sentences on one finding."""
        return tuple(
            (yes.format(finding=finding), no.format(finding=finding))
            for yes, no in zip(self.present, self.absent, strict=True)
        )


@lru_cache(maxsize=1)
def zero_shot_templates() -> ZeroShotTemplates:
    """Read the file. Raises ConfigError ``bad_definition``."""
    return entry(ZeroShotTemplates, "zero_shot", load("zero_shot")["template"])
