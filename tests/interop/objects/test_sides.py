"""Whatever way a film is stored, outlines and lines lie over the pixels that they were made of."""

from __future__ import annotations

import io
from collections.abc import Callable

import highdicom
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.imaging import Decoder
from cxr_agent.imaging.header_rules import Flip
from cxr_agent.imaging.turning import points_turned_back, turn, turn_back
from cxr_agent.interop.objects import dicom_objects
from tests.imaging.films import read

from .runs import (
    HEART,
    LEFT_LUNG,
    MARK_VALUE,
    RIGHT_LUNG,
    WIDTH_LINE,
    Pixels,
    picture,
    source,
    written,
)

STORED: dict[tuple[str, str], Callable[[Pixels], Pixels]] = {
    ("L", "F"): lambda film: film,
    ("R", "F"): lambda film: film[:, ::-1],
    ("L", "H"): lambda film: film[::-1],
    ("R", "H"): lambda film: film[::-1, ::-1],
    ("F", "L"): lambda film: film.T,
    ("H", "L"): lambda film: film.T[:, ::-1],
    ("F", "R"): lambda film: film.T[::-1],
    ("H", "R"): lambda film: film.T[::-1, ::-1],
}
"""How a film is stored, by the directions in which its rows and columns run (PS3.3 C.7.6.1.1.1)."""
WAYS = pytest.mark.parametrize("way", STORED, ids="".join)


@pytest.fixture(scope="module")
def objects(
    tmp_path_factory: pytest.TempPathFactory, decoder: Decoder
) -> Callable[[tuple[str, str]], tuple[pydicom.Dataset, ...]]:
    """Report, segmentation and presentation state of a film that is stored one way."""
    made: dict[tuple[str, str], tuple[pydicom.Dataset, ...]] = {}

    def of(way: tuple[str, str]) -> tuple[pydicom.Dataset, ...]:
        if way not in made:
            data = source(np.ascontiguousarray(STORED[way](picture())), PatientOrientation=way)
            run = written(tmp_path_factory.mktemp("run"), [data])
            files = dicom_objects(run.folder, run.sources, decoder)
            made[way] = tuple(pydicom.dcmread(io.BytesIO(one)) for one in files)
        return made[way]

    return of


Objects = Callable[[tuple[str, str]], tuple[pydicom.Dataset, ...]]


@WAYS
def test_the_film_is_read_the_right_way_round(way: tuple[str, str]) -> None:
    turned = read(source(np.ascontiguousarray(STORED[way](picture())), PatientOrientation=way))
    assert np.array_equal(turned.pixels, read(source()).pixels)


@WAYS
def test_outlines_lie_over_the_stored_pixels(way: tuple[str, str], objects: Objects) -> None:
    seg = highdicom.seg.Segmentation.from_dataset(objects(way)[1])
    uid = seg.get_source_image_uids()[0][2]
    planes = seg.get_pixels_by_source_instance([uid])[0]
    labels = [item.SegmentLabel for item in seg.SegmentSequence]
    assert labels == ["right lung", "left lung", "heart"]
    for number, truth in enumerate((RIGHT_LUNG, LEFT_LUNG, HEART)):
        assert np.array_equal(planes[..., number].astype(bool), STORED[way](truth))


@WAYS
def test_the_right_lung_is_on_the_patients_right(way: tuple[str, str], objects: Objects) -> None:
    """From the stored pixels and the source's Patient Orientation alone."""
    seg = highdicom.seg.Segmentation.from_dataset(objects(way)[1])
    planes = seg.get_pixels_by_source_instance([seg.get_source_image_uids()[0][2]])[0]
    middles = {}
    for number, item in enumerate(seg.SegmentSequence):
        rows, columns = np.nonzero(planes[..., number])
        modifier = item.SegmentedPropertyTypeCodeSequence[0].get(
            "SegmentedPropertyTypeModifierCodeSequence"
        )
        if modifier:
            # The first direction is that of the rows: along it the column grows.
            middles[modifier[0].CodeMeaning] = (columns.mean(), rows.mean())
    axis = next(place for place, letter in enumerate(way) if letter in "LR")
    to_the_left = 1 if way[axis] == "L" else -1
    assert (middles["Left"][axis] - middles["Right"][axis]) * to_the_left > 0


@WAYS
def test_a_measured_line_begins_where_it_was_measured(
    way: tuple[str, str], objects: Objects
) -> None:
    stored = STORED[way](picture())
    report, _, state = objects(way)
    found = [
        item.GraphicData
        for group in report.ContentSequence[-3].ContentSequence
        for number in group.ContentSequence
        if number.ValueType == "NUM" and "ContentSequence" in number
        for item in number.ContentSequence
        if item.ValueType == "SCOORD"
    ]
    drawn = [
        graphic.GraphicData
        for annotation in state.GraphicAnnotationSequence
        for graphic in annotation.get("GraphicObjectSequence", ())
    ]
    for lines in (found, drawn):
        begins = {(int(line[1]), int(line[0])) for line in lines}
        assert tuple(np.argwhere(stored == MARK_VALUE)[0]) in begins
        for line in lines:
            points = np.reshape(line, (-1, 2))
            assert (points >= 0).all()
            assert (points <= stored.shape[::-1]).all()
    length = np.hypot(*np.subtract(*WIDTH_LINE))
    assert any(
        np.hypot(*(np.subtract(line[:2], line[2:]))) == pytest.approx(length) for line in drawn
    )


@given(
    flip=st.sampled_from(Flip),
    row=st.integers(0, 6),
    column=st.integers(0, 4),
)
def test_turning_back_undoes_turning(flip: Flip, row: int, column: int) -> None:
    stored = np.arange(35, dtype=np.uint16).reshape(7, 5)
    film = turn(stored, flip)
    assert np.array_equal(turn_back(film, flip), stored)
    at = np.argwhere(film == stored[row, column])[0]
    point = points_turned_back([(at[1] + 0.5, at[0] + 0.5)], film.shape, flip)[0]
    assert point == (column + 0.5, row + 0.5)
