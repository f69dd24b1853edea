"""Preference pairs, chosen and rejected, from what gates and judges decided in recorded runs."""

from cxr_agent.evaluation.preferences.from_gates import pairs_of_run
from cxr_agent.evaluation.preferences.from_judges import Judge, errors_of, pairs_of_rivals
from cxr_agent.evaluation.preferences.pair import Preference, as_jsonl

__all__ = ["Judge", "Preference", "as_jsonl", "errors_of", "pairs_of_rivals", "pairs_of_run"]
