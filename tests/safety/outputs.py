"""Everything that the program can make of the same observations, as text to be compared."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pydicom

from cxr_agent.evidence import Observation
from cxr_agent.imaging import Decoder
from cxr_agent.interop.objects import dicom_objects
from cxr_agent.interop.objects.fhir import fhir_bundle
from cxr_agent.interop.objects.recorded import recorded_report
from cxr_agent.report.model import Report
from cxr_agent.report.render import (
    to_html,
    to_json,
    to_markdown,
    to_ris,
    to_scene_graph_json,
    to_text,
)
from cxr_agent.report.translate import in_language
from cxr_agent.trace import read_trace
from tests.builders import Maker
from tests.interop.objects.runs import Run, Stated, source, written

_UNSEEN: Final = re.compile(r"<(script|style).*?</\1>", re.DOTALL)


@dataclass(frozen=True)
class Outputs:
    """One run told in every way."""

    run: Run
    sr: pydicom.Dataset
    fhir: dict[str, Any]

    @property
    def report(self) -> Report:
        return self.run.report

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(to_json(self.report))
        return found

    @property
    def scene_graph(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(to_scene_graph_json(self.report))
        return found

    @property
    def texts(self) -> dict[str, str]:
        """What people read, by form, on one line each."""
        german = in_language(self.report, "de")
        artifact = read_trace(Path(self.run.folder)).artifact
        page = _UNSEEN.sub(" ", to_html(self.report, artifact))
        made = {
            "text": to_text(self.report),
            "German": to_text(german),
            "Markdown": to_markdown(self.report),
            "RIS": to_ris(self.report),
            "HTML": re.sub(r"<[^>]+>", " ", page),
            "SR": "\n".join(sr_texts(self.sr)),
            "FHIR": json.dumps(self.fhir, ensure_ascii=False),
        }
        return {name: " ".join(text.split()) for name, text in made.items()}


def told(observations: Sequence[Observation], root: Path, decoder: Decoder) -> Outputs:
    """A run over one film that stated these, in every form."""
    make = Maker()
    stated = [Stated(one, reading=make(one).reading) for one in observations]
    run = written(root, [source()], stated)
    objects = dicom_objects(run.folder, run.sources, decoder)
    return Outputs(
        run,
        pydicom.dcmread(io.BytesIO(objects[0])),
        json.loads(fhir_bundle(recorded_report(run.folder))),
    )


def sr_texts(item: pydicom.Dataset) -> Iterator[str]:
    """Texts, meanings and numbers of a content tree, in order."""
    for one in item.get("ContentSequence", ()):
        name = one.get("ConceptNameCodeSequence")
        parts = [name[0].CodeMeaning] if name else []
        if "TextValue" in one:
            parts.append(one.TextValue)
        if "ConceptCodeSequence" in one:
            parts.append(one.ConceptCodeSequence[0].CodeMeaning)
        if one.get("MeasuredValueSequence"):
            parts.append(str(one.MeasuredValueSequence[0].NumericValue))
        yield " = ".join(map(str, parts))
        yield from sr_texts(one)
