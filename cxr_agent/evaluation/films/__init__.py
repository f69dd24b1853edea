"""Readers of film data sets in public formats."""

from cxr_agent.evaluation.films.model import LUNGS, Film, FilmSet, LabelledBox, Masks
from cxr_agent.evaluation.films.recognise import films_of

__all__ = ["LUNGS", "Film", "FilmSet", "LabelledBox", "Masks", "films_of"]
