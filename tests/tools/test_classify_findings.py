from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from cxr_agent.evidence import EvidenceKind, Polarity
from cxr_agent.models.card import ModelCard
from cxr_agent.study import AgeGroup, View
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.execute import Outcome
from tests.builders import Bank, label_card, model_card, scene

OPEN = Callable[..., Bank]


def classified(
    open_bank: OPEN,
    logits: list[float] | None = None,
    card: ModelCard | None = None,
    **film: Any,
) -> tuple[Bank, Outcome]:
    bank = open_bank(scene(**film))
    network = bank.shelf.networks["findings"]
    network.card = card or network.card
    network.outputs.update({"logits": logits} if logits else {})
    bank.toolbox.run(ToolCall("segment_anatomy", {"film": "img-1"}))
    return bank, bank.toolbox.run(ToolCall("classify_findings", {"film": "img-1"}))


@pytest.mark.parametrize(
    ("logit", "polarity", "start"),
    [
        (
            3.0,
            Polarity.PRESENT,
            "Pleural effusion very likely, flagged",
        ),
        (
            0.0,
            Polarity.UNCERTAIN,
            "Pleural effusion possible, undecided",
        ),
        (
            -3.0,
            Polarity.ABSENT,
            "Pleural effusion unlikely, not flagged",
        ),
    ],
)
def test_two_limits_part_present_uncertain_and_absent(
    open_bank: OPEN, logit: float, polarity: Polarity, start: str
) -> None:
    _, outcome = classified(open_bank, [logit, 0.0])
    finding = outcome.evidence[0]
    assert (finding.code, finding.polarity) == ("pleural_effusion", polarity)
    assert finding.probability == pytest.approx(1 / (1 + np.exp(-logit)))
    assert finding.reading.startswith(start)
    assert finding.provenance.model == "findings"


def test_what_the_model_is_not_good_enough_at_is_no_finding_and_is_named(
    open_bank: OPEN,
) -> None:
    _, outcome = classified(open_bank, [0.0, 9.0])
    findings = [i.code for i in outcome.evidence if i.kind is EvidenceKind.FINDING]
    assert findings == ["pleural_effusion"]
    assert outcome.evidence[1].code == "not_judged"
    assert outcome.evidence[1].reading.endswith("not good enough at it: lung lesion.")


def test_nothing_is_said_of_what_is_left_out_where_nothing_is(open_bank: OPEN) -> None:
    card = model_card("findings", labels=(label_card("atelectasis"), label_card("consolidation")))
    _, outcome = classified(open_bank, card=card)
    assert [item.code for item in outcome.evidence] == ["atelectasis", "consolidation"]


def test_a_present_finding_keeps_its_map_and_the_map_its_score(open_bank: OPEN) -> None:
    bank, outcome = classified(open_bank, [3.0, 0.0])
    finding = outcome.evidence[0]
    picture = PillowImage.open(
        io.BytesIO(bank.artifact(finding.artifacts["saliency_pleural_effusion"]))
    )
    rows, columns = bank.toolbox.bench.study.images[0].shape
    assert picture.mode == "L"
    assert picture.width / picture.height == pytest.approx(columns / rows, rel=0.02)
    assert finding.details["saliency_score"] == 0  # this network says the same of every tile


def test_an_absent_finding_has_no_map(open_bank: OPEN) -> None:
    _, outcome = classified(open_bank, [-3.0, 0.0])
    assert outcome.evidence[0].artifacts == {}
    assert "saliency_score" not in outcome.evidence[0].details


@pytest.mark.parametrize(
    ("film", "reason"),
    [({"view": View.LATERAL}, "lateral_view"), ({"age_group": AgeGroup.PAEDIATRIC}, "paediatric")],
)
def test_it_abstains_where_it_was_not_made_for(
    open_bank: OPEN, film: dict[str, Any], reason: str
) -> None:
    _, outcome = classified(open_bank, **film)
    assert (outcome.status, outcome.codes) == ("abstained", (reason,))
    assert outcome.evidence[0].kind is EvidenceKind.LIMITATION


def test_a_picture_without_a_lung_is_not_classified(open_bank: OPEN) -> None:
    bank = open_bank(scene())
    outcome = bank.toolbox.run(ToolCall("classify_findings", {"film": "img-1"}))
    assert (outcome.status, outcome.codes) == ("abstained", ("mask_missing",))
