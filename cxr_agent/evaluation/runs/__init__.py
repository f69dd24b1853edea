"""Evaluation runs: cases answered once each, whatever ends the program, and what they come to."""

from cxr_agent.evaluation.runs.model import (
    Estimate,
    EvaluationResult,
    Outcome,
    Plot,
    Series,
    Status,
)
from cxr_agent.evaluation.runs.run import Chosen, evaluate
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, Task, mean_of, share_of

__all__ = [
    "Answer",
    "Case",
    "Chosen",
    "Estimate",
    "EvaluationResult",
    "Measure",
    "Outcome",
    "Plot",
    "Series",
    "Status",
    "Task",
    "evaluate",
    "mean_of",
    "share_of",
]
