"""The definitions of ``kb/``, typed and checked when first used."""

from cxr_agent.knowledge.files import load
from cxr_agent.knowledge.measurements import (
    Comparison,
    Condition,
    Decision,
    MeasurementDefinition,
    definition,
    measured_for,
    measurements,
)
from cxr_agent.knowledge.structures import Structure, members, structures
from cxr_agent.knowledge.thresholds import (
    Threshold,
    changed_thresholds,
    in_force,
    shipped,
    threshold,
    thresholds_changed,
)
from cxr_agent.knowledge.words import (
    Term,
    Wording,
    plain_words,
    reasons,
    sentences,
    vocabulary,
)

__all__ = [
    "Comparison",
    "Condition",
    "Decision",
    "MeasurementDefinition",
    "Structure",
    "Term",
    "Threshold",
    "Wording",
    "changed_thresholds",
    "definition",
    "in_force",
    "load",
    "measured_for",
    "measurements",
    "members",
    "plain_words",
    "reasons",
    "sentences",
    "shipped",
    "structures",
    "threshold",
    "thresholds_changed",
    "vocabulary",
]
