"""How well free text is structured, against tags that people gave."""

from cxr_agent.evaluation.structuring.labels import (
    Agreement,
    Label,
    label_agreement,
    read_reports,
    report_text,
)

__all__ = ["Agreement", "Label", "label_agreement", "read_reports", "report_text"]
