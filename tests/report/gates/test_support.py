"""The evidence gate: what a rule writes passes, what is planted in it does not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.evidence import Evidence, EvidenceKind, Observation
from cxr_agent.knowledge import sentences
from cxr_agent.report.compose import compose, section_of, sentence_of
from cxr_agent.report.gates.fault import Fault
from cxr_agent.report.gates.support import fault_of
from cxr_agent.report.model import Sentence
from cxr_agent.toolbox.reading import reading_of
from tests.builders import Maker
from tests.observations import (
    ABSENT,
    BY_VARIANT,
    PRESENT,
    UNCERTAIN,
    everything,
    limitation,
    quality,
    ratio,
    region,
    silhouette,
    variants,
)

CTR = ratio(0.462, (0.4449, 0.4791))
ENLARGED = silhouette(PRESENT, "pa", 0.618)
NORMAL = silhouette(ABSENT, "pa", 0.431)
UNDECIDED = silhouette(UNCERTAIN, "pa", 0.494)
WIDTH = BY_VARIANT["cardiac_width", "in_patient"]
THORAX = BY_VARIANT["thoracic_width", "in_patient"].model_copy(update={"value": 312.0})
ROTATION = BY_VARIANT["rotation", "straight"]
WHOLE = quality("inclusion", "complete")
UNMEASURED = limitation("cardiothoracic_ratio", "paediatric")
UNEXAMINED = limitation("not_examined", "hila_and_mediastinum")
UNFINISHED = limitation("budget", "budget_steps")


def fault(text: str, *observations: Observation, image: str = "img-1") -> Fault | None:
    """The fault of a sentence that cites all of these observations."""
    make = Maker()
    evidence = [make(observation, image) for observation in observations]
    return judged(text, evidence)


def judged(text: str, evidence: list[Evidence]) -> Fault | None:
    known = {item.id: item for item in evidence}
    return fault_of(Sentence(text=text, evidence=tuple(known)), known)


def test_every_template_has_an_observation_that_leads_to_it() -> None:
    assert set(BY_VARIANT) == variants()


@pytest.mark.parametrize(("code", "variant"), sorted(BY_VARIANT))
def test_each_observation_leads_to_its_template(code: str, variant: str) -> None:
    template = sentences()[code].variants[variant]
    pattern = re.sub(r"\\\{\w+\\\}", r"\\S.*", re.escape(template))
    assert re.fullmatch(pattern, Maker()(BY_VARIANT[code, variant]).reading)


@pytest.mark.parametrize("image", ["img-1", "prior-1"])
@pytest.mark.parametrize("several", [False, True])
def test_no_sentence_that_a_rule_writes_is_rejected(image: str, several: bool) -> None:
    make = Maker()
    for observation in everything():
        item = make(observation, image)
        sentence = sentence_of(item, section_of(item), several=several)
        assert fault_of(sentence, {item.id: item}) is None, sentence.text


@pytest.mark.parametrize("image", ["img-1", "prior-1"])
def test_no_sentence_of_a_composed_report_is_rejected(image: str) -> None:
    make = Maker()
    evidence = [make(observation, image) for observation in everything()]
    of_films = [o for o in everything() if o.code != "not_examined"]  # said once of a run
    evidence += [make(observation, "img-2") for observation in of_films]
    known = {item.id: item for item in evidence}
    for _, sentence in compose(evidence):
        assert fault_of(sentence, known) is None, sentence.text


@given(value=st.floats(0.3, 0.95), half=st.floats(0, 0.1))
@settings(max_examples=60, deadline=None)
def test_no_number_makes_a_rules_sentence_fail(value: float, half: float) -> None:
    interval = (max(0.0, value - half), min(1.0, value + half))
    for observation in (
        ratio(value, interval),
        *(
            silhouette(polarity, view, value, half)
            for polarity in (PRESENT, ABSENT, UNCERTAIN)
            for view in ("pa", "ap", "unknown")
        ),
    ):
        assert fault(reading_of(observation), observation) is None


@given(data=st.data())
@settings(max_examples=250, deadline=None)
def test_any_changed_digit_of_a_rules_sentence_is_caught(data: st.DataObject) -> None:
    numeric = [o for o in BY_VARIANT.values() if re.search(r"\d", Maker()(o).reading)]
    observation = data.draw(st.sampled_from(numeric))
    text = Maker()(observation).reading
    places = [m.start() for m in re.finditer(r"(?<!prior-)\d", text)]
    if not places:
        return  # it numbers a film and nothing else: see the test of film names
    place = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != text[place]]))
    changed = text[:place] + digit + text[place + 1 :]
    assert fault(changed, observation) is Fault.NUMBER


@given(number=st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_a_free_sentence_may_only_give_the_measured_number(number: int) -> None:
    found = fault(f"The heart measures a ratio of 0.{number:02}.", CTR)
    # 0.44 and 0.48 are the ends of the interval.
    assert found is (None if number in (44, 46, 48) else Fault.NUMBER)


@pytest.mark.parametrize(
    ("text", "observations", "expected"),
    [
        # numbers
        ("Cardiothoracic ratio 0.47 (90 % interval 0.44 to 0.48).", (CTR,), Fault.NUMBER),
        ("Cardiothoracic ratio 0.44 (90 % interval 0.46 to 0.48).", (CTR,), Fault.NUMBER),
        ("Cardiothoracic ratio 0.46, limit 0.50.", (CTR,), Fault.NUMBER),
        ("Cardiothoracic ratio .91.", (CTR,), Fault.NUMBER),
        ("Cardiothoracic ratio0.91.", (CTR,), Fault.NUMBER),
        ("Cardiothoracic ratio 0,91.", (CTR,), Fault.NUMBER),
        ("Cardiothoracic ratio ½.", (CTR,), Fault.NUMBER),
        ("Cardiothoracic ratio ٠.٩١.", (CTR,), Fault.NUMBER),
        ("Cardiothoracic ratio of a half.", (CTR,), Fault.NUMBER),
        ("Cardiothoracic ratio 0.5.", (CTR,), Fault.NUMBER),
        ("Cardiothoracic ratio 0.", (CTR,), Fault.NUMBER),
        ("Enlarged cardiac silhouette: ratio 0.50, limit 0.50.", (ENLARGED,), Fault.NUMBER),
        ("Enlarged cardiac silhouette: ratio 0.62, limit 0.62.", (ENLARGED,), Fault.NUMBER),
        ("Cardiomegaly: the ratio is 0.62, above the limit of 0.55.", (ENLARGED,), Fault.NUMBER),
        ("The cardiac silhouette is twice enlarged.", (ENLARGED,), Fault.NUMBER),
        ("Cardiac diameter 312 mm, thoracic diameter 144 mm.", (WIDTH, THORAX), Fault.NUMBER),
        # units
        ("Cardiothoracic ratio 0.46 mm.", (CTR,), Fault.UNIT),
        ("Cardiothoracic ratio 0.46 %.", (CTR,), Fault.UNIT),
        ("Transverse cardiac diameter 144 cm.", (WIDTH,), Fault.UNIT),
        ("Transverse cardiac diameter 144 pixels.", (WIDTH,), Fault.UNIT),
        ("Transverse cardiac diameter 144.", (WIDTH,), Fault.UNIT),
        ("Transverse cardiac diameter 144 inches.", (WIDTH,), Fault.UNIT),
        # sides
        ("The left lung was outlined.", (region("right_lung"),), Fault.SIDE),
        ("Both lungs were outlined.", (region("right_lung"),), Fault.SIDE),
        ("Left-sided enlarged cardiac silhouette.", (ENLARGED,), Fault.SIDE),
        (
            "The heart lies on the left side of the thorax: a mirrored picture or dextrocardia; "
            "the picture was not turned.",
            (BY_VARIANT["heart_side", "right"],),
            Fault.SIDE,
        ),
        (
            "Cut off by the edge of the film: the left lateral border.",
            (quality("inclusion", "cut_off", reasons=("right_side_cut_off",)),),
            Fault.SIDE,
        ),
        # negation and doubt
        ("The cardiac silhouette is enlarged: ratio 0.43.", (NORMAL,), Fault.POLARITY),
        ("The heart is enlarged.", (NORMAL,), Fault.POLARITY),
        ("The cardiac silhouette is not enlarged.", (ENLARGED,), Fault.POLARITY),
        ("The cardiac silhouette isn’t enlarged.", (ENLARGED,), Fault.POLARITY),
        ("Possibly enlarged cardiac silhouette.", (ENLARGED,), Fault.CERTAINTY),
        ("Enlarged cardiac silhouette?", (ENLARGED,), Fault.POLARITY),
        ("Enlarged cardiac silhouette is unlikely.", (ENLARGED,), Fault.POLARITY),
        ("The cardiac silhouette is probably not enlarged.", (NORMAL,), Fault.CERTAINTY),
        ("Not without an enlarged cardiac silhouette.", (NORMAL,), Fault.POLARITY),
        ("Enlarged cardiac silhouette.", (UNDECIDED,), Fault.CERTAINTY),
        ("The cardiac silhouette is not enlarged.", (UNDECIDED,), Fault.CERTAINTY),
        ("Enlarged cardiac silhouette.", (ENLARGED, NORMAL), Fault.POLARITY),
        ("Enlarged cardiac silhouette.", (NORMAL, ENLARGED), Fault.POLARITY),
        ("The right lung was not outlined.", (region("right_lung"),), Fault.POLARITY),
        ("Possibly a cardiothoracic ratio of 0.46.", (CTR,), Fault.POLARITY),
        ("The heart is not seen.", (NORMAL,), Fault.TERM),
        ("The cardiac silhouette is not seen.", (NORMAL,), Fault.TERM),
        # unsupported findings
        ("No pneumothorax.", (CTR,), Fault.TERM),
        ("No pneumothorax.", (region("right_lung"),), Fault.TERM),
        ("No pneumothorax.", (limitation("not_examined", "pleura"),), Fault.TERM),
        ("The lungs are clear.", (region("right_lung"),), Fault.TERM),
        ("The heart is normal.", (NORMAL,), Fault.TERM),
        ("Normal mediastinum.", (NORMAL,), Fault.TERM),
        ("Normal cardiac silhouette.", (ENLARGED,), Fault.POLARITY),
        ("Cardiomegaly.", (CTR,), Fault.TERM),
        ("Cardiothoracic ratio 0.46 with pleural effusion.", (CTR,), Fault.TERM),
        ("Scoliosis.", (region("heart"),), Fault.TERM),
        ("Tuberculosis of the right lung.", (region("right_lung"),), Fault.TERM),
        ("The heart is enlarged.", (region("heart"),), Fault.TERM),
        ("Enlarged cardiac silhouette in the upper lobe.", (ENLARGED,), Fault.LOCATION),
        ("Enlarged cardiac silhouette; give furosemide.", (ENLARGED,), Fault.WORD),
        ("Enlarged cardiac silhouette, severe.", (ENLARGED,), Fault.SEVERITY),
        # comparison
        ("The cardiac silhouette is newly enlarged.", (ENLARGED,), Fault.CHANGE),
        ("New enlarged cardiac silhouette.", (ENLARGED,), Fault.CHANGE),
        ("Increased cardiac silhouette.", (ENLARGED,), Fault.CHANGE),
        ("Stable cardiothoracic ratio 0.46.", (CTR,), Fault.CHANGE),
        ("Cardiothoracic ratio 0.46, larger.", (CTR,), Fault.CHANGE),
        # quality
        (
            "Rotated: distances of the clavicles to the midline have the ratio 0.91 (limit 0.40).",
            (ROTATION,),
            Fault.POLARITY,
        ),
        ("Not rotated: the ratio is 0.40 (limit 0.91).", (ROTATION,), Fault.NUMBER),
        (
            "Antero-posterior projection, as the header says.",
            (quality("projection", "pa"),),
            Fault.TERM,
        ),
        ("Both lungs are not wholly on the film.", (WHOLE,), Fault.POLARITY),
        ("Exposure is poor.", (quality("exposure", "adequate"),), Fault.TERM),
        ("The grey values look inverted.", (quality("exposure", "adequate"),), Fault.TERM),
        # what is not known
        ("Cardiothoracic ratio is seen.", (UNMEASURED,), Fault.TERM),
        (f"Pneumonia. {reading_of(UNFINISHED)}", (UNFINISHED,), Fault.TERM),
        ("Hila and mediastinum are seen.", (UNEXAMINED,), Fault.WORD),
        (
            "Nothing else was examined: what was not is named under Findings.",
            (CTR,),
            Fault.POLARITY,
        ),
        # films
        ("On img-2: cardiothoracic ratio 0.46.", (CTR,), Fault.FILM),
        ("Cardiothoracic ratio 0.46 (img-2).", (CTR,), Fault.FILM),
        ("Cardiothoracic ratio 0.46 on IMG-2; img-1.", (CTR,), Fault.FILM),
        ("On prior-1: cardiothoracic ratio 0.46.", (CTR,), Fault.FILM),
    ],
)  # fmt: skip
def test_planted_errors_are_caught(
    text: str, observations: tuple[Observation, ...], expected: Fault
) -> None:
    assert fault(text, *observations) is expected


@pytest.mark.parametrize(
    ("text", "observations"),
    [
        ("The cardiothoracic ratio is 0.46.", (CTR,)),
        ("The heart is not enlarged, with a cardiothoracic ratio of 0.46.", (CTR, NORMAL)),
        ("Cardiomegaly: the ratio is 0.62, above the limit of 0.50.", (ENLARGED,)),
        ("The heart measures 231 px from border to border on img-1.", (CTR,)),
        ("The ratio of 0.462 has a 90 % interval from 0.44 to 0.48.", (CTR,)),
        ("The transverse cardiac diameter is about 144 mm.", (WIDTH,)),
        ("The transverse cardiac diameter is 143.6 mm.", (WIDTH,)),
        ("Cardiac diameter 144 mm, thoracic diameter 312 mm.", (WIDTH, THORAX)),
        ("Heart size is possibly above the limit of 0.50.", (UNDECIDED,)),
        ("The right lung and the heart are outlined.", (region("right_lung"), region("heart"))),
        ("Both lungs are outlined.", (region("right_lung"), region("left_lung"))),
        ("Not rotated.", (ROTATION,)),
        ("Normal cardiac silhouette.", (NORMAL,)),
        ("Heart size is normal.", (NORMAL,)),
    ],
)
def test_plain_rewordings_pass(text: str, observations: tuple[Observation, ...]) -> None:
    assert fault(text, *observations) is None


def test_unknown_and_missing_evidence(make: Maker) -> None:
    item = make(CTR)
    text = item.reading
    assert (
        fault_of(Sentence(text=text, evidence=("e9",)), {item.id: item}) is Fault.UNKNOWN_EVIDENCE
    )
    assert (
        fault_of(Sentence(text=text, evidence=(item.id, "e9")), {item.id: item})
        is Fault.UNKNOWN_EVIDENCE
    )
    bare = Sentence.model_construct(text=text, evidence=(), heading=None)
    assert fault_of(bare, {item.id: item}) is Fault.NO_EVIDENCE


def test_a_prior_must_be_named(make: Maker) -> None:
    item = make(CTR, "prior-1")
    assert judged(item.reading, [item]) is Fault.FILM
    assert judged(f"On prior-1: {item.reading[0].lower()}{item.reading[1:]}", [item]) is None


@pytest.mark.parametrize("where", ["", "On img-1: ", "On img-1 and img-2: "])
def test_a_sentence_speaks_of_one_film(make: Maker, where: str) -> None:
    pair = [make(CTR, "img-1"), make(CTR, "img-2")]
    assert judged(f"{where}cardiothoracic ratio 0.46.", pair) is Fault.FILM


@pytest.mark.parametrize("kind", [EvidenceKind.NEIGHBOUR, EvidenceKind.TEXT, EvidenceKind.REGION])
def test_a_similar_case_or_a_text_proves_no_finding(make: Maker, kind: EvidenceKind) -> None:
    item = make(ENLARGED).model_copy(update={"kind": kind, "polarity": None})
    assert judged("Enlarged cardiac silhouette.", [item]) is Fault.TERM


def test_comparison_evidence_supports_comparison_words(make: Maker) -> None:
    item = make(ENLARGED).model_copy(
        update={
            "kind": EvidenceKind.COMPARISON,
            "reading": "Increased cardiac silhouette.",
            "against": "prior-1",
        }
    )
    assert judged("Increased cardiac silhouette.", [item]) is None


def test_what_is_not_known_is_not_called_known() -> None:
    evidence = [
        Maker()(quality("projection", "unknown", reasons=("view_unknown",)), "img-1"),
    ]
    (item,) = evidence
    assert "is not known" in item.reading
    assert judged(item.reading, evidence) is None
    assert judged(item.reading.replace("is not known", "is known"), evidence) is Fault.POLARITY
    undecided = [Maker()(silhouette(UNCERTAIN, "unknown", 0.52), "img-1")]
    told = undecided[0].reading
    assert "not known" in told
    assert judged(told.replace("not known", "known"), undecided) is Fault.POLARITY
