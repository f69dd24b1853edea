"""Maps between films, and grids laid over a thorax."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.compare.affine import LUNGS, Affine, frame_over, mask_in, thorax_of
from tests.builders import rectangle

NUMBERS = st.floats(-3, 3)
POINTS = st.tuples(st.floats(-500, 500), st.floats(-500, 500))


@st.composite
def maps(draw: st.DrawFn) -> Affine:
    """Turned, scaled and sheared maps that can be undone."""
    turn, scale = draw(st.floats(-np.pi, np.pi)), draw(st.floats(0.3, 3))
    shear, squeeze = draw(st.floats(-0.4, 0.4)), draw(st.floats(0.7, 1.4))
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = scale * linear @ np.array([[1, shear], [0, squeeze]])
    return Affine(np.column_stack([linear, [draw(st.floats(-900, 900)) for _ in "xy"]]))


def at(one: Affine, point: tuple[float, float]) -> tuple[float, float]:
    x, y = one.points(np.array(point[0]), np.array(point[1]))
    return float(x), float(y)


@given(maps(), POINTS)
def test_the_inverse_leads_back(one: Affine, point: tuple[float, float]) -> None:
    assert at(one.inverse, at(one, point)) == pytest.approx(point, abs=1e-6)


@given(maps(), maps(), POINTS)
def test_one_after_another(one: Affine, other: Affine, point: tuple[float, float]) -> None:
    assert at(other.after(one), point) == pytest.approx(at(other, at(one, point)), abs=1e-6)


@given(maps(), maps(), POINTS)
def test_the_inverse_of_two_is_both_inverses_the_other_way_round(
    one: Affine, other: Affine, point: tuple[float, float]
) -> None:
    there = other.after(one).inverse
    back = one.inverse.after(other.inverse)
    assert at(there, point) == pytest.approx(at(back, point), abs=1e-4)


@given(st.floats(-179, 179), st.floats(0.1, 10), POINTS)
def test_turn_and_scale_are_what_was_made(
    turn: float, scale: float, shift: tuple[float, float]
) -> None:
    angle = np.deg2rad(turn)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    one = Affine(np.column_stack([linear, shift]))
    assert one.turn_deg == pytest.approx(turn, abs=1e-6)
    assert one.scale == pytest.approx(scale)


@given(maps())
def test_the_inverse_turns_back_and_scales_back(one: Affine) -> None:
    turned = one.inverse.turn_deg + one.turn_deg
    assert np.cos(np.deg2rad(turned)) == pytest.approx(1)
    assert one.inverse.scale * one.scale == pytest.approx(1)


@given(maps(), maps())
def test_scales_multiply(one: Affine, other: Affine) -> None:
    assert other.after(one).scale == pytest.approx(one.scale * other.scale)


def test_a_positive_turn_is_clockwise_in_the_picture() -> None:
    quarter = Affine(np.array([[0.0, -1, 0], [1, 0, 0]]))
    assert at(quarter, (1, 0)) == (0, 1)  # from the right to below: y points down
    assert quarter.turn_deg == pytest.approx(90)


def lungs(*boxes: tuple[int, int, int, int], shape: tuple[int, int] = (240, 300)) -> dict:
    return {name: rectangle(shape, *box) for name, box in zip(LUNGS, boxes, strict=True)}


def test_a_frame_shows_the_thorax_and_a_little_around() -> None:
    masks = lungs((50, 40, 120, 200), (150, 60, 250, 190))
    frame = frame_over(masks, 100)
    assert thorax_of(masks).box == (50, 40, 250, 200)
    assert frame.to_film.scale == 2  # the thorax of 200 pixels has 100 cells
    assert frame.shape == (104, 130)  # 160 + 2 * 24 rows and 200 + 2 * 30 columns of the film
    assert at(frame.to_film, (0, 0)) == (20, 16)


def test_cells_are_named_by_their_middle() -> None:
    x, y = frame_over(lungs((50, 40, 120, 200), (150, 60, 250, 190)), 100).cells
    assert (x[0, 0], y[0, 0], x[3, 5], y[3, 5]) == (0.5, 0.5, 5.5, 3.5)


def test_an_outline_that_is_a_line_has_no_endless_frame() -> None:
    line = lungs((5, 0, 6, 2000), (5, 0, 6, 2000), shape=(2000, 10))
    rows, columns = frame_over(line, 256).shape
    assert rows * columns < 256 * 256 * 4


@given(
    st.tuples(st.integers(2, 60), st.integers(2, 60)),
    st.tuples(st.integers(70, 140), st.integers(70, 140)),
)
def test_a_mask_lies_in_the_frame_where_it_lies_on_the_film(
    corner: tuple[int, int], other: tuple[int, int]
) -> None:
    masks = lungs((*corner, *other), (*corner, *other), shape=(150, 150))
    frame = frame_over(masks, 200)
    plane = mask_in(frame, masks["right_lung"], frame.to_film)
    assert plane.any()
    share = plane.sum() * frame.to_film.scale**2 / masks["right_lung"].sum()
    assert share == pytest.approx(1, abs=0.05)


def test_beyond_the_film_is_no_structure() -> None:
    masks = lungs((0, 0, 20, 40), (20, 0, 40, 40), shape=(40, 40))
    frame = frame_over(masks, 40)  # reaches beyond the film on all sides
    plane = mask_in(frame, np.ones((40, 40), dtype=np.bool_), frame.to_film)
    assert plane.shape == frame.shape
    assert plane.sum() == 40 * 40
