"""A session goes on from its trace, in another process, after any end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cxr_agent.chat import Chat
from cxr_agent.chat.corrections import correct_finding, correct_landmark, correct_mask, redo
from cxr_agent.chat.rebuild import rebuild
from cxr_agent.chat.sessions import find_session, keep_session
from cxr_agent.errors import OutputError, TraceError, UsageError
from cxr_agent.evidence import Polarity
from cxr_agent.reading.places import state_folder
from cxr_agent.reading.run import Run
from cxr_agent.reading.setup import Setup
from cxr_agent.trace import RunResumed, TraceWriter, read_trace, verify
from tests.builders import Scene, scene
from tests.chat.conftest import BIG, SMALL, OpenChat

WHO = {"who": "me", "why": "seen otherwise"}
SetupOf = Callable[..., Setup]


def go_on(chat: Chat, made: Scene, setup: Setup, *, films: bool = True) -> Chat:
    chat.run.trace.close()
    writer, trace = TraceWriter.resume(chat.run.trace.directory)
    return rebuild(writer, trace, setup, made.study if films else None)


@pytest.mark.parametrize("finished", [True, False])
def test_everything_is_as_it_was(open_chat: OpenChat, setup_of: SetupOf, finished: bool) -> None:
    made = scene(BIG, priors=[SMALL], indication="?PTX")
    chat = open_chat(made)
    chat.ask("is the heart enlarged?")
    chat.ask("costophrenic angle?")
    if finished:
        chat.run.finish()
    again = go_on(chat, made, setup_of(made))
    assert again.run.evidence == chat.run.evidence
    assert [o.call for o in again.run.toolbox.outcomes] == [
        o.call for o in chat.run.toolbox.outcomes
    ]
    assert again.run.asked is not None
    assert again.run.asked.subjects == ("pneumothorax",)
    assert again.report.impression == chat.report.impression
    for handle in made.study.handles:
        masks, before = again.run.bench.masks(handle), chat.run.bench.masks(handle)
        assert masks.keys() == before.keys()
        for name, mask in masks.items():
            assert (mask.plane == before[name].plane).all()
            assert mask.repeats is not None
    again.run.trace.close()


def test_questions_go_on_too(open_chat: OpenChat, setup_of: SetupOf) -> None:
    made = scene(BIG)
    chat = open_chat(made)
    first = chat.ask("is the heart enlarged?")
    again = go_on(chat, made, setup_of(made))
    answer = again.ask("why?")
    assert answer.turn == 2
    cited = {i for s in first.sentences for i in s.evidence}
    assert set(answer.explained) <= cited
    trace = read_trace(again.run.trace.directory)
    assert verify(trace).intact
    assert any(isinstance(event, RunResumed) for event in trace.events)
    ids = [item.id for item in again.run.toolbox.stated]
    assert len(set(ids)) == len(ids)
    again.run.trace.close()


def test_corrections_stand(open_chat: OpenChat, setup_of: SetupOf) -> None:
    made = scene(BIG)
    chat = open_chat(made)
    heart = chat.run.bench.mask("img-1", "heart")
    assert heart is not None
    plane = heart.plane.copy()
    plane[:, np.flatnonzero(plane.any(axis=0))[-8:]] = False
    correct_mask(chat.run, "img-1", "heart", plane, **WHO)
    correct_finding(chat.run, "img-1", "pleural_effusion", Polarity.ABSENT, **WHO)
    left = float(np.flatnonzero(plane.any(axis=0))[-1])
    correct_landmark(chat.run, "img-1", "ctr.heart_left", (left - 4, 70), **WHO)
    again = go_on(chat, made, setup_of(made))
    assert again.run.evidence == chat.run.evidence
    kept = again.run.bench.mask("img-1", "heart")
    assert kept is not None
    assert (kept.plane == plane).all()
    assert again.run.bench.placed("img-1") == {"ctr.heart_left": (left - 4, 70)}
    ratio = next(i.value for i in chat.run.evidence if i.code == "cardiothoracic_ratio")
    redo(again.run, "measure_ctr", "img-1")
    assert next(i.value for i in again.run.evidence if i.code == "cardiothoracic_ratio") == ratio
    again.run.trace.close()


def test_without_the_films_nothing_new_is_looked_at(open_chat: OpenChat, setup_of: SetupOf) -> None:
    made = scene(BIG, size=256)
    chat = open_chat(made)
    again = go_on(chat, made, setup_of(made), films=False)
    told = again.ask("is the heart enlarged?")
    assert told.sentences[0].text.startswith("Enlarged")
    assert again.ask("show me the heart").pictures
    (sentence,) = again.ask("costophrenic angle?").sentences
    assert "could not be determined" in sentence.text
    again.run.trace.close()


def test_other_films_are_refused(open_chat: OpenChat, setup_of: SetupOf) -> None:
    made = scene(BIG)
    chat = open_chat(made)
    other = scene(SMALL)
    with pytest.raises(TraceError) as caught:
        go_on(chat, other, setup_of(other))
    assert caught.value.code == "session_film_changed"


def test_a_run_cut_off_before_its_report_cannot_go_on(tmp_path: Path, setup_of: SetupOf) -> None:
    made = scene(BIG)
    with TraceWriter.create(tmp_path / "traces") as trace:
        Run(made.study, setup_of(made), trace).start()
    writer, read = TraceWriter.resume(trace.directory)
    with writer, pytest.raises(TraceError) as caught:
        rebuild(writer, read, setup_of(made), made.study)
    assert caught.value.code == "session_without_report"


def test_a_torn_end_is_cut_off(open_chat: OpenChat, setup_of: SetupOf) -> None:
    made = scene(BIG)
    chat = open_chat(made)
    chat.ask("ctr")
    file = chat.run.trace.directory / "trace.jsonl"
    file.write_bytes(file.read_bytes() + b'{"seq": 99, "half')
    again = go_on(chat, made, setup_of(made))
    again.ask("ctr")
    assert verify(read_trace(again.run.trace.directory)).intact
    again.run.trace.close()


def test_a_changed_trace_does_not_go_on(open_chat: OpenChat, setup_of: SetupOf) -> None:
    made = scene(BIG)
    chat = open_chat(made)
    file = chat.run.trace.directory / "trace.jsonl"
    file.write_bytes(file.read_bytes().replace(b"Enlarged", b"No large", 1))
    with pytest.raises(TraceError) as caught:
        go_on(chat, made, setup_of(made))
    assert caught.value.code == "trace_damaged"


def test_two_processes_cannot_write_one_session(open_chat: OpenChat) -> None:
    chat = open_chat()
    with pytest.raises(OutputError) as caught:
        TraceWriter.resume(chat.run.trace.directory)
    assert caught.value.code == "trace_in_use"


def test_names(tmp_path: Path) -> None:
    keep_session("one", tmp_path / "t1", [tmp_path / "a.png"], [], new=True)
    keep_session("two", tmp_path / "t2", [tmp_path / "b.png"], [tmp_path / "p.png"], new=True)
    assert find_session().name == "two"
    assert find_session("one").films == (tmp_path / "a.png",)
    with pytest.raises(UsageError) as caught:
        keep_session("one", tmp_path / "t3", [], [], new=True)
    assert caught.value.code == "session_exists"
    with pytest.raises(UsageError) as caught:
        find_session("three")
    assert caught.value.code == "no_session"
    keep_session("one", tmp_path / "t1", [], [], new=False)
    assert find_session().name == "one"
    file = state_folder() / "sessions.json"
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "../x", "a b", "x" * 65, ".hidden", "a/b", "ü"])
def test_a_wrong_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        keep_session(name, tmp_path, [], [], new=True)
    assert caught.value.code == "bad_session_name"


def test_a_damaged_list_is_an_empty_one(tmp_path: Path) -> None:
    keep_session("one", tmp_path, [], [], new=True)
    (state_folder() / "sessions.json").write_text("{nope")
    with pytest.raises(UsageError):
        find_session()
    keep_session("two", tmp_path, [], [], new=True)
    assert find_session().name == "two"


def test_a_state_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CXR_AGENT_STATE", str(tmp_path / "file" / "state"))
    with pytest.raises(OutputError) as caught:
        keep_session("one", tmp_path, [], [], new=True)
    assert caught.value.code == "state_not_writable"
