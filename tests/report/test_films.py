"""Reports on phantoms and real films: gated, checkable, and faults planted in them are caught."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from cxr_agent.checking import check_text
from cxr_agent.evidence import Evidence, Polarity
from cxr_agent.reading import Agent
from cxr_agent.report.gates.support import fault_of
from cxr_agent.report.model import Heading, Report, Sentence
from cxr_agent.report.scene_graph import scene_graphs
from cxr_agent.report.translate import in_language
from cxr_agent.testing.phantom import PhantomSpec, draw
from tests.builders import SHARED

pytestmark = pytest.mark.slow

_REAL = [
    *(f"jsrt/images/{name}.png" for name in ("JPCLN001", "JPCLN085", "JPCNN014")),
    *("covid/images/000001-12.jpg", "covid/images/16724_1_1.jpg"),
    "covid/images/covid-19-pneumonia-2.jpg",
]
_PHANTOMS = {"phantom-small": 0.42, "phantom-wide": 0.62}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Agent(traces=tmp_path_factory.mktemp("traces")) as made:
        yield made


@pytest.fixture(
    scope="module",
    params=[*_PHANTOMS, *(pytest.param(name, marks=pytest.mark.shared) for name in _REAL)],
)
def report(
    request: pytest.FixtureRequest, agent: Agent, tmp_path_factory: pytest.TempPathFactory
) -> Report:
    if request.param in _PHANTOMS:
        spec = PhantomSpec(cardiothoracic_ratio=_PHANTOMS[request.param])
        path = tmp_path_factory.mktemp("film") / "film.png"
        Image.fromarray((draw(spec, 512).pixels * 255).astype("uint8")).save(path)
    else:
        path = Path(SHARED / "data" / request.param)
        if not path.exists():
            pytest.skip("../shared/data is not here")
    return agent.read(path)


def text_of(report: Report, *, swap: dict[str, str] | None = None) -> str:
    lines = [sentence.text for sentence in report.findings]
    lines = [(swap or {}).get(line, line) for line in lines]
    return "FINDINGS:\n" + "\n".join(lines)


def decided(report: Report) -> Evidence:
    """The measured heart size."""
    return next(i for i in report.evidence if i.code == "cardiomegaly" and i.value is not None)


def test_the_gates_let_everything_of_the_rules_out(report: Report) -> None:
    assert report.dropped == ()
    assert all(sentence.evidence for sentence in report.sentences())


def test_every_header_is_told_or_said_not_to_be_examined(report: Report) -> None:
    headed = {sentence.heading for sentence in report.findings}
    assert headed >= set(Heading) - {Heading.OTHER, Heading.MEDIASTINUM}
    unexamined = [i.reasons[0] for i in report.evidence if i.code == "not_examined"]
    assert {"devices", "bones", "abdomen"} <= set(unexamined)


def test_critical_findings_open_the_impression(report: Report) -> None:
    tiers = [sentence.tier for sentence in report.impression]
    flagged = [tier for tier in tiers if tier is not None]
    assert tiers[: len(flagged)] == sorted(flagged)


def test_its_own_text_has_no_error(report: Report) -> None:
    assert check_text(text_of(report), report.evidence).errors == ()


def test_faults_planted_in_it_are_caught(report: Report) -> None:
    heart = decided(report)
    known = {item.id: item for item in report.evidence}
    present = "The heart is enlarged."
    absent = "The heart is not enlarged."
    wrong = absent if heart.polarity is Polarity.PRESENT else present
    ratio = next(i for i in report.evidence if i.code == "cardiothoracic_ratio")
    assert ratio.value is not None
    for cited, planted in (
        (heart, wrong),
        (heart, f"{heart.reading[:-1]} and pneumothorax."),
        (heart, f"Unchanged. {heart.reading}"),
        (ratio, f"Cardiothoracic ratio {ratio.value + 0.1:.2f}."),
        (ratio, f"Cardiothoracic ratio {ratio.value:.2f} mm."),
        (ratio, f"Severe cardiothoracic ratio {ratio.value:.2f}."),
    ):
        sentence = Sentence(text=planted, evidence=(cited.id,))
        assert fault_of(sentence, known) is not None, planted
    bad_ratio = f"Cardiothoracic ratio {ratio.value + 0.1:.2f}."
    assert check_text(f"{wrong} {bad_ratio}", report.evidence).errors
    swapped = text_of(report, swap={ratio.reading: bad_ratio})
    assert {error.kind for error in check_text(swapped, report.evidence).errors} >= {"wrong_number"}


def test_in_german_and_as_a_graph(report: Report) -> None:
    german = in_language(report, "de")
    english = {sentence.text for sentence in report.sentences()}
    assert not english & {sentence.text for sentence in german.sentences()}
    (graph,) = scene_graphs(report)
    assert {one.bbox_name for one in graph.objects} >= {"right lung", "left lung"}
    assert len(graph.objects) + len(graph.not_located) == 29
