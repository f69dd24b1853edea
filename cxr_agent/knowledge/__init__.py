"""The definitions of ``kb/``, typed and checked when first used."""

from cxr_agent.knowledge.certainty import CertaintyLevel, certainty_levels, certainty_of
from cxr_agent.knowledge.configuration import read_configuration
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
from cxr_agent.knowledge.questions import (
    QuestionLexicon,
    other_findings,
    question_lexicon,
)
from cxr_agent.knowledge.report_lexicon import (
    AnatomyWords,
    FindingWords,
    ReportLexicon,
    report_lexicon,
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
    everyday_words,
    plain_words,
    reasons,
    sentences,
    vocabulary,
)

__all__ = [
    "report_lexicon",
    "ReportLexicon",
    "FindingWords",
    "AnatomyWords",
    "certainty_of",
    "certainty_levels",
    "CertaintyLevel",
    "Comparison",
    "Condition",
    "Decision",
    "MeasurementDefinition",
    "QuestionLexicon",
    "Structure",
    "Term",
    "Threshold",
    "Wording",
    "changed_thresholds",
    "definition",
    "everyday_words",
    "in_force",
    "load",
    "measured_for",
    "measurements",
    "members",
    "other_findings",
    "plain_words",
    "question_lexicon",
    "read_configuration",
    "reasons",
    "sentences",
    "shipped",
    "structures",
    "threshold",
    "thresholds_changed",
    "vocabulary",
]
