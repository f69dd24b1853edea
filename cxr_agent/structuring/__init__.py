"""Reports in any language put into the closed form of this program, and labelled.

In English by rule (:mod:`cxr_agent.prose`); in other languages by a language model, whose answer is
believed as far as its form allows, or by a classifier that was trained on that language.
"""

from cxr_agent.structuring.by_model import structure_by_model
from cxr_agent.structuring.labellers import (
    ByClassifier,
    ByModel,
    ByRule,
    Labeller,
)
from cxr_agent.structuring.told import ToldFinding, ToldReport, ToldSentence

__all__ = [
    "ByClassifier",
    "ByModel",
    "ByRule",
    "Labeller",
    "ToldFinding",
    "ToldReport",
    "ToldSentence",
    "structure_by_model",
]
