"""What the labels of public film sets are called here: ``kb/film_sets.toml``."""

from __future__ import annotations

from functools import lru_cache

from cxr_agent.knowledge.files import Entry, entry, load, malformed
from cxr_agent.knowledge.words import vocabulary


class FilmSetLabels(Entry):
    """The labels of one set."""

    name: str
    """As its authors call it."""
    source: str
    labels: dict[str, tuple[str, ...]]
    """Findings by the set's own name of a label; a film with the label has all of them."""
    not_here: tuple[str, ...] = ()
    """Labels that no finding here stands for."""

    @property
    def codes(self) -> tuple[str, ...]:
        """The findings that the set labels, in the order of its labels."""
        return tuple(dict.fromkeys(code for codes in self.labels.values() for code in codes))


@lru_cache(maxsize=1)
def film_set_labels() -> dict[str, FilmSetLabels]:
    """The sets by id. Raises ConfigError ``bad_definition``."""
    found = {name: entry(FilmSetLabels, name, raw) for name, raw in load("film_sets").items()}
    for name, one in found.items():
        if not all(code in vocabulary() for code in one.codes):
            raise malformed(name)
    return found
