"""Dictated requests: slots that were named are filled, the others are asked for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.errors import UsageError
from cxr_agent.knowledge.dictation import dictation_lexicon
from cxr_agent.questions.dictation import MOST_CHARACTERS, dictated
from cxr_agent.study import View


def test_everything_in_one_breath() -> None:
    request = dictated(
        "Stat portable AP chest x-ray, short of breath, rule out pneumothorax on the left, "
        "compare with yesterday's film."
    )
    assert request.model_dump(exclude={"schema_version"}) == {
        "examination": "chest_radiograph",
        "views": (View.AP,),
        "portable": True,
        "priority": "stat",
        "comparison": True,
        "indication": "short of breath, rule out pneumothorax on the left",
        "asked": ("pneumothorax",),
        "also_asked": (),
        "side": "left",
    }
    assert request.questions() == ()


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("chest pa and lateral", "views", (View.PA, View.LATERAL)),
        ("CXR two views", "views", (View.PA, View.LATERAL)),
        ("chest x-ray, no lateral, PA only", "views", (View.PA,)),
        ("cxr, not urgent", "priority", "routine"),
        ("cxr, routine, no, make it stat", "priority", "stat"),
        ("chest film because of suspected aspergilloma", "indication", "suspected aspergilloma"),
        ("cxr with lateral", "indication", ""),
        ("cxr for comparison", "indication", ""),
        ("chest film. Indication: fall, rib fracture?", "asked", ("fracture",)),
        ("chest film in the department", "portable", False),
        ("urgent", "examination", None),
    ],
)
def test_each_slot(text: str, field: str, value: object) -> None:
    assert getattr(dictated(text), field) == value


def test_what_is_missing_is_asked_for_until_nothing_is() -> None:
    text = "chest x-ray"
    answers = {"views": "PA and lateral", "priority": "routine", "indication": "cough for weeks"}
    for _ in range(len(answers)):
        request = dictated(text)
        assert len(request.questions()) == len(request.missing)
        text = f"{text}. {answers[request.missing[0]]}"
    done = dictated(text)
    assert done.questions() == ()
    assert (done.priority, done.indication) == ("routine", "cough for weeks")


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "nothing_said"), ("?!", "nothing_said"), ("a" * 2001, "dictation_too_long")],
)
def test_what_is_no_dictation_is_refused(text: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        dictated(text)
    assert caught.value.code == code


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_nothing_is_made_up(text: str) -> None:
    try:
        request = dictated(text)
    except UsageError:
        return
    assert len(request.indication) <= 3 * MOST_CHARACTERS
    for word in request.indication.split():
        assert word.strip(" ,:-?!") in text
    lexicon = dictation_lexicon()
    assert request.priority is None or request.priority in lexicon.priority
