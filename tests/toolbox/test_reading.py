from __future__ import annotations

import pytest

from cxr_agent.errors import ConfigError
from cxr_agent.evidence import EvidenceKind, Observation, Polarity, Unit
from cxr_agent.toolbox.reading import reading_of
from tests.observations import PRESENT, UNCERTAIN, limitation, ratio, region, silhouette


@pytest.mark.parametrize(
    ("observation", "text"),
    [
        (ratio(0.4567), "Cardiothoracic ratio 0.46."),
        (
            ratio(0.4567, (0.4411, 0.4723)),
            "Cardiothoracic ratio 0.46 (90 % interval 0.44 to 0.47).",
        ),
        (region("left_lung"), "The left lung was outlined."),
        (
            limitation("cardiothoracic_ratio", "paediatric", "view_unknown"),
            "Cardiothoracic ratio could not be determined: the patient is a child and the rules "
            "for adults do not apply; neither the header nor a rule tells the projection.",
        ),
        (
            silhouette(UNCERTAIN, "unknown", 0.52, None),
            "Heart size is undecided: ratio 0.52; the limit is 0.50 for postero-anterior and 0.55 "
            "for antero-posterior films, and the projection is not known.",
        ),
    ],
)
def test_readings(observation: Observation, text: str) -> None:
    assert reading_of(observation) == text


@pytest.mark.parametrize(
    "observation",
    [
        Observation(kind=EvidenceKind.QUALITY, code="exposure", category="decimals"),
        Observation(kind=EvidenceKind.QUALITY, code="rotation", category="straight"),
        Observation(kind=EvidenceKind.FINDING, code="cardiomegaly", polarity=Polarity.ABSENT),
        Observation(kind=EvidenceKind.FINDING, code="pneumothorax", polarity=Polarity.PRESENT),
        Observation(kind=EvidenceKind.REGION, code="liver"),
        Observation(
            kind=EvidenceKind.FINDING,
            code="cardiomegaly",
            polarity=Polarity.PRESENT,
            category="pa",
            value=0.6,
            unit=Unit.RATIO,
        ),
        silhouette(PRESENT, "lateral", 0.6),
        limitation("liver", "lateral_view"),
        limitation("heart", "bored"),
        limitation("not_examined", "bored"),
    ],
)
def test_what_cannot_be_said_is_an_error_and_never_half_a_sentence(
    observation: Observation,
) -> None:
    with pytest.raises(ConfigError) as caught:
        reading_of(observation)
    assert caught.value.code == "no_sentence"
