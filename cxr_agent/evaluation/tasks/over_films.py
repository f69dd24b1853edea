"""Tasks over any films of a set: what is asked of them needs no outlines and no boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cxr_agent.evaluation.films import Film
from cxr_agent.evaluation.films.unseen import ModelName
from cxr_agent.evaluation.runs.model import Outcome, Plot
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.film_task import FilmTask, chosen


class OverFilms(FilmTask):
    """A task whose cases are films, each read by every planner.

    Parameters
    ----------
    models
        Those whose training films are left out. None where the films' truth has no part in it.
    wanted
        Which films can be a case.
    what
        What the films lack where none can, for the error.

    Raises
    ------
    UsageError
        As :func:`~cxr_agent.evaluation.tasks.film_task.chosen`, and ``no_model``.
    """

    def __init__(
        self,
        options: TaskOptions,
        *,
        models: Sequence[ModelName] = (),
        wanted: Callable[[Film], bool] = lambda _: True,
        what: str = "a picture that can be read",
    ) -> None:
        super().__init__(options, chosen(options, models, what, wanted))

    @property
    def planners(self) -> Sequence[str]:
        return self.reader.systems

    @property
    def films(self) -> Sequence[Film]:
        return self.chosen.films

    @property
    def limits(self) -> Sequence[str]:
        """What results do not tell, whatever the films."""
        return ()

    @property
    def unknown(self) -> Sequence[str]:
        return (*self.limits, *self.chosen.notes)

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        return ()
