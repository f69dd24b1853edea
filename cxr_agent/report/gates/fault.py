"""Why a sentence is not supported."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Codes of faults, as they stand in trace, report and tables."""

    NO_EVIDENCE = "no_evidence"
    UNKNOWN_EVIDENCE = "unknown_evidence"
    NUMBER = "number_not_measured"
    UNIT = "unit_not_measured"
    SIDE = "side_not_supported"
    LOCATION = "location_not_supported"
    SEVERITY = "severity_not_supported"
    TERM = "term_not_supported"
    POLARITY = "polarity_not_supported"
    CERTAINTY = "certainty_not_supported"
    CHANGE = "change_not_supported"
    FILM = "film_not_supported"
    SUGGESTED = "only_suggested"
    """It rests on a model without calibration, in other words than the rule's."""
    WORD = "word_not_supported"
