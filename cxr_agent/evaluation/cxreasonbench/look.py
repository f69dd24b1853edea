"""Measuring a benchmark's films, each once, and answering from what was measured."""

from __future__ import annotations

from pathlib import Path

from cxr_agent.errors import CxrAgentError
from cxr_agent.evaluation.cxreasonbench.answers import Answerer, Seen
from cxr_agent.evaluation.cxreasonbench.files import Question
from cxr_agent.evaluation.cxreasonbench.rules import rules
from cxr_agent.evaluation.suites.folder import inside
from cxr_agent.measuring import Measurer


class Looker:
    """Measures a film and keeps what was seen of the last one: its tasks follow each other.

    Parameters
    ----------
    measurer
        Does the work.
    masks
        A folder with a folder of outlines per film, named after its file; those films that have
        none are outlined by the models alone.
    """

    def __init__(self, measurer: Measurer, masks: Path | None = None) -> None:
        self._measurer = measurer
        self._masks = masks
        self._last: tuple[Path, Seen] | None = None

    def __call__(self, film: Path) -> Seen:
        """What is known of a film; raises what reading a film raises."""
        if self._last is not None and self._last[0] == film:
            return self._last[1]
        own = self._masks / film.stem if self._masks is not None else None
        found = self._measurer.measure(
            film, masks=own if own is not None and own.is_dir() else None
        )
        seen = Seen(
            {item.id: item for item in found.items},
            {one.id: one.reasons for one in found.unmeasured},
            found.outlines,
        )
        self._last = (film, seen)
        return seen


class ByEvidence:
    """Gives who answers from what is measured on the film of a case.

    Parameters
    ----------
    films
        Where the films lie that the questions name.
    look
        Measures one film.
    """

    def __init__(self, films: Path, look: Looker) -> None:
        self._films = films
        self._look = look

    def __call__(self, task: str, case: str, first: Question | None) -> Answerer:
        return Answerer(rules()[task], self._seen(first) if first is not None else Seen())

    def _seen(self, question: Question) -> Seen:
        """A film that cannot be read is one of which nothing is known."""
        names = [name for name in question.img_path if isinstance(name, str)]
        try:
            return self._look(inside(self._films, names[0])) if names else Seen()
        except CxrAgentError as error:
            return Seen(reasons={rule.measurement: (error.code,) for rule in rules().values()})
