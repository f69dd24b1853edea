"""Only lines come out of an SVG artifact."""

from __future__ import annotations

import pytest

from cxr_agent.report.render._drawings import Line, OverlayError, read_lines

from .conftest import drawing

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">'


def test_reads_what_the_toolbox_writes() -> None:
    right, _, thorax = read_lines(drawing(), 512, 512)
    assert right == Line("heart, right part", ((180.0, 330.0), (256.0, 330.0)), name="right")
    assert thorax.middle == (255.0, 380.0)
    assert thorax.attribute == "50,380 460,380"


def test_ticks_stand_across_the_ends() -> None:
    assert Line("", ((0, 5), (10, 5))).ticks(4) == (((0, 3), (0, 7)), ((10, 3), (10, 7)))
    assert Line("", ((1, 1), (1, 1))).ticks(4) == ()


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script></svg>",
        '<image href="http://a.example/x.png"/></svg>',
        '<polyline points="0,0 1,1"><animate/></polyline></svg>',
        '<polyline points="0,0 1e9,nan"/></svg>',
        "<polyline/></svg>",
        "<!-- x --></svg>",
        "<polyline",
        "<polyline points='1,1'/></svg>" * 2,
        "<polyline points='1,1'/>" * 65 + "</svg>",
    ],
)
def test_refuses_anything_else(body: str) -> None:
    with pytest.raises(OverlayError):
        read_lines((HEAD + body).encode(), 10, 10)


def test_refuses_entities_and_other_films() -> None:
    bomb = b'<!DOCTYPE svg [<!ENTITY a "aa">]>' + drawing()
    with pytest.raises(OverlayError, match="more than lines"):
        read_lines(bomb, 512, 512)
    with pytest.raises(OverlayError, match="more than lines"):
        read_lines(bomb.decode().encode("utf-16"), 512, 512)
    with pytest.raises(OverlayError, match="not made for this film"):
        read_lines(drawing(), 512, 511)


def test_hostile_attributes_are_left_behind() -> None:
    data = HEAD + '<polyline onload="alert(1)" points="0,0 1,1"><title>a&lt;b</title></polyline>'
    (line,) = read_lines((data + "</svg>").encode(), 10, 10)
    assert line == Line("a<b", ((0.0, 0.0), (1.0, 1.0)))
