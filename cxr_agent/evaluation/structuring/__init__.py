"""How well free text is structured, against tags that people gave."""

from cxr_agent.evaluation.structuring.labels import (
    Agreement,
    Compared,
    Label,
    compared,
    half_of,
    judged,
    label_agreement,
    read_reports,
    report_text,
)

__all__ = [
    "Agreement",
    "Compared",
    "Label",
    "compared",
    "half_of",
    "judged",
    "label_agreement",
    "read_reports",
    "report_text",
]
