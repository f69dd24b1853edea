"""Two runs compared by meaning."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.trace import EvidenceAdded, Trace, Withdrawn, read_trace
from cxr_agent.trace.align import close
from cxr_agent.trace.diff import LEFT_OUT, Difference, How, TraceDiff, diff
from cxr_agent.trace.outline import Part, bare
from cxr_agent.trace.render_diff import diff_record, diff_text
from cxr_agent.trace.render_diff_html import diff_html

from .example import RUN_ID
from .golden import VERSION_1, VERSION_2
from .runs import Did, run_of, trace_of
from .strategies import events
from .test_render import HOSTILE, is_plain

STEPS = (Did("view", codes=("upright",)), Did("ctr"), Did("gap", codes=("wide", "narrow")))
SENTENCES = ("The heart has a ratio of 0.46.", "No effusion.", "No wide mediastinum.")

done = st.builds(
    Did,
    tool=st.sampled_from(["view", "ctr", "gap"]),
    film=st.sampled_from(["img-1", "img-2"]),
    level=st.sampled_from([0.9, 0.95]),
    value=st.sampled_from([0.25, 0.5]),
    codes=st.lists(st.sampled_from(["a", "b"]), max_size=2).map(tuple),
    outcome=st.sampled_from(["ok", "failed"]),
)
runs = st.lists(done, max_size=7)
sentences = st.lists(
    st.sampled_from(["One two 1.", "One two 2.", "Three four five.", "Three four six.", "Heart."]),
    max_size=6,
)


def names(found: TraceDiff, part: Part) -> list[tuple[How, str]]:
    return [(one.how, one.name) for one in found.of(part)]


def mirrored(one: Difference) -> tuple[object, ...]:
    """Everything about a difference but its name, seen from the other run."""
    turned = {How.ONLY_A: How.ONLY_B, How.ONLY_B: How.ONLY_A}
    changes = [(c.field, c.b, c.a) for c in one.changes]
    return one.part, turned.get(one.how, one.how), one.b, one.a, json.dumps(changes), one.gave


def plain(one: Difference) -> tuple[object, ...]:
    changes = [(c.field, c.a, c.b) for c in one.changes]
    return one.part, one.how, one.a, one.b, json.dumps(changes), one.gave


def test_ids_times_and_numbers_are_no_difference() -> None:
    a = run_of(STEPS, SENTENCES)
    b = run_of(STEPS, [f"{text} [e4, e5]" for text in SENTENCES], run_id="other", first=40)
    found = diff(a, b)
    assert found.differences == ()
    assert found.same[Part.STEPS] == 3
    assert found.same[Part.EVIDENCE] == 4
    assert found.same[Part.SENTENCES] == found.same[Part.VERDICTS] == 3


def test_an_inserted_step_is_one_difference() -> None:
    extra = Did("nodule", codes=("nodule",))
    found = diff(run_of(STEPS), run_of((*STEPS[:1], extra, *STEPS[1:])))
    (one,) = found.differences
    assert (one.part, one.how) == (Part.STEPS, How.ONLY_B)
    assert one.name == "nodule(film=img-1, level=0.9)"
    assert (one.a, one.b) == ("", "step 2")
    assert one.gave == ("e2 img-1: finding nodule",)
    assert (found.same[Part.STEPS], found.same[Part.EVIDENCE]) == (3, 4)


def test_a_step_in_another_place_has_moved() -> None:
    found = diff(run_of(STEPS), run_of((*STEPS[1:], STEPS[0])))
    assert [one.how for one in found.differences] == [How.MOVED]


def test_other_arguments_on_the_same_film_are_a_change_of_one_step() -> None:
    found = diff(run_of(STEPS), run_of((STEPS[0], Did("ctr", level=0.95), STEPS[2])))
    (one,) = found.differences
    assert [(c.field, c.a, c.b) for c in one.changes] == [("arguments.level", 0.9, 0.95)]
    found = diff(run_of([Did("ctr")]), run_of([Did("ctr", film="img-2")]))
    assert [one.how for one in found.of(Part.STEPS)] == [How.ONLY_A, How.ONLY_B]


def test_values_and_what_came_of_them() -> None:
    steps = (STEPS[0], replace(STEPS[1], value=0.502), STEPS[2])
    a = run_of(STEPS, SENTENCES)
    b = run_of(steps, ("The heart has a ratio of 0.4604.", *SENTENCES[1:]))
    found = diff(a, b)
    assert [one.part for one in found.differences] == [Part.STEPS, Part.EVIDENCE, Part.SENTENCES]
    fields = {change.field for one in found.differences for change in one.changes}
    assert fields == {"artifacts.mask", "result.value", "result.items[1].n", "value", "text"}
    near = diff(a, b, tolerance=0.01)
    assert [c.field for one in near.differences for c in one.changes] == ["artifacts.mask"]
    assert diff(a, b, tolerance=0.01, ignore=["artifacts"]).differences == ()
    assert diff(a, b, ignore=LEFT_OUT).differences == ()


def test_sentences() -> None:
    one = "The heart is not enlarged by its ratio."
    other = "The heart is not enlarged by any ratio."
    found = diff(
        run_of(STEPS, [one, "No effusion.", "Gone."]),
        run_of(STEPS, [other, "New.", "No effusion."]),
    )
    told = {(d.how, d.name) for d in found.differences}
    assert told == {(How.CHANGED, one), (How.ONLY_A, "Gone."), (How.ONLY_B, "New.")}


def test_a_sentence_on_the_same_evidence_is_the_same_said_differently() -> None:
    one, other = "The heart is not enlarged.", "Heart size: undecided, see limits."
    found = diff(run_of(STEPS, [one, "Gone."]), run_of(STEPS, [other, "New."]))
    told = {(d.how, d.name) for d in found.differences}
    assert told == {(How.CHANGED, one), (How.ONLY_A, "Gone."), (How.ONLY_B, "New.")}


def test_a_verdict_on_the_same_sentence() -> None:
    a = run_of(STEPS, SENTENCES)
    lines = [
        event.model_copy(update={"passed": False, "action": "dropped", "reason": "no_support"})
        if getattr(event, "sentence", None) == SENTENCES[1]
        else event
        for event in a.events
    ]
    (one,) = diff(a, trace_of(lines)).differences
    assert one.part is Part.VERDICTS
    assert {c.field for c in one.changes} == {"action", "passed", "reason"}


def test_settings() -> None:
    old = {
        "config": {"tools": ["ctr 1", "old 1"], "thresholds": {"ctr": 0.5}},
        "versions": {"numpy": "1", "weights:view": "a"},
    }
    new = {
        "program_version": "2",
        "config": {"tools": ["ctr 2", "new 1"], "thresholds": {"ctr": 0.55}},
        "versions": {"numpy": "2", "weights:view": "a"},
    }
    found = diff(run_of(STEPS, start=old), run_of(STEPS, start=new))
    assert names(found, Part.SETTINGS) == [
        (How.CHANGED, "config.thresholds.ctr"),
        (How.CHANGED, "program"),
        (How.CHANGED, "tool ctr"),
        (How.ONLY_B, "tool new"),
        (How.ONLY_A, "tool old"),
        (How.CHANGED, "version of numpy"),
    ]
    assert len(found.differences) == 6
    assert diff(run_of(STEPS, start=old), run_of(STEPS, start=new), ignore=["settings"]) == replace(
        found,
        differences=(),
        same={part: count for part, count in found.same.items() if part is not Part.SETTINGS},
    )


def test_another_planner_is_one_difference() -> None:
    found = diff(run_of(STEPS), run_of(STEPS, start={"planner": "llm"}))
    assert names(found, Part.SETTINGS) == [(How.CHANGED, "planner")]
    assert len(found.differences) == 1


def test_withdrawn_evidence_differs() -> None:
    a = run_of(STEPS)
    b = trace_of([*a.events[:-1], Withdrawn(evidence=("e2",), reason="corrected"), a.events[-1]])
    (one,) = diff(a, b).differences
    assert (one.part, one.a) == (Part.EVIDENCE, "e2")
    assert one.changes[0].field == "withdrawn"


def test_evidence_that_was_stated_anew_is_no_difference() -> None:
    a = run_of(STEPS)
    (place,) = [n for n, e in enumerate(a.events) if getattr(e, "evidence", {}).get("id") == "e2"]
    again = EvidenceAdded(evidence={**a.events[place].evidence, "id": "e9"})  # type: ignore[union-attr]
    more = [Withdrawn(evidence=("e2",), reason="restated"), again]
    b = trace_of([*a.events[: place + 1], *more, *a.events[place + 1 :]])
    assert diff(a, b).differences == ()


def test_a_run_that_did_not_end() -> None:
    (one,) = diff(run_of(STEPS), run_of(STEPS, ended=False)).differences
    assert (one.part, one.how) == (Part.OUTCOME, How.CHANGED)


@given(runs, sentences)
def test_a_run_is_like_itself(steps: list[Did], said: list[str]) -> None:
    assert diff(run_of(steps, said), run_of(steps, said, first=7)).differences == ()


@given(runs, st.lists(st.tuples(st.integers(0, 7), done), max_size=4))
def test_k_inserted_steps_are_k_differences(
    steps: list[Did], inserted: list[tuple[int, Did]]
) -> None:
    more = list(steps)
    for place, step in inserted:
        more.insert(min(place, len(more)), step)
    found = diff(run_of(steps), run_of(more))
    assert [(one.part, one.how) for one in found.differences] == [(Part.STEPS, How.ONLY_B)] * len(
        inserted
    )
    assert found.same[Part.STEPS] == len(steps)
    given = sum(len(one.gave) for one in found.differences)
    assert given == sum(len(step.codes) for _, step in inserted)


@given(st.lists(st.integers(0, 99), unique=True, max_size=8), st.data())
def test_k_inserted_sentences_are_k_differences(said: list[int], data: st.DataObject) -> None:
    def text(number: int) -> str:
        return f"{chr(ord('a') + number % 26) * 3} {'x' * (number // 26)}."

    more = [text(n) for n in said]
    count = data.draw(st.integers(0, 3))
    for number in range(100, 100 + count):
        more.insert(data.draw(st.integers(0, len(more))), f"inserted {'y' * number}.")
    found = diff(run_of(STEPS, [text(n) for n in said]), run_of(STEPS, more))
    assert [(one.part, one.how) for one in found.differences] == [
        (Part.SENTENCES, How.ONLY_B)
    ] * count


@given(runs, runs, sentences, sentences, st.sampled_from([0.0, 0.3]))
def test_neither_run_comes_first(
    a: list[Did], b: list[Did], says_a: list[str], says_b: list[str], tolerance: float
) -> None:
    one, other = run_of(a, says_a), run_of(b, says_b)
    there = diff(one, other, tolerance=tolerance)
    back = diff(other, one, tolerance=tolerance)
    assert sorted(map(mirrored, there.differences)) == sorted(map(plain, back.differences))
    assert there.same == back.same


@given(st.lists(events, max_size=12), st.lists(events, max_size=12))
@settings(deadline=None)
def test_any_two_runs_can_be_compared_and_shown(a: list[object], b: list[object]) -> None:
    found = diff(trace_of(a), trace_of(b))
    assert is_plain(diff_text(found))
    json.dumps(diff_record(found))
    assert diff(trace_of(a), trace_of(a)).differences == ()
    assert "<script" not in diff_html(found)


def golden(version: object) -> Trace:
    return read_trace(version / RUN_ID)  # type: ignore[operator]


def test_golden_traces() -> None:
    for version in (VERSION_1, VERSION_2):
        assert diff(golden(version), golden(version)).differences == ()
    found = diff(golden(VERSION_1), golden(VERSION_2))
    assert [(one.how, one.a, one.b) for one in found.of(Part.STEPS)] == [
        (How.ONLY_B, "", "step 2"),
        (How.ONLY_B, "", "step 3"),
    ]
    (evidence,) = found.of(Part.EVIDENCE)
    assert [(c.field, c.b) for c in evidence.changes] == [("withdrawn", "corrected")]
    assert found.of(Part.SENTENCES) == found.of(Part.FILMS) == ()
    assert names(found, Part.ANSWERS) == [(How.ONLY_B, "Is the heart still enlarged?")]


@pytest.mark.parametrize(
    ("a", "b", "tolerance", "same"),
    [
        (1, 1.0, 0, True),
        (True, 1, 0, False),
        (None, 0, 1, False),
        ({"x": None}, {}, 0, True),
        ([1, 2], [1], 9, False),
        (0.46, 0.48, 0.01, False),
        (0.46, 0.465, 0.01, True),
        (100.0, 100.9, 0.01, True),
        ("ratio 0.46", "ratio 0.465", 0.01, True),
        ("ratio 0.46", "ratio 0.465", 0, False),
        ("ratio 0.46", "share 0.46", 9, False),
    ],
)
def test_close(a: object, b: object, tolerance: float, same: bool) -> None:
    assert close(a, b, tolerance) is same  # type: ignore[arg-type]
    assert close(b, a, tolerance) is same  # type: ignore[arg-type]


def test_bare() -> None:
    assert bare("The  heart [e1, e23] is large. [e4]") == "The heart is large."
    assert bare("A list [a, b].") == "A list [a, b]."


def test_page_is_one_harmless_file() -> None:
    hostile = [f"<script>alert(1)</script> {HOSTILE}", "<img src=http://x/y>"]
    page = diff_html(diff(run_of(STEPS, SENTENCES), run_of(STEPS[1:], hostile)))
    assert "default-src &#39;none&#39;" in page
    assert "prefers-color-scheme: dark" in page
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert is_plain(page.replace("\n", ""))
    assert "http" not in page.replace("http-equiv", "").replace("http://x/y&gt;", "")
    assert "only in A" in page
    same = diff_html(diff(run_of(STEPS), run_of(STEPS)))
    assert "no difference" in same
