"""A classifier's map: coloured so that everyone can read it, and refused when it is not one."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cxr_agent.report.render._drawings import OverlayError
from cxr_agent.report.render._heatmaps import gradient, heatmap_picture
from cxr_agent.study import FloatImage
from cxr_agent.toolbox.artifacts import heatmap_png


def png(mode: str, size: tuple[int, int] = (64, 64)) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, "PNG")
    return buffer.getvalue()


def coloured(plane: FloatImage, shape: tuple[int, int] = (512, 512)) -> NDArray[np.uint8]:
    """What the page holds of a map: (rows, columns, RGBA)."""
    head, _, data = heatmap_picture(heatmap_png(plane), shape).partition(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        return np.asarray(picture.convert("RGBA"))


def ramp() -> NDArray[np.uint8]:
    """The colours of 0 to 1 in 128 steps: (128, RGBA)."""
    return coloured(np.tile(np.linspace(0, 1, 128, dtype=np.float32), (128, 1)))[0]


def test_the_film_stays_clear_where_the_map_is_low() -> None:
    opacity = ramp()[:, 3].astype(int)
    assert not opacity[:32].any()
    assert (np.diff(opacity) >= 0).all()
    assert opacity[-1] == round(0.8 * 255)


def test_lightness_only_rises() -> None:
    red, green, blue = ramp()[32:, :3].T / 255
    linear = [
        np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in (red, green, blue)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert (np.diff(luminance) > -1e-3).all()  # 8 bits per colour round
    assert luminance[-1] > 5 * luminance[0]


def test_places_are_kept(effusion_map: FloatImage) -> None:
    picture = coloured(effusion_map)
    assert picture.shape == (128, 128, 4)
    row, column = np.unravel_index(picture[:, :, 3].argmax(), (128, 128))
    high_row, high_column = np.unravel_index(effusion_map.argmax(), effusion_map.shape)
    assert abs(row - high_row / 2) <= 1
    assert abs(column - high_column / 2) <= 1


def test_a_small_map_is_not_enlarged() -> None:
    assert coloured(np.ones((7, 5), dtype=np.float32), (700, 500)).shape == (7, 5, 4)


def test_the_legend_has_the_colours_of_the_map() -> None:
    first, *_, last = gradient().split(", ")
    red, green, blue, _ = ramp()[-1]
    assert last == f"rgb({red} {green} {blue} / 0.80)"
    assert first.endswith("/ 0.00)")


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((207, 256), (2991, 2419)),
        ((208, 256), (2991, 2419)),
        ((1, 1), (300, 200)),
        ((1, 1), (9, 8)),
    ],
)
def test_rounding_is_no_fault(size: tuple[int, int], shape: tuple[int, int]) -> None:
    assert heatmap_picture(png("L", size), shape).startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"<svg/>", "the picture is no PNG", id="svg"),
        pytest.param(b"", "the picture is no PNG", id="nothing"),
        pytest.param(png("L")[:60], "the picture is damaged", id="cut off"),
        pytest.param(png("RGB"), "the map is not 8-bit grey", id="colour"),
        pytest.param(png("LA"), "the map is not 8-bit grey", id="opacity"),
        pytest.param(png("1"), "the map is not 8-bit grey", id="a mask"),
        pytest.param(png("I;16"), "the map is not 8-bit grey", id="16 bits"),
        pytest.param(png("L", (257, 257)), "the map is larger than 256 pixels", id="too fine"),
        pytest.param(png("L", (64, 62)), "the map was not made for this film", id="wide"),
        pytest.param(png("L", (62, 64)), "the map was not made for this film", id="tall"),
    ],
)
def test_what_is_no_map_of_the_film_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(OverlayError, match=f"^{why}$"):
        heatmap_picture(data, (512, 512))
