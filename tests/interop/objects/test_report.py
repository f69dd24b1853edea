"""What a structured report says, read back: the numbers, sides and polarities of the evidence."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import highdicom
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxr_agent.evidence import Evidence, EvidenceKind, Location, Observation, Polarity, Side, Unit
from cxr_agent.imaging import Decoder
from cxr_agent.interop.objects import codes, dicom_objects
from cxr_agent.interop.objects.recorded import RecordedReport, recorded_report
from cxr_agent.interop.objects.sources import Sources, find_sources
from cxr_agent.interop.objects.sr import structured_report
from cxr_agent.knowledge import vocabulary

from .runs import Run, Stated, source, usual, written


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return written(tmp_path_factory.mktemp("run"), [source()])


@pytest.fixture(scope="module")
def report(run: Run, decoder: Decoder) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(dicom_objects(run.folder, run.sources, decoder)[0]))


@pytest.fixture(scope="module")
def found(run: Run, decoder: Decoder) -> tuple[RecordedReport, Sources]:
    recorded = recorded_report(run.folder)
    return recorded, find_sources(recorded, run.sources, decoder)


def groups_of(report: pydicom.Dataset) -> dict[str, Any]:
    """Measurement groups by the id of their evidence."""
    document = highdicom.sr.ComprehensiveSR.from_dataset(report)
    content = highdicom.sr.MeasurementReport.from_sequence([document.content[0]])
    found = content.get_image_measurement_groups()
    return {str(group.tracking_identifier).split()[-1]: group for group in found}


def holds(group: Any, evidence: Evidence) -> None:
    """That a group says what the evidence says."""
    numbers = {m.name.value: (m.value, m.unit.value) for m in group.get_measurements()}
    unit = codes.UNITS[evidence.unit or Unit.RATIO].value
    if evidence.value is not None:
        measures = evidence.kind is EvidenceKind.MEASUREMENT
        name = codes.concept_of(evidence.code) if measures else codes.MEASURED
        assert numbers.pop(name.value) == (evidence.value, unit)
    if evidence.interval is not None:
        assert numbers.pop(codes.LOWER.value) == (evidence.interval[0], unit)
        assert numbers.pop(codes.UPPER.value) == (evidence.interval[1], unit)
        assert numbers.pop(codes.LEVEL.value) == (evidence.interval_level, "1")
    if evidence.probability is not None:
        assert numbers.pop(codes.PROBABILITY.value) == (evidence.probability, "1")
    if evidence.threshold is not None:
        assert numbers.pop(codes.THRESHOLD.value) == (evidence.threshold, unit)
    if evidence.kind is EvidenceKind.REGION:
        assert numbers.pop(codes.AREA.value) == (evidence.details["area_px"], "{pixels}")
    assert not numbers

    stated = {e.name.value: e.value.meaning for e in group.get_qualitative_evaluations()}
    polarity = {None: None, "present": "Present", "absent": "Absent", "uncertain": "Undetermined"}
    assert stated.get(codes.PRESENCE.value) == polarity[evidence.polarity]
    sides = [site.laterality for site in group.finding_sites]
    named = [side.meaning.lower() for side in sides if side is not None]
    assert named == ([] if evidence.side is None else [evidence.side.value])


def test_every_cited_evidence_is_a_group_that_says_the_same(
    run: Run, report: pydicom.Dataset
) -> None:
    groups = groups_of(report)
    assert list(groups) == [one.id for one in run.report.evidence]
    for one in run.report.evidence:
        holds(groups[one.id], one)


def test_a_group_names_its_algorithm_its_film_and_its_reading(
    run: Run, report: pydicom.Dataset
) -> None:
    for identity, group in groups_of(report).items():
        evidence = run.report.cited(identity)
        texts = {
            item.ConceptNameCodeSequence[0].CodeMeaning: item.TextValue
            for item in group[0].ContentSequence
            if item.ValueType == "TEXT"
        }
        assert texts["Algorithm Name"] == evidence.provenance.tool
        assert texts["Comment"] == evidence.reading
        parameters = [
            item.TextValue
            for item in group[0].ContentSequence
            if item.ValueType == "TEXT" and "Parameters" in str(item.ConceptNameCodeSequence)
        ]
        assert f"weights_sha256={evidence.provenance.weights_sha256}" in parameters
        images = [image.referenced_sop_instance_uid for image in group.source_images]
        assert images == [pydicom.dcmread(run.sources[0]).SOPInstanceUID]


def test_is_preliminary_and_says_what_it_may_be_used_for(run: Run, report: pydicom.Dataset) -> None:
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    texts = [item.TextValue for item in report.ContentSequence if item.ValueType == "TEXT"]
    assert run.report.notice in texts
    assert run.report.impression[0].text in texts


def test_own_codes_are_declared(report: pydicom.Dataset) -> None:
    declared = {item.CodingSchemeDesignator for item in report.CodingSchemeIdentificationSequence}
    own = {
        str(item.get("LongCodeValue") or item.CodeValue)
        for element in report.iterall()
        if element.VR == "SQ"
        for item in element.value
        if item.get("CodingSchemeDesignator") == codes.PRIVATE and "CodeMeaning" in item
    }
    assert codes.PRIVATE in declared
    assert {"cardiothoracic_ratio", "evidence_kind", "devices"} <= own


def test_goes_back_to_the_study_that_it_is_about(run: Run, report: pydicom.Dataset) -> None:
    image = pydicom.dcmread(run.sources[0])
    for name in ("PatientID", "PatientName", "IssuerOfPatientID", "StudyInstanceUID", "StudyDate"):
        assert str(report.get(name)) == str(image.get(name))
    assert report.SeriesInstanceUID != image.SeriesInstanceUID
    assert report.Manufacturer == "cxr-agent"


@pytest.mark.parametrize(("zone", "hours"), [(None, 0), ("+0530", 5.5), ("-0800", -8), ("noon", 0)])
def test_its_time_is_the_reports_in_the_zone_of_the_source(
    zone: str | None, hours: float, tmp_path: Path, decoder: Decoder
) -> None:
    run = written(tmp_path, [source(TimezoneOffsetFromUTC=zone)])
    made = pydicom.dcmread(io.BytesIO(dicom_objects(run.folder, run.sources, decoder)[0]))
    at = recorded_report(run.folder).at + timedelta(hours=hours)
    assert made.ContentDate + made.ContentTime[:6] == at.strftime("%Y%m%d%H%M%S")
    assert ("TimezoneOffsetFromUTC" in made) == bool(hours)


def test_a_reader_is_no_algorithm(tmp_path: Path, decoder: Decoder) -> None:
    corrected = Stated(usual()[6].observation, tool="reader")
    run = written(tmp_path, [source()], [corrected])
    report = pydicom.dcmread(io.BytesIO(dicom_objects(run.folder, run.sources, decoder)[0]))
    assert "Algorithm Name" not in str(report)
    assert "Put right by a reader" in str(report)


CODES = sorted(code for code, term in vocabulary().items() if term.kind == "finding")
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
OBSERVATIONS = st.builds(
    Observation,
    kind=st.just(EvidenceKind.FINDING),
    code=st.sampled_from(CODES),
    side=st.sampled_from((Side.RIGHT, Side.LEFT, Side.BILATERAL)),
    location=st.sampled_from((None, Location.LEFT_LUNG, Location.TRACHEA, Location.RIGHT_ATRIUM)),
    polarity=st.sampled_from(Polarity),
    value=NUMBERS,
    unit=st.sampled_from(Unit),
    probability=st.none() | st.floats(0, 1),
    threshold=st.none() | NUMBERS,
)


@given(observations=st.lists(OBSERVATIONS, min_size=1, max_size=3))
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_stated_comes_back(
    run: Run, found: tuple[RecordedReport, Sources], observations: list[Observation]
) -> None:
    recorded, sources = found
    evidence = tuple(
        run.report.evidence[6].model_copy(update={**dict(one), "id": f"e{n}"})
        for n, one in enumerate(observations, 1)
    )
    cited = tuple(
        sentence.model_copy(update={"evidence": (one.id,)})
        for sentence, one in zip(run.report.findings, evidence, strict=False)
    )
    changed = run.report.model_copy(
        update={"evidence": evidence, "findings": cited, "impression": ()}
    )
    data = structured_report(replace(recorded, report=changed), sources)
    made = pydicom.dcmread(io.BytesIO(data))
    groups = groups_of(made)
    assert len(groups) == len(evidence)
    for one in evidence:
        holds(groups[one.id], one)
