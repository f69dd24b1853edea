"""Plain text for the RIS: ASCII, short lines, nothing that HL7 takes for its own."""

from __future__ import annotations

from cxr_agent.report.render import to_ris
from cxr_agent.report.translate import in_language

from .conftest import HOSTILE, Sample


def test_ascii_lines_of_at_most_72_characters(sample: Sample) -> None:
    for language in ("en", "de"):
        text = to_ris(in_language(sample.report, language))
        assert text.isascii()
        assert max(map(len, text.splitlines())) <= 72
        assert not set(text) & set("|^~\\&")


def test_every_sentence_once_with_its_evidence(sample: Sample) -> None:
    flat = " ".join(to_ris(sample.report).split())
    for section in ("technique", "findings", "impression", "limitations"):
        for sentence in getattr(sample.report, section):
            assert f"[{', '.join(sentence.evidence)}]" in flat
    assert flat.startswith("Research use only.")
    assert flat.endswith("not for patient care.")


def test_hostile_text_stays_text(sample: Sample) -> None:
    text = to_ris(sample.with_(history=HOSTILE, exam=HOSTILE))
    assert text.isascii()
    assert "\x1b" not in text
    assert "\x00" not in text


def test_umlauts_are_spelled_out(sample: Sample) -> None:
    assert "EINSCHRAENKUNGEN:" in to_ris(in_language(sample.report, "de"))
