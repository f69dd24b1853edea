"""What is there is never told as absent, nor what is absent as there, in any output or language."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from cxr_agent.evidence import EvidenceKind, Observation, Polarity
from cxr_agent.imaging import Decoder
from cxr_agent.knowledge import language
from cxr_agent.prose.structure import structure
from cxr_agent.report.translate import in_language, same_claims
from tests.observations import everything

from .outputs import Outputs, sr_texts, told

_CODED: Final = {"present": "Present", "absent": "Absent", "uncertain": "Undetermined"}
_CONCEPT: Final = "valueCodeableConcept"


def _findings() -> list[Observation]:
    """One of each code and polarity."""
    found: dict[tuple[str, Polarity], Observation] = {}
    for one in everything():
        if one.kind is EvidenceKind.FINDING and one.polarity is not None and not one.basis:
            found.setdefault((one.code, one.polarity), one)
    return list(found.values())


FINDINGS: Final = _findings()


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory, decoder: Decoder) -> Outputs:
    return told(FINDINGS, tmp_path_factory.mktemp("findings"), decoder)


def test_all_polarities_are_there() -> None:
    assert {one.polarity for one in FINDINGS} == set(Polarity)
    assert len(FINDINGS) > 15


def test_programs_are_told_the_polarity(outputs: Outputs) -> None:
    polarities = [one.polarity for one in FINDINGS if one.polarity is not None]
    assert [item["polarity"] for item in outputs.json["evidence"]] == polarities
    stated = [entry["resource"] for entry in outputs.fhir["entry"]]
    concepts = [one["valueCodeableConcept"]["text"] for one in stated if _CONCEPT in one]
    assert concepts == [_CODED[one] for one in polarities]
    presence = [line.split(" = ")[1] for line in sr_texts(outputs.sr) if " = " in line]
    assert [one for one in presence if one in _CODED.values()] == concepts


def test_a_reader_of_reports_understands_the_polarity(outputs: Outputs) -> None:
    """The parser of reports is none of the composer's code."""
    understood = 0
    for evidence in outputs.report.evidence:
        for sentence in structure(f"FINDINGS: {evidence.reading}").sentences:
            for claim in sentence.claims:
                if claim.kind == "finding" and claim.code == evidence.code:
                    understood += 1
                    opposite = {claim.polarity, evidence.polarity} == {
                        Polarity.PRESENT,
                        Polarity.ABSENT,
                    }
                    assert not opposite, evidence.reading
    assert understood > 8


def test_german_says_the_same(outputs: Outputs) -> None:
    german = in_language(outputs.report, "de")
    pairs = list(zip(outputs.report.sentences(), german.sentences(), strict=True))
    assert len(pairs) > 15
    for ours, theirs in pairs:
        assert ours.text != theirs.text
        assert same_claims(ours.text, theirs.text, language("de")), theirs.text


@pytest.mark.parametrize("polarity", list(Polarity))
def test_every_text_tells_presence_from_absence(
    polarity: Polarity, tmp_path: Path, decoder: Decoder
) -> None:
    """The same finding with another polarity is another text in every form."""
    one = next(
        one for one in FINDINGS if one.polarity is polarity and one.code == "pleural_effusion"
    )
    others = [
        next(two for two in FINDINGS if two.code == one.code and two.polarity is other)
        for other in Polarity
        if other is not polarity
    ]
    ours = told([one], tmp_path / "ours", decoder).texts
    for place, other in enumerate(others):
        theirs = told([other], tmp_path / str(place), decoder).texts
        for form, text in ours.items():
            assert _about(text, form) != _about(theirs[form], form), form
    assert _CODED[polarity] in ours["SR"]
    assert not any(word in ours["SR"] for name, word in _CODED.items() if name != polarity)


def _about(text: str, form: str) -> list[str]:
    word = "rguss" if form == "German" else "ffusion"
    return [part for part in text.split(".") if word in part]
