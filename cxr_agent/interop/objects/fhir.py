"""The report as FHIR R4 resources: a collection of one DiagnosticReport and its Observations.

References
----------
HL7 FHIR 4.0.1: Bundle, DiagnosticReport, Observation, Device; "Using codes from DICOM"
(imagingstudy.html, section on identifiers: ``urn:dicom:uid``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from cxr_agent.evidence import Evidence, EvidenceKind, Polarity
from cxr_agent.interop.objects import codes
from cxr_agent.interop.objects.codes import PRIVATE, Concept
from cxr_agent.interop.objects.identity import derived_uuid
from cxr_agent.interop.objects.recorded import RecordedReport
from cxr_agent.interop.objects.sources import Sources
from cxr_agent.interop.objects.stated import Number, evaluations, numbers

Resource = dict[str, Any]

SYSTEMS: Final = {
    "SCT": "http://snomed.info/sct",
    "RADLEX": "http://radlex.org",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "LN": "http://loinc.org",
    "UCUM": "http://unitsofmeasure.org",
    PRIVATE: f"urn:uuid:{derived_uuid('vocabulary')}",
}
"""Addresses of code schemes; ours is named, not found, at its own."""
_RUNS: Final = f"urn:uuid:{derived_uuid('runs')}"
_EVIDENCE: Final = f"urn:uuid:{derived_uuid('evidence ids')}"
_REPORT: Final = Concept("18748-4", "LN", "Diagnostic imaging study")
_LATERALITY: Final = Concept("272741003", "SCT", "Laterality")
_OUTLINED: Final = codes.private("outlined", "Outlined")
_STATED: Final = codes.private("stated", "Stated")
_INTERPRETATIONS: Final = {
    Polarity.PRESENT: ("POS", "Positive"),
    Polarity.ABSENT: ("NEG", "Negative"),
    Polarity.UNCERTAIN: ("IND", "Indeterminate"),
}
_TERMS: Final = "http://terminology.hl7.org/CodeSystem/"


def fhir_bundle(recorded: RecordedReport, sources: Sources | None = None) -> bytes:
    """The report as a FHIR R4 Bundle in JSON; equal reports are equal bytes.

    Parameters
    ----------
    sources
        Without them nothing says whose report it is, nor which images it is about.
    """
    made = _Bundle(recorded, sources).bundle()
    return json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


class _Bundle:
    """The resources of one report, which refer to each other by address."""

    def __init__(self, recorded: RecordedReport, sources: Sources | None) -> None:
        self._recorded = recorded
        self._sources = sources
        self._run = recorded.report.run_id
        self._issued = recorded.at.isoformat(timespec="milliseconds")

    def bundle(self) -> Resource:
        observations = [self._observation(one) for one in self._recorded.cited]
        devices = {self._device_id(one): self._device(one) for one in self._recorded.cited}
        resources = [self._report(), *observations, *devices.values()]
        return {
            "resourceType": "Bundle",
            "type": "collection",
            "identifier": {"system": _RUNS, "value": self._run},
            "timestamp": self._issued,
            "entry": [
                {"fullUrl": self._address(resource["id"]), "resource": resource}
                for resource in resources
            ],
        }

    def _address(self, identity: str) -> str:
        return f"urn:uuid:{derived_uuid('resource', self._run, self._recorded.sha256, identity)}"

    def _to(self, identity: str) -> Resource:
        return {"reference": self._address(identity)}

    def _report(self) -> Resource:
        report = self._recorded.report
        said = [report.notice, *(sentence.text for sentence in report.impression)]
        made: Resource = {
            "resourceType": "DiagnosticReport",
            "id": "report",
            "identifier": [{"system": _RUNS, "value": self._run}],
            "status": "preliminary",
            "category": [_coded([_coding(f"{_TERMS}v2-0074", "RAD", "Radiology")])],
            "code": _concept(_REPORT, "Chest radiograph"),
            "issued": self._issued,
            "language": report.language,
            "result": [self._to(one.id) for one in self._recorded.cited],
            "conclusion": "\n".join(said),
            **self._about(self._recorded.currents[0].handle),
        }
        if self._sources is not None:
            studies = dict.fromkeys(str(film.image.StudyInstanceUID) for film in self._sources)
            made["imagingStudy"] = [_by_uid("ImagingStudy", uid) for uid in studies]
        return {name: value for name, value in made.items() if value != []}

    def _about(self, handle: str) -> Resource:
        """Whose it is and when that film was taken, as the sources say."""
        if self._sources is None:
            return {}
        image = self._sources.first.image
        found: Resource = {}
        if image.PatientID:
            identifier: Resource = {"value": str(image.PatientID)}
            if image.IssuerOfPatientID:
                identifier["assigner"] = {"display": str(image.IssuerOfPatientID)}
            found["subject"] = {"type": "Patient", "identifier": identifier}
        film = self._sources.of(handle)
        day = str(film.image.StudyDate) if film is not None else ""
        if day:
            found["effectiveDateTime"] = f"{day[:4]}-{day[4:6]}-{day[6:]}"
        return found

    def _observation(self, evidence: Evidence) -> Resource:
        made_by = evidence.provenance
        made: Resource = {
            "resourceType": "Observation",
            "id": evidence.id,
            "identifier": [{"system": _EVIDENCE, "value": f"{self._run} {evidence.id}"}],
            "status": "preliminary",
            "category": [_coded([_coding(f"{_TERMS}observation-category", "imaging", "Imaging")])],
            "code": _concept(codes.concept_of(evidence.code)),
            "issued": self._issued,
            "note": [{"text": evidence.reading}],
            "method": {"text": f"{made_by.tool} {made_by.tool_version}"},
            "device": self._to(self._device_id(evidence)),
            **self._about(evidence.image),
            **_value(evidence),
        }
        site = codes.site_of(evidence)
        if site is not None:
            side = f", {site.side.value}" if site.side is not None else ""
            made["bodySite"] = _concept(site.place, f"{site.place.meaning}{side}")
        if evidence.polarity is not None:
            code, display = _INTERPRETATIONS[evidence.polarity]
            coding = _coding(f"{_TERMS}v3-ObservationInterpretation", code, display)
            made["interpretation"] = [_coded([coding])]
        components = _components(evidence, site)
        film = self._recorded.time_point(evidence.image)
        if film is not None:
            components.append({"code": _concept(codes.FILM), "valueString": film})
        if components:
            made["component"] = components
        derived = self._derived_from(evidence)
        if derived:
            made["derivedFrom"] = derived
        return made

    def _derived_from(self, evidence: Evidence) -> list[Resource]:
        """The evidence that it was concluded from, and the image."""
        known = {one.id for one in self._recorded.cited}
        found = [self._to(identity) for identity in evidence.basis if identity in known]
        film = None if self._sources is None else self._sources.of(evidence.image)
        if film is not None:
            found.append(_by_uid("ImagingStudy", str(film.image.StudyInstanceUID)))
            found.append(_by_uid("Media", str(film.image.SOPInstanceUID)))
        return found

    def _device_id(self, evidence: Evidence) -> str:
        made_by = evidence.provenance
        parts = (made_by.tool, made_by.tool_version, made_by.model, made_by.weights_sha256)
        return f"device-{derived_uuid('device', *(part or '' for part in parts))}"

    def _device(self, evidence: Evidence) -> Resource:
        """The tool with its model and weights, as what it is: software."""
        made_by = evidence.provenance
        versions: list[Resource] = [{"value": made_by.tool_version}]
        if made_by.weights_sha256 is not None:
            versions.append(
                {"type": {"text": "SHA-256 of the weights"}, "value": made_by.weights_sha256}
            )
        names = [{"name": made_by.tool, "type": "user-friendly-name"}]
        if made_by.model is not None:
            names.append({"name": made_by.model, "type": "model-name"})
        return {
            "resourceType": "Device",
            "id": self._device_id(evidence),
            "manufacturer": "cxr-agent",
            "deviceName": names,
            "version": versions,
        }


def _value(evidence: Evidence) -> Resource:
    """What an Observation is: a quantity, a code, or why there is none."""
    if evidence.kind is EvidenceKind.LIMITATION:
        reasons = [_concept_coding(codes.reason_concept(one)) for one in evidence.reasons]
        return {"dataAbsentReason": _coded(reasons, evidence.reading)}
    if evidence.polarity is not None:
        return {"valueCodeableConcept": _concept(codes.POLARITIES[evidence.polarity])}
    if evidence.kind is EvidenceKind.REGION:
        return {"valueCodeableConcept": _concept(_OUTLINED)}
    if evidence.value is not None and evidence.kind is EvidenceKind.MEASUREMENT:
        return {"valueQuantity": _quantity(numbers(evidence)[0])}
    if evidence.category is not None:
        return {"valueCodeableConcept": _concept(codes.private(evidence.category))}
    if evidence.value is not None:
        return {"valueQuantity": _quantity(numbers(evidence)[0])}
    return {"valueCodeableConcept": _concept(_STATED)}


def _components(evidence: Evidence, site: codes.Site | None) -> list[Resource]:
    """All else that evidence states."""
    stated = numbers(evidence)
    if evidence.kind is EvidenceKind.MEASUREMENT and evidence.value is not None:
        stated = stated[1:]
    found = [{"code": _concept(number[0]), "valueQuantity": _quantity(number)} for number in stated]
    told = {codes.PRESENCE}
    if evidence.kind is EvidenceKind.LIMITATION:
        told.add(codes.REASON)
    coded = [(name, value) for name, value in evaluations(evidence) if name not in told]
    if site is not None and site.side is not None:
        coded.append((_LATERALITY, codes.SIDES[site.side]))
    found += [
        {"code": _concept(name), "valueCodeableConcept": _concept(value)} for name, value in coded
    ]
    return found


def _quantity(number: Number) -> Resource:
    _, value, unit = number
    concept = codes.UNITS[unit]
    return {
        "value": value,
        "unit": concept.meaning,
        "system": SYSTEMS[concept.scheme],
        "code": concept.value,
    }


def _concept(concept: Concept, text: str = "") -> Resource:
    return _coded([_concept_coding(concept)], text or concept.meaning)


def _concept_coding(concept: Concept) -> Resource:
    return _coding(SYSTEMS[concept.scheme], concept.value, concept.meaning)


def _coding(system: str, code: str, display: str) -> Resource:
    return {"system": system, "code": code, "display": display}


def _coded(codings: Iterable[Resource], text: str = "") -> Resource:
    made: Resource = {"coding": list(codings)}
    return made | {"text": text} if text else made


def _by_uid(kind: str, uid: str) -> Resource:
    """A reference to something that an archive knows by its DICOM UID."""
    return {"type": kind, "identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}}
