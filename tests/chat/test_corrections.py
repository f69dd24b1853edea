"""A reader puts something right: what depended on it is done again, and the trace says why."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cxr_agent.chat import Chat
from cxr_agent.chat.corrections import (
    Correction,
    correct_finding,
    correct_landmark,
    correct_mask,
    leave_out,
    redo,
)
from cxr_agent.errors import UsageError
from cxr_agent.evidence import Change, Evidence, EvidenceKind, Polarity, Side
from cxr_agent.report.draft import Draft
from cxr_agent.report.gates.coverage import left_out
from cxr_agent.report.gates.support import fault_of
from cxr_agent.trace import Corrected, ReportIssued, ToolCalled, Withdrawn, read_trace, verify
from tests.builders import scene
from tests.chat.conftest import BIG, SMALL, OpenChat

WHO = {"who": "Dr A. Reader", "why": "the border is seen behind the hilum"}


def sound(chat: Chat, done: Correction) -> None:
    """The new report says what counts now, and nothing else."""
    report = done.report
    known = {item.id: item for item in report.evidence}
    assert set(known) == {item.id for item in chat.run.evidence}
    assert not set(done.withdrawn) & set(known)
    assert [s.text for s in report.sentences() if fault_of(s, known)] == []
    names = ("answer", "technique", "comparison", "findings", "impression", "limitations")
    draft = Draft(**{name: getattr(report, name) for name in names})
    assert left_out(draft, report.evidence) == []
    trace = read_trace(chat.run.trace.directory)
    assert verify(trace).intact
    assert isinstance(trace.events[-1], ReportIssued)
    gone = {i for e in trace.events if isinstance(e, Withdrawn) for i in e.evidence}
    assert set(done.withdrawn) <= gone


def ratio(chat: Chat) -> float:
    (item,) = [i for i in chat.run.evidence if i.code == "cardiothoracic_ratio"]
    assert item.value is not None
    return item.value


def narrower(chat: Chat, structure: str = "heart", film: str = "img-1") -> np.ndarray:
    mask = chat.run.bench.mask(film, structure)
    assert mask is not None
    plane = mask.plane.copy()
    columns = np.flatnonzero(plane.any(axis=0))
    plane[:, columns[len(columns) * 2 // 3] :] = False
    return plane


def test_a_mask_changes_what_was_measured_on_it(open_chat: OpenChat) -> None:
    chat = open_chat()
    before = ratio(chat)
    plane = narrower(chat)
    done = correct_mask(chat.run, "img-1", "heart", plane, **WHO)
    sound(chat, done)
    assert ratio(chat) < 0.75 * before
    assert "measure_ctr" in done.repeated
    assert "classify_findings" not in done.repeated
    assert "Outlined by the reader in place of the model: heart." in [
        s.text for s in done.report.sentences()
    ]
    region = next(i for i in done.added if i.kind is EvidenceKind.REGION)
    assert (region.provenance.tool, region.code) == ("reader", "heart")
    (event,) = [e for e in read_trace(chat.run.trace.directory).events if isinstance(e, Corrected)]
    assert (event.kind, event.target, event.who) == ("mask", "heart", "Dr A. Reader")
    assert event.why == "the border is seen behind the hilum"
    assert read_trace(chat.run.trace.directory).artifact(event.artifacts["heart"])


def test_the_heart_is_then_not_enlarged(open_chat: OpenChat) -> None:
    chat = open_chat()
    assert chat.ask("is the heart enlarged?").sentences[0].text.startswith("Enlarged")
    correct_mask(chat.run, "img-1", "heart", narrower(chat), **WHO)
    told = [s.text for s in chat.ask("is the heart enlarged?").sentences]
    assert not any(text.startswith("Enlarged") for text in told)


def test_a_tool_does_not_draw_over_a_reader(open_chat: OpenChat) -> None:
    chat = open_chat()
    plane = narrower(chat)
    correct_mask(chat.run, "img-1", "heart", plane, **WHO)
    after = ratio(chat)
    done = redo(chat.run, "segment_anatomy", "img-1")
    sound(chat, done)
    assert ratio(chat) == after
    kept = chat.run.bench.mask("img-1", "heart")
    assert kept is not None
    assert (kept.plane == plane).all()


def test_what_was_never_run_is_not_run(open_chat: OpenChat) -> None:
    chat = open_chat()
    done = correct_mask(chat.run, "img-1", "right_lung", narrower(chat, "right_lung"), **WHO)
    assert "measure_costophrenic_angles" not in done.repeated
    assert "measure_lungs" not in done.repeated


def test_other_films_are_left_alone(open_chat: OpenChat) -> None:
    chat = open_chat(scene(BIG, priors=[SMALL]))
    prior = [i for i in chat.run.evidence if i.image == "prior-1"]
    before = [i for i in prior if i.provenance.tool != "protocol"]
    done = correct_mask(chat.run, "img-1", "heart", narrower(chat), **WHO)
    sound(chat, done)
    assert [i for i in chat.run.evidence if i in before] == before


def changes(chat: Chat, code: str, against: str = "prior-1") -> list[Evidence]:
    return [i for i in chat.run.evidence if i.code == code and i.against == against]


@pytest.mark.parametrize("film", ["img-1", "prior-1"])
def test_a_mask_of_either_film_changes_what_was_compared(open_chat: OpenChat, film: str) -> None:
    chat = open_chat(scene(BIG, priors=[BIG, BIG]))
    (before,) = changes(chat, "cardiothoracic_ratio")
    (other,) = changes(chat, "cardiothoracic_ratio", "prior-2")
    assert (before.value, before.category) == (0, Change.NO_CHANGE)
    done = correct_mask(chat.run, film, "heart", narrower(chat, film=film), **WHO)
    sound(chat, done)
    assert "compare_with_prior" in done.repeated
    assert before.id in done.withdrawn
    (now,) = changes(chat, "cardiothoracic_ratio")
    smaller = film == "img-1"
    assert now.category == (Change.IMPROVED if smaller else Change.WORSENED)
    said = [s.text for s in done.report.comparison]
    word = "smaller" if smaller else "larger"
    assert any(t.startswith(f"Cardiothoracic ratio {word} against prior-1") for t in said)
    # What was compared with the other prior looked at the current film's mask alone.
    (kept,) = changes(chat, "cardiothoracic_ratio", "prior-2")
    assert (kept.id == other.id) is (film == "prior-1")
    assert kept.category == (Change.IMPROVED if smaller else Change.NO_CHANGE)


def test_a_landmark_of_a_prior_changes_what_was_compared(open_chat: OpenChat) -> None:
    chat = open_chat(scene(BIG, priors=[BIG]))
    heart = chat.run.bench.mask("prior-1", "heart")
    assert heart is not None
    left = float(np.flatnonzero(heart.plane.any(axis=0))[-1] + 1)
    done = correct_landmark(chat.run, "prior-1", "ctr.heart_left", (left - 20, 80), **WHO)
    sound(chat, done)
    assert set(done.repeated) == {"measure_ctr", "compare_with_prior"}
    (now,) = changes(chat, "cardiothoracic_ratio")
    assert now.category == Change.WORSENED


@pytest.mark.parametrize("film", ["img-1", "prior-1"])
def test_a_finding_of_either_film_withdraws_what_was_compared(
    open_chat: OpenChat, film: str
) -> None:
    made = scene(SMALL, priors=[SMALL])
    made.shelf.networks["findings"].outputs["logits"] = [3.0, 0.0]
    chat = open_chat(made)
    (before,) = changes(chat, "pleural_effusion")
    assert before.category == Change.NO_CHANGE
    done = correct_finding(chat.run, film, "pleural_effusion", Polarity.ABSENT, **WHO)
    sound(chat, done)
    assert before.id in done.withdrawn
    assert changes(chat, "pleural_effusion") == []
    assert changes(chat, "cardiothoracic_ratio")


def test_a_landmark_changes_what_is_made_of_it(open_chat: OpenChat) -> None:
    chat = open_chat()
    before = ratio(chat)
    item = next(i for i in chat.run.evidence if i.code == "cardiothoracic_ratio")
    x = item.details["cardiac_width_px"]
    heart = chat.run.bench.mask("img-1", "heart")
    assert heart is not None
    left = float(np.flatnonzero(heart.plane.any(axis=0))[-1] + 1)
    done = correct_landmark(chat.run, "img-1", "ctr.heart_left", (left - x / 4, 80), **WHO)
    sound(chat, done)
    assert ratio(chat) == pytest.approx(0.75 * before)
    assert done.repeated == ("measure_ctr",)
    text = "A landmark was placed by the reader in place of the program, for: cardiothoracic ratio."
    assert text in [s.text for s in done.report.sentences()]


@pytest.mark.parametrize("polarity", list(Polarity))
@pytest.mark.parametrize("side", [None, Side.LEFT])
def test_a_finding_stands_in_place_of_the_tools(
    open_chat: OpenChat, polarity: Polarity, side: Side | None
) -> None:
    chat = open_chat()
    done = correct_finding(chat.run, "img-1", "pleural_effusion", polarity, side=side, **WHO)
    sound(chat, done)
    said = [i for i in chat.run.evidence if i.code == "pleural_effusion"]
    assert [(i.polarity, i.side, i.provenance.tool) for i in said] == [(polarity, side, "reader")]
    assert done.report.status == "complete"
    answer = chat.ask("is there an effusion?")
    assert answer.sentences[0].text.endswith("as the reader put it.")


def test_a_critical_finding_of_a_reader_comes_first(open_chat: OpenChat) -> None:
    chat = open_chat()
    done = correct_finding(chat.run, "img-1", "pneumothorax", Polarity.PRESENT, **WHO)
    sound(chat, done)
    assert done.report.impression[0].text.startswith("Pneumothorax, as the reader put it")


def test_a_tool_that_is_left_out_says_nothing(open_chat: OpenChat) -> None:
    chat = open_chat()
    done = leave_out(chat.run, "classify_findings")
    sound(chat, done)
    assert not any(i.provenance.tool == "classify_findings" for i in chat.run.evidence)
    assert any("Not examined" in s.text for s in done.report.sentences())


def test_a_tool_run_again_says_the_same(open_chat: OpenChat) -> None:
    chat = open_chat()
    before = ratio(chat)
    done = redo(chat.run, "measure_ctr", "img-1")
    sound(chat, done)
    assert ratio(chat) == before
    events = read_trace(chat.run.trace.directory).events
    calls = [event.tool for event in events if isinstance(event, ToolCalled)]
    assert calls.count("measure_ctr") == 2


WRONG: list[tuple[str, Callable[[Chat], object]]] = [
    ("unknown_film", lambda c: correct_mask(c.run, "img-9", "heart", narrower(c), **WHO)),
    ("unknown_structure", lambda c: correct_mask(c.run, "img-1", "liver", narrower(c), **WHO)),
    ("mask_size", lambda c: correct_mask(c.run, "img-1", "heart", np.ones((3, 3), bool), **WHO)),
    ("empty_mask", lambda c: correct_mask(c.run, "img-1", "heart", narrower(c) & False, **WHO)),
    (
        "no_reason",
        lambda c: correct_mask(c.run, "img-1", "heart", narrower(c), who="me", why="  "),
    ),
    ("unknown_landmark", lambda c: correct_landmark(c.run, "img-1", "nose", (1, 1), **WHO)),
    (
        "outside_film",
        lambda c: correct_landmark(c.run, "img-1", "ctr.heart_left", (9999, 1), **WHO),
    ),
    (
        "unknown_finding",
        lambda c: correct_finding(c.run, "img-1", "heart", Polarity.PRESENT, **WHO),
    ),
    ("unknown_tool", lambda c: redo(c.run, "rm", "img-1")),
    ("not_run", lambda c: leave_out(c.run, "measure_tube_tip")),
]


@pytest.mark.parametrize(("code", "act"), WRONG, ids=[one[0] for one in WRONG])
def test_a_wrong_correction_changes_nothing(
    open_chat: OpenChat, code: str, act: Callable[[Chat], object]
) -> None:
    chat = open_chat()
    before = (chat.run.evidence, chat.report)
    with pytest.raises(UsageError) as caught:
        act(chat)
    assert caught.value.code == code
    assert (chat.run.evidence, chat.report) == before
    events = read_trace(chat.run.trace.directory).events
    assert not any(isinstance(event, Corrected) for event in events)


def test_a_conflict_with_the_reader_is_said(open_chat: OpenChat) -> None:
    chat = open_chat()
    correct_finding(chat.run, "img-1", "cardiomegaly", Polarity.ABSENT, **WHO)
    done = redo(chat.run, "measure_ctr", "img-1")
    sound(chat, done)
    start = "The tools and the reader disagree on enlarged cardiac silhouette"
    assert any(s.text.startswith(start) for s in done.report.sentences())
