"""A number never changes from the tool to any output; what people read is it, rounded as stated."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxr_agent.evidence import EvidenceKind, Observation
from cxr_agent.imaging import Decoder
from cxr_agent.toolbox.reading import decimals_of
from tests.interop.objects.test_report import groups_of, holds
from tests.observations import everything

from .outputs import Outputs, told


def _measured() -> list[Observation]:
    """One measurement of each code, without what would have to fit its value."""
    found: dict[str, Observation] = {}
    for one in everything():
        measured = one.kind is EvidenceKind.MEASUREMENT and one.value is not None
        if measured and not one.basis and one.unit is not None and one.value > 0:
            bare = {"interval": None, "interval_level": None}
            found.setdefault(one.code, one.model_copy(update=bare))
    return list(found.values())


MEASURED: Final = _measured()


@st.composite
def _values(draw: st.DrawFn) -> list[Observation]:
    """Every measurement with a value that nobody foresaw."""
    shares = draw(
        st.lists(
            st.floats(0.3, 2.5),
            min_size=len(MEASURED),
            max_size=len(MEASURED),
        )
    )
    return [
        one.model_copy(update={"value": (one.value or 1.0) * share})
        for one, share in zip(MEASURED, shares, strict=True)
    ]


def test_there_is_enough_to_measure() -> None:
    assert len(MEASURED) >= 9


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(_values())
def test_every_output_has_the_number_of_the_tool(
    decoder: Decoder, observations: list[Observation]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _same_everywhere(observations, told(observations, Path(folder), decoder))


def _same_everywhere(observations: list[Observation], outputs: Outputs) -> None:
    stated = {item["id"]: item for item in outputs.json["evidence"]}
    groups = groups_of(outputs.sr)
    german, english = outputs.texts["German"], outputs.texts
    fhir = outputs.texts["FHIR"]
    for evidence, observation in zip(outputs.report.evidence, observations, strict=True):
        assert evidence.value == stated[evidence.id]["value"] == observation.value
        holds(groups[evidence.id], evidence)
        assert f'"value": {evidence.value!r}' in fhir
        shown = f"{observation.value:.{decimals_of(observation.code)}f}"
        assert shown in evidence.reading
        for form in ("text", "Markdown", "RIS", "HTML", "SR"):
            assert shown in english[form], (form, observation.code)
        assert shown.replace(".", ",") in german, observation.code


@pytest.mark.parametrize("form", ["text", "RIS"])
def test_no_number_appears_that_no_tool_gave(form: str, tmp_path: Path, decoder: Decoder) -> None:
    """Of one measurement alone, a report has its number, and numbers that name things."""
    (ratio,) = [one for one in MEASURED if one.code == "cardiothoracic_ratio"]
    alone = ratio.model_copy(update={"value": 0.4376512, "details": {}})
    said = told([alone], tmp_path, decoder).texts[form]
    findings = said.partition("FINDINGS")[2].partition("IMPRESSION")[0]
    decimals = re.findall(r"\d+\.\d+", findings)
    assert set(decimals) == {"0.44"}
