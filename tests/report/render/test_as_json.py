"""The report as JSON."""

from __future__ import annotations

import json

from cxr_agent.report.model import Report
from cxr_agent.report.render import to_json

from .conftest import Sample


def test_reads_back(sample: Sample) -> None:
    assert Report.model_validate_json(to_json(sample.report)) == sample.report


def test_evidence_is_plain(sample: Sample) -> None:
    ratio = json.loads(to_json(sample.report))["evidence"][6]
    assert ratio["kind"] == "measurement"
    assert ratio["code"] == "cardiothoracic_ratio"
    assert (ratio["value"], ratio["unit"]) == (0.462, "1")
    assert ratio["interval"] == [0.44, 0.48]


def test_a_classified_finding_is_plain(classified: Sample) -> None:
    assert Report.model_validate_json(to_json(classified.report)) == classified.report
    effusion = json.loads(to_json(classified.report))["evidence"][9]
    assert (effusion["polarity"], effusion["probability"]) == ("present", 0.8741)
    assert effusion["details"] == {
        "limit_present": 0.61,
        "limit_absent": 0.24,
        "saliency_score": 0.3149,
    }
    assert list(effusion["artifacts"]) == ["saliency_pleural_effusion"]


def test_keys_never_move(sample: Sample) -> None:
    data = json.loads(to_json(sample.report, indent=None))
    assert list(data) == list(Report.model_fields)
    assert "\n" not in to_json(sample.report, indent=None)
    assert to_json(sample.report) == to_json(sample.report.model_copy(deep=True))
