"""A presentation state shows the film with the greys that its source asks for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from cxr_agent.imaging import Decoder
from cxr_agent.interop.objects import dicom_objects
from tests.imaging.films import lut

from .runs import picture, source, written


def state(root: Path, data: bytes, decoder: Decoder) -> pydicom.Dataset:
    run = written(root, [data])
    made = [
        pydicom.dcmread(io.BytesIO(one)) for one in dicom_objects(run.folder, run.sources, decoder)
    ]
    return next(one for one in made if one.Modality == "PR")


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_a_voi_table_keeps_its_share_of_white(bits: int, tmp_path: Path, decoder: Decoder) -> None:
    entries = [round(n / 4095 * (2**bits - 1) / 2) for n in range(4096)]
    table = lut(0, entries, bits)
    del table.ModalityLUTType
    made = state(tmp_path, source(VOILUTSequence=[table]), decoder)
    shown = made.SoftcopyVOILUTSequence[0].VOILUTSequence[0]
    greys = np.frombuffer(shown.LUTData, dtype="<u2") / (2 ** shown.LUTDescriptor[2] - 1)
    assert shown.LUTDescriptor[:2] == [4096, 0]
    assert greys == pytest.approx(np.array(entries) / (2**bits - 1), abs=1e-4)


def test_a_modality_table_is_the_sources(tmp_path: Path, decoder: Decoder) -> None:
    table = lut(0, [16 * n for n in range(4096)], 16)
    made = state(tmp_path, source(ModalityLUTSequence=[table], RescaleSlope="2"), decoder)
    assert made.ModalityLUTSequence[0].LUTData == table.LUTData
    assert "RescaleSlope" not in made


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        ({}, "IDENTITY"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "INVERSE"),
        ({"PresentationLUTShape": "INVERSE"}, "INVERSE"),
    ],
)
def test_low_is_white_where_the_source_says_so(
    values: dict[str, Any], shape: str, tmp_path: Path, decoder: Decoder
) -> None:
    assert state(tmp_path, source(picture(), **values), decoder).PresentationLUTShape == shape


def test_the_window_is_the_sources(tmp_path: Path, decoder: Decoder) -> None:
    made = state(tmp_path, source(WindowCenter="1500", WindowWidth="2800"), decoder)
    shown = made.SoftcopyVOILUTSequence[0]
    assert (float(shown.WindowCenter), float(shown.WindowWidth)) == (1500, 2800)


def test_says_what_it_may_be_used_for(tmp_path: Path, decoder: Decoder) -> None:
    made = state(tmp_path, source(), decoder)
    texts = [
        text.UnformattedTextValue
        for one in made.GraphicAnnotationSequence
        for text in one.get("TextObjectSequence", ())
    ]
    assert any("not a diagnosis" in text for text in texts)
    assert {"heart", "thorax"} <= set(texts)
