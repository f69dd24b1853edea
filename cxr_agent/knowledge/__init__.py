"""The definitions of ``kb/``, typed and checked when first used."""

from cxr_agent.knowledge.added import (
    AddedWords,
    add_words,
    added_reasons,
    added_words,
    follows_words,
    owner_of,
)
from cxr_agent.knowledge.certainty import CertaintyLevel, certainty_levels, certainty_of
from cxr_agent.knowledge.configuration import read_configuration
from cxr_agent.knowledge.coverage import Covered, coverage
from cxr_agent.knowledge.descriptors import (
    Descriptor,
    Reference,
    descriptor_references,
    descriptors,
)
from cxr_agent.knowledge.dicom_codes import Place, place_of_location, place_of_structure, places
from cxr_agent.knowledge.failures import FailureMeaning, failure_meanings
from cxr_agent.knowledge.files import load
from cxr_agent.knowledge.film_sets import FilmSetLabels, film_set_labels
from cxr_agent.knowledge.guidelines import Guideline, guidelines
from cxr_agent.knowledge.measurements import (
    Comparison,
    Condition,
    Decision,
    MeasurementDefinition,
    definition,
    measured_for,
    measurements,
)
from cxr_agent.knowledge.priorities import (
    Basis,
    ConflictRule,
    CriticalFinding,
    SuggestionRule,
    conflict_rules,
    critical_findings,
    suggestion_rule,
)
from cxr_agent.knowledge.questions import (
    QuestionLexicon,
    other_findings,
    question_lexicon,
)
from cxr_agent.knowledge.regions import Region, RegionBook, SourceName, region_book
from cxr_agent.knowledge.report_lexicon import (
    AnatomyWords,
    FindingWords,
    ReportLexicon,
    report_lexicon,
)
from cxr_agent.knowledge.scene_graph import SceneGraphRules, scene_graph_rules
from cxr_agent.knowledge.structures import Structure, members, structures
from cxr_agent.knowledge.thresholds import (
    Threshold,
    changed_thresholds,
    in_force,
    shipped,
    threshold,
    thresholds_changed,
)
from cxr_agent.knowledge.wording import (
    ENGLISH,
    Language,
    Name,
    Wording,
    checked_language,
    language,
    languages,
    names,
    reasons,
    sentences,
)
from cxr_agent.knowledge.words import Term, everyday_words, plain_words, vocabulary

__all__ = [
    "ENGLISH",
    "AddedWords",
    "AnatomyWords",
    "Basis",
    "CertaintyLevel",
    "Comparison",
    "Condition",
    "ConflictRule",
    "Covered",
    "CriticalFinding",
    "Decision",
    "Descriptor",
    "FailureMeaning",
    "FilmSetLabels",
    "FindingWords",
    "Guideline",
    "Language",
    "MeasurementDefinition",
    "Name",
    "Place",
    "QuestionLexicon",
    "Reference",
    "Region",
    "RegionBook",
    "ReportLexicon",
    "SceneGraphRules",
    "SourceName",
    "Structure",
    "SuggestionRule",
    "Term",
    "Threshold",
    "Wording",
    "add_words",
    "added_reasons",
    "added_words",
    "certainty_levels",
    "certainty_of",
    "changed_thresholds",
    "checked_language",
    "conflict_rules",
    "coverage",
    "critical_findings",
    "definition",
    "descriptor_references",
    "descriptors",
    "everyday_words",
    "failure_meanings",
    "film_set_labels",
    "follows_words",
    "guidelines",
    "in_force",
    "language",
    "languages",
    "load",
    "measured_for",
    "measurements",
    "members",
    "names",
    "other_findings",
    "owner_of",
    "place_of_location",
    "place_of_structure",
    "places",
    "plain_words",
    "question_lexicon",
    "read_configuration",
    "reasons",
    "region_book",
    "report_lexicon",
    "scene_graph_rules",
    "sentences",
    "shipped",
    "structures",
    "suggestion_rule",
    "threshold",
    "thresholds_changed",
    "vocabulary",
]
