"""Checking any report, a person's or another model's, against the film and against itself."""

from cxr_agent.checking.check import check_report, check_text
from cxr_agent.checking.model import CATEGORIES, CheckedReport, Kind, Remark, Verdict

__all__ = [
    "CATEGORIES",
    "CheckedReport",
    "Kind",
    "Remark",
    "Verdict",
    "check_report",
    "check_text",
]
