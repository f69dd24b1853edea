"""Tools that disagree on a film: said as such, with both statements, in favour of neither."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.evidence import Evidence, EvidenceKind, Observation, Polarity, Side
from cxr_agent.planning.budget import Budget
from cxr_agent.planning.graph import ReadingGraph
from cxr_agent.planning.statements import about_conflicts
from cxr_agent.report.gates.coverage import left_out
from cxr_agent.report.gates.support import fault_of
from cxr_agent.study import Image
from cxr_agent.testing.scripted import ScriptedPlanner
from cxr_agent.toolbox import ToolResult, spec_of, tool
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.reading import reading_of
from cxr_agent.toolbox.registry import Registry
from tests.builders import Bank, Maker, scene
from tests.observations import classified, quality, ratio, silhouette

PRESENT, ABSENT, UNCERTAIN = Polarity.PRESENT, Polarity.ABSENT, Polarity.UNCERTAIN


def says(
    tool_name: str,
    polarity: Polarity,
    code: str = "cardiomegaly",
    image: str = "img-1",
    side: Side | None = None,
) -> Evidence:
    observation = classified(code, polarity, 0.5).model_copy(update={"side": side})
    made = Maker()(observation, image)
    return made.model_copy(
        update={"provenance": made.provenance.model_copy(update={"tool": tool_name})}
    )


def found(*evidence: Evidence) -> list[tuple[str, tuple[str, ...]]]:
    return [(handle, conflict.reasons) for handle, conflict in about_conflicts(evidence)]


def test_present_here_and_absent_there_is_a_conflict() -> None:
    measured, seen = says("measure_ctr", PRESENT), says("classify_findings", ABSENT)
    for pair in ((measured, seen), (seen, measured)):
        ((handle, conflict),) = about_conflicts(pair)
        assert handle == "img-1"
        assert conflict.kind is EvidenceKind.LIMITATION
        assert conflict.category is None  # two probabilities: no rule tells which counts
        assert reading_of(conflict, (measured, seen)) == (
            "The tools disagree on enlarged cardiac silhouette: "
            "measure_ctr: present, probability 0.500, limits 0.610 and 0.240; "
            "classify_findings: absent, probability 0.500, limits 0.610 and 0.240. "
            "Neither was preferred."
        )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PRESENT, PRESENT),
        (ABSENT, ABSENT),
        (UNCERTAIN, UNCERTAIN),
        (PRESENT, UNCERTAIN),
        (UNCERTAIN, ABSENT),
    ],
)
def test_doubt_contradicts_nothing(one: Polarity, other: Polarity) -> None:
    assert found(says("a", one), says("b", other)) == []


def test_films_and_findings_are_kept_apart() -> None:
    assert found(says("a", PRESENT), says("b", ABSENT, image="prior-1")) == []
    assert found(says("a", PRESENT), says("b", ABSENT, "atelectasis")) == []


def test_what_is_no_finding_cannot_disagree() -> None:
    make = Maker()
    others = [make(ratio()), make(quality("exposure", "adequate"))]
    assert found(says("a", PRESENT), *others) == []


def test_one_tool_that_tells_sides_apart_does_not_contradict_itself() -> None:
    right = says("a", PRESENT, "pleural_effusion", side=Side.RIGHT)
    left = says("a", ABSENT, "pleural_effusion", side=Side.LEFT)
    assert found(right, left) == []
    assert found(right, left, says("b", ABSENT, "pleural_effusion")) == [
        ("img-1", ("pleural_effusion",))
    ]


def test_each_conflict_is_told_once_for_its_film() -> None:
    evidence = [
        says(name, polarity, code, image)
        for image in ("img-1", "img-2")
        for code in ("cardiomegaly", "atelectasis")
        for name, polarity in (("a", PRESENT), ("b", ABSENT), ("c", ABSENT), ("d", UNCERTAIN))
    ]
    assert found(*evidence) == [
        ("img-1", ("cardiomegaly",)),
        ("img-1", ("atelectasis",)),
        ("img-2", ("cardiomegaly",)),
        ("img-2", ("atelectasis",)),
    ]


STATEMENTS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(list(Polarity)),
        st.sampled_from(("cardiomegaly", "atelectasis")),
        st.sampled_from(("img-1", "img-2")),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(STATEMENTS)
def test_conflicts_against_all_pairs(said: list[tuple[str, Polarity, str, str]]) -> None:
    wanted = {
        (image, (code,))
        for one, first, code, image in said
        for other, second, *same in said
        if one != other and (first, second) == (PRESENT, ABSENT) and same == [code, image]
    }
    told = found(*(says(name, *rest) for name, *rest in said))
    assert len(told) == len(set(told))
    assert set(told) == wanted


class Answer(ToolResult):
    said: tuple[Observation, ...]

    def observations(self) -> Iterable[Observation]:
        return self.said


@tool(version="1", purpose="p.", subject="cardiomegaly")
def by_ruler(film: Image) -> Answer:
    return Answer(said=(silhouette(PRESENT, "pa", 0.618),))


@tool(version="1", purpose="p.", subject="classified_findings")
def by_eye(film: Image) -> Answer:
    return Answer(said=(classified("cardiomegaly", ABSENT, 0.05),))


def test_a_report_gives_both_statements_and_the_disagreement(
    open_bank: Callable[..., Bank],
) -> None:
    specs = [spec for spec in map(spec_of, (by_ruler, by_eye)) if spec is not None]
    bank = open_bank(scene(), Registry(specs))
    planner = ScriptedPlanner([ToolCall(spec.name, {"film": "img-1"}) for spec in specs])
    reading = ReadingGraph(bank.toolbox, planner, Budget()).run()
    assert reading.gated is not None
    sentences = [sentence for _, sentence in reading.gated.draft]
    text = " ".join(sentence.text for sentence in sentences)
    assert "Enlarged cardiac silhouette: ratio 0.62" in text
    assert "Enlarged cardiac silhouette unlikely, not flagged" in text
    assert "The tools disagree on enlarged cardiac silhouette: " in text
    known = {item.id: item for item in reading.evidence}
    assert [s.text for s in sentences if fault_of(s, known)] == []
    assert left_out(reading.gated.draft, reading.evidence) == []
    assert reading.gated.dropped == ()
