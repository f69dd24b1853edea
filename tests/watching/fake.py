"""A reader that takes no time, and whose objects say which study and run they are of."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from cxr_agent.errors import CxrAgentError
from cxr_agent.watching.layout import TRACES
from cxr_agent.watching.reader import Results
from cxr_agent.watching.sources import Films

SR = "1.2.840.10008.5.1.4.1.1.88.11"


@dataclass
class FakeReader:
    """Writes a trace as a run does, and makes two reports of each study."""

    seconds: float = 0.0
    fails: list[CxrAgentError] = field(default_factory=list)
    """What the next readings come to."""
    read_films: list[Films] = field(default_factory=list)

    def read(self, films: Films, folder: Path, run: str) -> Results:
        if self.fails:
            raise self.fails.pop(0)
        trace = folder / TRACES / run
        trace.mkdir(parents=True)
        time.sleep(self.seconds / 2)
        (trace / "trace.jsonl").write_text("{}\n")
        time.sleep(self.seconds / 2)
        self.read_films.append(films)
        image = pydicom.dcmread(films.paths[0], stop_before_pixels=True)
        return Results(tuple(report_of(image, run, number) for number in (1, 2)))


def report_of(image: Dataset, run: str, number: int) -> bytes:
    """A report in the study of an image, the same whenever it is made."""
    uid = f"1.2.{int.from_bytes(run.encode(), 'big') % 10**40}.{number}"
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID = SR, uid
    report.PatientID, report.StudyInstanceUID = image.PatientID, image.StudyInstanceUID
    report.SeriesInstanceUID, report.Modality = f"{uid}.9", "SR"
    report.file_meta = FileMetaDataset()
    report.file_meta.MediaStorageSOPClassUID = SR
    report.file_meta.MediaStorageSOPInstanceUID = uid
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    pydicom.dcmwrite(file, report, enforce_file_format=True)
    return file.getvalue()
