"""The FHIR bundle: valid, and saying what the evidence says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pydicom
import pytest
from fhirclient.models.bundle import Bundle
from fhirclient.models.fhirabstractbase import FHIRValidationError

from cxr_agent.evidence import EvidenceKind, Polarity
from cxr_agent.imaging import Decoder
from cxr_agent.interop.objects import codes
from cxr_agent.interop.objects.fhir import fhir_bundle
from cxr_agent.interop.objects.recorded import recorded_report
from cxr_agent.interop.objects.sources import find_sources

from .runs import SECRETS, Run, source, usual, written
from .test_valid import CHANGE, OF_PRIOR

SCHEMA = os.environ.get("CXR_AGENT_FHIR_SCHEMA", "")
"""``fhir.schema.json`` of HL7 FHIR 4.0.1, which is not ours to keep here."""
STATUS = {"present": "POS", "absent": "NEG", "uncertain": "IND"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    prior = source(number=3, study=2, StudyDate="20180203", PatientOrientation="R\\F")
    return written(
        tmp_path_factory.mktemp("run"), [source()], [*usual(), CHANGE, OF_PRIOR], [prior]
    )


@pytest.fixture(scope="module")
def sourced(run: Run, decoder: Decoder) -> dict[str, Any]:
    recorded = recorded_report(run.folder)
    made: dict[str, Any] = json.loads(
        fhir_bundle(recorded, find_sources(recorded, run.sources, decoder))
    )
    return made


@pytest.fixture(scope="module")
def bare(run: Run) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(fhir_bundle(recorded_report(run.folder)))
    return made


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


@pytest.mark.parametrize("which", ["sourced", "bare"])
def test_is_valid_r4(which: str, request: pytest.FixtureRequest) -> None:
    bundle = request.getfixturevalue(which)
    assert Bundle(bundle, strict=True).as_json() == bundle


def test_the_models_would_tell(bare: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(bare))
    broken["entry"][1]["resource"]["valueQuantity"] = "much"
    with pytest.raises(FHIRValidationError):
        Bundle(broken, strict=True)


@pytest.mark.skipif(not SCHEMA, reason="needs CXR_AGENT_FHIR_SCHEMA, a file of HL7's")
@pytest.mark.parametrize("which", ["sourced", "bare"])
def test_holds_to_the_official_schema(which: str, request: pytest.FixtureRequest) -> None:
    schema = json.loads(Path(SCHEMA).read_text())
    check = jsonschema.validators.validator_for(schema)(schema)
    bundle = request.getfixturevalue(which)
    assert check.is_valid(bundle)
    assert not check.is_valid({**bundle, "type": 3})


def test_every_cited_evidence_is_an_observation_that_says_the_same(
    run: Run, sourced: dict[str, Any]
) -> None:
    found = {one["id"]: one for one in resources(sourced, "Observation")}
    assert list(found) == [one.id for one in run.report.evidence]
    for evidence in run.report.evidence:
        made = found[evidence.id]
        parts = {
            part["code"]["coding"][0]["code"]: part.get("valueQuantity", {}).get("value")
            for part in made["component"]
        }
        assert made["identifier"][0]["value"] == f"{run.report.run_id} {evidence.id}"
        assert made["status"] == "preliminary"
        assert made["note"] == [{"text": evidence.reading}]
        if evidence.kind is EvidenceKind.MEASUREMENT:
            assert made["valueQuantity"]["value"] == evidence.value
            assert evidence.unit is not None
            assert made["valueQuantity"]["code"] == codes.UNITS[evidence.unit].value
            assert made["valueQuantity"]["system"] == "http://unitsofmeasure.org"
        elif evidence.value is not None:
            assert parts[codes.MEASURED.value] == evidence.value
        assert parts.get(codes.PROBABILITY.value) == evidence.probability
        assert parts.get(codes.THRESHOLD.value) == evidence.threshold
        if evidence.polarity is not None:
            assert made["interpretation"][0]["coding"][0]["code"] == STATUS[evidence.polarity]
            assert made["valueCodeableConcept"]["text"] == _said(evidence.polarity)
        if evidence.side is not None:
            assert made["bodySite"]["text"].endswith(f", {evidence.side.value}")
        if evidence.kind is EvidenceKind.LIMITATION:
            assert made["dataAbsentReason"]["text"] == evidence.reading


def _said(polarity: Polarity) -> str:
    return {"present": "Present", "absent": "Absent", "uncertain": "Undetermined"}[polarity]


def test_the_report_names_all_observations_and_the_study(run: Run, sourced: dict[str, Any]) -> None:
    report = resources(sourced, "DiagnosticReport")[0]
    addresses = {e["fullUrl"]: e["resource"] for e in sourced["entry"]}
    assert [addresses[one["reference"]]["id"] for one in report["result"]] == [
        one.id for one in run.report.evidence
    ]
    assert report["status"] == "preliminary"
    assert run.report.notice in report["conclusion"]
    image = pydicom.dcmread(run.sources[0])
    assert report["subject"]["identifier"]["value"] == image.PatientID
    uids = {one["identifier"]["value"] for one in report["imagingStudy"]}
    assert f"urn:oid:{image.StudyInstanceUID}" in uids
    assert len(uids) == 2


def test_an_observation_names_its_image_and_its_tool(run: Run, sourced: dict[str, Any]) -> None:
    addresses = {e["fullUrl"]: e["resource"] for e in sourced["entry"]}
    images = {
        film.handle: f"urn:oid:{pydicom.dcmread(path).SOPInstanceUID}"
        for film, path in zip(run.report.films, run.sources, strict=True)
    }
    for one in resources(sourced, "Observation"):
        evidence = run.report.cited(one["id"])
        known = [r["identifier"]["value"] for r in one["derivedFrom"] if "identifier" in r]
        assert images[evidence.image] in known
        device = addresses[one["device"]["reference"]]
        assert device["deviceName"][0]["name"] == evidence.provenance.tool
        assert device["version"][1]["value"] == evidence.provenance.weights_sha256


def test_what_is_of_the_prior_has_its_date(run: Run, sourced: dict[str, Any]) -> None:
    found = {one["id"]: one for one in resources(sourced, "Observation")}
    for evidence in run.report.evidence:
        made = found[evidence.id]
        day = "2018-02-03" if evidence.of_prior else "2019-03-14"
        assert made["effectiveDateTime"] == day
        film = "prior-1, 400 days before" if evidence.of_prior else "img-1"
        assert film in [part.get("valueString") for part in made["component"]]


def test_without_a_source_nothing_says_whose_it_is(bare: dict[str, Any]) -> None:
    text = json.dumps(bare, ensure_ascii=False)
    assert not any(secret in text for secret in SECRETS)
    assert "subject" not in text
    assert "urn:dicom:uid" not in text


def test_made_twice_it_is_the_same(run: Run) -> None:
    recorded = recorded_report(run.folder)
    assert fhir_bundle(recorded) == fhir_bundle(recorded_report(run.folder))
