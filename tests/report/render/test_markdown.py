"""The Markdown report."""

from __future__ import annotations

import re

from cxr_agent.report.model import NOTICE, Report
from cxr_agent.report.render import to_markdown

from .conftest import Sample


def test_sections_stand_in_order_without_the_empty_one(sample: Sample) -> None:
    text = to_markdown(sample.report)
    titles = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert titles == [
        "Exam",
        "History",
        "Technique",
        "Findings",
        "Impression",
        "Limitations",
        "Evidence",
        "Films",
        "Run",
    ]
    assert text.count(NOTICE) == 2
    assert "No pneumothorax" not in text


def test_every_sentence_ends_with_its_evidence(sample: Sample) -> None:
    written = to_markdown(sample.report).splitlines()
    for sentence in sample.report.sentences():
        ending = f"[{', '.join(sentence.evidence)}]"
        assert any(sentence.text in line and line.endswith(ending) for line in written)


def test_findings_follow_the_order_of_headings(sample: Sample) -> None:
    text = to_markdown(sample.report)
    assert text.index("### Cardiovascular") < text.index("### Other")


def test_a_classified_finding_has_probability_and_limits(classified: Sample) -> None:
    (row,) = [
        line for line in to_markdown(classified.report).splitlines() if line.startswith("| e10 ")
    ]
    cells = [cell.strip() for cell in row.split("|")]
    assert cells[2] == "pleural effusion / present"
    assert cells[4:6] == ["probability 0.874", "present above 0.61, absent below 0.24"]


def test_partial_is_said(sample: Sample) -> None:
    assert "Partial report" in to_markdown(sample.with_(status="partial"))
    assert "Partial report" not in to_markdown(sample.report)


def test_hostile_text_stays_text(hostile: Report) -> None:
    text = to_markdown(hostile)
    assert "<script" not in text
    assert "<img" not in text
    assert "\x1b" not in text
    assert not re.search(r"(?<!\\)\]\(", text)  # no link
    assert "**strong**" not in text
    widths = {
        line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("| ")
    }
    assert widths == {10, 6}
