"""Questions are answered from evidence and tools, by rule or in a model's words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cxr_agent.chat import Answer, Chat
from cxr_agent.planning.privacy import Privacy
from cxr_agent.report.gates.support import fault_of
from cxr_agent.report.model import Sentence
from cxr_agent.study import PixelSpacing, SpacingKind
from cxr_agent.testing.stub_server import Reply
from cxr_agent.trace import Answered, Asked, ModelCalled, ToolCalled, read_trace, verify
from tests.builders import scene
from tests.chat.conftest import BIG, FINISH, SMALL, OpenChat

MODEL = Callable[..., Chat]


def texts(answer: Answer) -> list[str]:
    return [sentence.text for sentence in answer.sentences]


def sound(chat: Chat, answer: Answer) -> None:
    known = {item.id: item for item in chat.run.evidence}
    assert [s.text for s in answer.sentences if fault_of(s, known)] == []
    assert all(i in answer.steps for s in answer.sentences for i in s.evidence)


def test_is_it_there(open_chat: OpenChat) -> None:
    chat = open_chat()
    answer = chat.ask("Is the heart enlarged?")
    sound(chat, answer)
    assert answer.sentences[0].text.startswith("Enlarged cardiac silhouette: ratio 0.60")


def test_is_it_there_when_it_is_not(open_chat: OpenChat) -> None:
    answer = open_chat(scene(SMALL)).ask("cardiomegaly?")
    assert any(text.startswith("The cardiac silhouette is not enlarged") for text in texts(answer))


def test_what_the_classifier_is_too_weak_for_is_said(open_chat: OpenChat) -> None:
    chat = open_chat()
    answer = chat.ask("any nodule?")
    assert texts(answer) == [
        "Lung lesion could not be determined: the findings classifier is not good enough at it."
    ]
    sound(chat, answer)


def test_what_nothing_looks_for_is_said(open_chat: OpenChat) -> None:
    chat = open_chat()
    answer = chat.ask("is there a pneumoperitoneum or a hiatal hernia?")
    assert texts(answer) == [
        "Pneumoperitoneum could not be determined: no tool of this run looks for it.",
        "Asked for, and nothing that this program looks for: hiatal hernia.",
    ]
    sound(chat, answer)


def test_how_large(open_chat: OpenChat) -> None:
    chat = open_chat()
    assert texts(chat.ask("what is the CTR?"))[0].startswith("Cardiothoracic ratio 0.60")
    (text,) = texts(chat.ask("how wide is the heart in mm"))
    assert text == (
        "Transverse cardiac diameter could not be determined: the film has no pixel spacing, so "
        "lengths are not known."
    )


def test_everything_that_was_measured(open_chat: OpenChat) -> None:
    chat = open_chat()
    answer = chat.ask("give me all measurements")
    sound(chat, answer)
    assert any(text.startswith("Cardiothoracic ratio") for text in texts(answer))
    assert all("On prior" not in text for text in texts(answer))


def test_how_large_in_millimetres(open_chat: OpenChat) -> None:
    spacing = PixelSpacing(2.5, 2.5, SpacingKind.CALIBRATED)
    answer = open_chat(scene(BIG, spacing=spacing)).ask("how wide is the heart?")
    assert texts(answer)[0].startswith("Transverse cardiac diameter ")
    assert texts(answer)[0].endswith(" mm.")


def test_a_measurement_that_was_not_made_is_made_now(open_chat: OpenChat) -> None:
    chat = open_chat(scene(BIG, size=256))
    before = [
        e.tool for e in read_trace(chat.run.trace.directory).events if isinstance(e, ToolCalled)
    ]
    answer = chat.ask("how big is the costophrenic angle on the right?")
    after = [
        e.tool for e in read_trace(chat.run.trace.directory).events if isinstance(e, ToolCalled)
    ]
    assert after == [*before, "measure_costophrenic_angles"]
    sound(chat, answer)
    assert all("left" not in text for text in texts(answer))
    chat.ask("and on the left?")
    again = [e for e in read_trace(chat.run.trace.directory).events if isinstance(e, ToolCalled)]
    assert len(again) == len(after)


def test_why_tells_where_it_comes_from(open_chat: OpenChat) -> None:
    chat = open_chat()
    chat.ask("is the heart enlarged?")
    answer = chat.ask("why?")
    assert answer.explained
    assert all(chat.evidence(identity) is not None for identity in answer.explained)
    sound(chat, answer)


def test_why_by_id_and_by_step(open_chat: OpenChat) -> None:
    chat = open_chat()
    ctr = next(i for i in chat.run.evidence if i.code == "cardiothoracic_ratio")
    assert chat.ask(f"explain {ctr.id}").explained == (ctr.id,)
    assert ctr.id in chat.ask(f"why s{ctr.provenance.step}?").explained


def test_show_draws_on_the_film(open_chat: OpenChat) -> None:
    chat = open_chat()
    answer = chat.ask("show me the heart")
    (picture,) = answer.pictures
    with Image.open(picture) as image:
        assert image.mode == "RGB"
        colours = image.getcolors(1 << 24)
    assert colours is not None
    assert any(r != g for _, (r, g, _) in colours)  # type: ignore[misc]
    assert verify(read_trace(chat.run.trace.directory)).intact


def test_compare_tells_both_and_what_changed(open_chat: OpenChat) -> None:
    chat = open_chat(scene(BIG, priors=[SMALL]))
    answer = chat.ask("has the heart grown since the last film?")
    sound(chat, answer)
    said = " ".join(texts(answer))
    assert "Enlarged cardiac silhouette: ratio 0.60" in said
    assert "On prior-1: the cardiac silhouette is not enlarged: ratio 0.4" in said
    assert "Cardiothoracic ratio larger against prior-1: 0.4" in said


def test_compare_without_a_prior(open_chat: OpenChat) -> None:
    answer = open_chat().ask("compare with the prior")
    assert texts(answer) == ["No comparison: no prior film was given."]


def test_similar_cases_need_a_store(open_chat: OpenChat) -> None:
    answer = open_chat().ask("similar cases?")
    assert texts(answer) == ["Similar films were not looked for: no store of films was given."]


def test_summary_is_the_impression(open_chat: OpenChat) -> None:
    chat = open_chat()
    assert texts(chat.ask("what do you see?")) == [s.text for s in chat.report.impression]


def test_quality(open_chat: OpenChat) -> None:
    chat = open_chat()
    answer = chat.ask("is the film rotated?")
    sound(chat, answer)
    assert texts(answer)[0].startswith("Not rotated")


@pytest.mark.parametrize("text", ["write a poem", "", "?", "\x00\ud800", "§" * 10_000, "what dose"])
def test_what_is_not_understood_is_said(open_chat: OpenChat, text: str) -> None:
    answer = open_chat().ask(text)
    assert not answer.understood
    assert answer.sentences == ()
    assert answer.notes[0].text.startswith("I did not understand that. I can say")


def test_questions_and_answers_are_in_the_trace(open_chat: OpenChat) -> None:
    chat = open_chat()
    chat.ask("Is the heart of Jane Doe enlarged?")
    events = read_trace(chat.run.trace.directory).events
    (asked,) = [e for e in events if isinstance(e, Asked)]
    (answered,) = [e for e in events if isinstance(e, Answered)]
    assert asked.text == "Is the heart of [hidden] [hidden] enlarged?"
    assert (asked.intent, asked.subjects) == ("presence", ("cardiomegaly",))
    assert answered.worded_by == "rule"
    assert answered.sentences[0]["evidence"]


@pytest.mark.parametrize(
    ("privacy", "kept"), [(Privacy.FULL, "Is Jane ok? heart size"), (Privacy.NONE, None)]
)
def test_privacy_decides_what_the_trace_keeps(
    open_chat: OpenChat, privacy: Privacy, kept: str | None
) -> None:
    chat = open_chat(privacy=privacy)
    chat.ask("Is Jane ok? heart size")
    events = read_trace(chat.run.trace.directory).events
    assert [e.text for e in events if isinstance(e, Asked)] == [kept]


def test_an_interrupted_turn_keeps_what_was_found(
    open_chat: OpenChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = open_chat(scene(BIG, size=256))
    before = len(chat.run.evidence)

    def interrupt(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("cxr_agent.chat.by_rule.ByRule._stated", interrupt)
    with pytest.raises(KeyboardInterrupt):
        chat.ask("how big is the costophrenic angle?")
    monkeypatch.undo()
    assert len(chat.run.evidence) > before
    answer = chat.ask("how big is the costophrenic angle?")
    sound(chat, answer)
    trace = read_trace(chat.run.trace.directory)
    assert [e.worded_by for e in trace.events if isinstance(e, Answered)] == ["interrupted", "rule"]
    assert verify(trace).intact


def cardiomegaly(chat: Chat) -> str:
    return next(
        i.id
        for i in chat.run.evidence
        if i.code == "cardiomegaly" and i.provenance.tool == "measure_ctr"
    )


MEASURE = Reply.calls([("measure_ctr", {"film": "img-1"})])


def test_a_model_looks_further_and_words_the_answer(with_model: MODEL) -> None:
    heard: list[Sentence] = []
    probe = with_model([MEASURE, FINISH, Reply.said("NOT KNOWN")])
    probe.ask("is the heart enlarged?")
    identity = cardiomegaly(probe)
    lines = (
        f"The cardiac silhouette is enlarged, ratio 0.60. [{identity}]",
        f"It is pneumonia. [{identity}]",
        "No claim.",
    )
    said = "\n".join(lines)
    chat = with_model([MEASURE, FINISH, Reply.said(said)])
    answer = chat.ask("Is the heart of Jane Doe enlarged?", heard.append)
    assert texts(answer) == ["The cardiac silhouette is enlarged, ratio 0.60."]
    assert [s.text for s in heard] == texts(answer)
    assert (answer.worded_by, answer.unsupported) == ("openai/stub", 2)
    sound(chat, answer)
    sent = "".join(r.raw.decode() for r in chat.requests)  # type: ignore[attr-defined]
    assert "Jane" not in sent
    assert "Doe" not in sent
    assert "Is the heart of [hidden] [hidden] enlarged?" in sent
    assert answer.tokens == 360
    purposes = [
        e.purpose for e in read_trace(chat.run.trace.directory).events if isinstance(e, ModelCalled)
    ]
    assert purposes == ["plan", "word", "plan", "plan", "answer"]


@pytest.mark.parametrize(
    "script",
    [
        [Reply.error(401)],
        [FINISH, Reply.error(500)],
        [FINISH, Reply.said("NOT KNOWN")],
        [FINISH, Reply.said("The heart is fine. No need to worry!")],
        [Reply.calls([("rm", {})])],
    ],
    ids=["key", "server", "not known", "no evidence", "derailed"],
)
def test_a_model_of_no_use_leaves_it_to_the_rules(with_model: MODEL, script: list[Reply]) -> None:
    chat = with_model([MEASURE, FINISH, Reply.said("NOT KNOWN"), *script])
    chat.ask("ctr")
    answer = chat.ask("what is the CTR?")
    assert answer.worded_by == "rule"
    assert texts(answer)[0].startswith("Cardiothoracic ratio 0.60")
    assert answer.notes[0].code == "answered_by_rule"


def test_why_and_show_never_ask_a_model(with_model: MODEL) -> None:
    chat = with_model([Reply.error(500)])
    asked = len(chat.requests)  # type: ignore[attr-defined]
    chat.ask("show me the heart")
    chat.ask("why do you say that?")
    assert len(chat.requests) == asked  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("allowed", "able", "pictures"), [(True, True, 1), (True, False, 0), (False, True, 0)]
)
def test_pictures_leave_only_when_allowed_to_a_model_that_takes_them(
    with_model: MODEL, allowed: bool, able: bool, pictures: int
) -> None:
    chat = with_model([FINISH, Reply.said("NOT KNOWN")], send_images=allowed, takes_images=able)
    first = chat.requests[0]  # type: ignore[attr-defined]
    assert first.raw.decode().count("data:image/png;base64,") == pictures
    events = read_trace(chat.run.trace.directory).events
    asked = next(e for e in events if isinstance(e, ModelCalled))
    assert asked.images == pictures
    assert asked.sent is not None
    assert b"base64" not in read_trace(chat.run.trace.directory).artifact(asked.sent)


def test_overlays_of_nothing(open_chat: OpenChat, tmp_path: Path) -> None:
    assert open_chat().overlays(("e999",)) == ()
