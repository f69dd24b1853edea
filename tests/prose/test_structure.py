"""Free text as a structured report: headers, codes, entities, relations, attributes."""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from typing import Any

import pytest

from cxr_agent.evaluation.structuring import label_agreement, report_text
from cxr_agent.prose.structure import HEADINGS, StructuredSentence, structure
from tests.builders import SHARED

OPENI = SHARED / "data" / "openi" / "reports.jsonl.gz"
needs_openi = pytest.mark.skipif(not OPENI.exists(), reason="../shared/data/openi is not here")


@lru_cache(maxsize=1)
def reports() -> list[dict[str, Any]]:
    with gzip.open(OPENI, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def only(text: str) -> StructuredSentence:
    (sentence,) = structure(text).sentences
    return sentence


def test_headers_in_the_order_of_a_report() -> None:
    text = "FINDINGS: No rib fracture. The heart is enlarged. No effusion. Lungs are clear."
    assert [heading for heading, _ in structure(text).headed()] == [
        "Lungs and Airways",
        "Pleura",
        "Cardiovascular",
        "Musculoskeletal and Chest Wall",
    ]


def test_a_history_claims_nothing() -> None:
    found = structure("HISTORY: pneumonia, rule out effusion\nFINDINGS: Clear lungs.")
    assert found.of("history")[0].claims == ()


def test_codes() -> None:
    assert only("Left pleural effusion.").codes == {
        "pleural_effusion": {
            "radlex": "RID34539",
            "snomed": "60046008",
            "chexpert": "Pleural Effusion",
        }
    }


def test_entities_and_relations_of_radgraph() -> None:
    sentence = only("Small opacity in the right lower lobe, suggesting pneumonia.")
    labels = {entity.code: entity.label for entity in sentence.entities}
    assert labels["lung_opacity"] == "OBS-DP"
    assert labels["pneumonia"] == "OBS-U"
    assert labels["lower_zone"] == "ANAT-DP"
    by_id = {entity.id: entity.code for entity in sentence.entities}
    told = {(by_id[r.source], r.type, by_id[r.target]) for r in sentence.relations}
    assert ("lung_opacity", "located_at", "lower_zone") in told
    assert ("lung_opacity", "suggestive_of", "pneumonia") in told
    assert ("mild", "modify", "lung_opacity") in told


def test_every_denial_stays_a_denial() -> None:
    sentence = only("No pneumothorax or pleural effusion.")
    assert {
        e.label for e in sentence.entities if e.code in ("pneumothorax", "pleural_effusion")
    } == {"OBS-DA"}


def test_attributes_of_lunguage() -> None:
    (row,) = only("Stable small nodular opacity in the left apex.").rows[:1]
    assert (row.dx_status, row.dx_certainty, row.cat) == ("positive", "definitive", "finding")
    assert row.attributes["location"] == ("left apical zone",)
    assert row.attributes["no change"] == ("no_change",)
    assert row.attributes["severity"] == ("mild",)


@needs_openi
@pytest.mark.shared
@pytest.mark.slow
def test_no_real_report_loses_a_sentence() -> None:
    told = 0
    for report in reports():
        text = report_text(report)
        found = structure(text)
        counts = bytearray(len(text))
        for sentence in found.sentences:
            assert text[sentence.start : sentence.end] == sentence.text
            assert sentence.heading is None or sentence.heading in HEADINGS
            for place in range(sentence.start, sentence.end):
                counts[place] += 1
        assert max(counts, default=0) <= 1
        missed = "".join(c for c, n in zip(text, counts, strict=True) if not n and not c.isspace())
        assert missed == "".join("".join(title.split()) for title in found.titles)
        told += len(found.sentences)
    assert len(reports()) == 3569
    assert told > 25_000


@needs_openi
@pytest.mark.shared
@pytest.mark.slow
def test_labels_agree_with_the_tags() -> None:
    """On the half of the reports that the lexicon was not tuned on."""
    held = label_agreement(reports(), half=1)
    assert held.micro.f1 >= 0.85
    by_code = {label.code: label for label in held.labels}
    for code, least in {
        "cardiomegaly": 0.80,
        "pleural_effusion": 0.80,
        "atelectasis": 0.85,
        "lung_opacity": 0.80,
        "granuloma": 0.90,
    }.items():
        assert by_code[code].f1 >= least, code
