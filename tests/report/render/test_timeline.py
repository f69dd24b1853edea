"""Timelines and difference views as they are shown."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given, settings
from PIL import Image

from cxr_agent.report.model import Report
from cxr_agent.report.render import to_html, to_markdown, to_ris, to_text
from cxr_agent.report.translate import in_language
from tests.report.made import reports

from .conftest import Sample
from .page import Node, Page, outside


def page(sample: Sample, report: Report | None = None) -> Node:
    return Page(to_html(report or sample.report, sample.files)).root


def text(node: Node) -> str:
    return " ".join(node.text.split())


def section(root: Node, name: str) -> Node:
    (found,) = [node for node in root.having(name) if node.tag == "section"]
    return found


def rows(root: Node) -> dict[str, list[Node]]:
    """Cells by the title of their row."""
    (table,) = [node for node in section(root, "timeline").walk() if node.tag == "table"]
    found = {}
    for line in (node for node in table.walk() if node.tag == "tr"):
        head, *cells = line.children
        if cells[0].tag == "td":
            found[text(head)] = cells
    return found


def test_films_are_columns_from_the_oldest_to_the_current(followed: Sample) -> None:
    (table,) = [n for n in section(page(followed), "timeline").walk() if n.tag == "table"]
    heads = [text(node) for node in table.walk() if node.attributes.get("scope") == "col"]
    assert heads == [
        "What",
        "prior-3 date not known",
        "prior-2 428 days before",
        "prior-1 72 days before",
        "img-1 current film",
    ]


def test_cells_tell_value_interval_and_change_with_their_evidence(followed: Sample) -> None:
    found = rows(page(followed))
    undated, oldest, recent, current = map(text, found["Cardiothoracic ratio"])
    assert oldest == "0.38 0.36 to 0.40 (90 %) larger since, +0.082 e13 e14"
    assert recent.startswith("0.41 0.39 to 0.43 (90 %) unchanged since, +0.052 ")
    assert undated.startswith("0.40 0.38 to 0.42 (90 %) not comparable ")
    assert current == "0.462 0.44 to 0.48 (90 %) e7"
    (zone,) = [cells for name, cells in found.items() if name.startswith("Right lower lung zone")]
    assert text(zone[1]).startswith("+0.20 0.15 to 0.25 (99 %) denser since ")
    assert text(zone[3]) == "–"


def test_why_a_film_is_not_comparable_is_told_once(followed: Sample) -> None:
    shown = text(section(page(followed), "timeline"))
    assert shown.count("Sizes of heart and lungs are not comparable with prior-3") == 1


def test_every_cell_cites_known_evidence_or_is_empty(followed: Sample) -> None:
    for cells in rows(page(followed)).values():
        for cell in cells:
            cited = [chip.attributes["data-ev"] for chip in cell.having("chip")]
            assert cell.attributes["data-ev"].split() == cited
            assert cited or text(cell) == "–"
    assert not section(page(followed), "timeline").having("missing")


def test_a_row_has_a_plot_of_its_dated_films(followed: Sample) -> None:
    figures = section(page(followed), "timeline").having("plot")
    names = [text(figure.children[0]) for figure in figures]
    assert names[0] == "Cardiothoracic ratio"
    drawing = next(node for node in figures[0].walk() if node.tag == "svg")
    named = drawing.attributes["aria-labelledby"].split()
    told = {n.attributes["id"]: text(n) for n in drawing.walk() if n.attributes.get("id")}
    assert list(told) == named
    assert told[named[1]] == (
        "prior-2, 428 days before: 0.38; 0.36 to 0.40 (90 %); larger since, +0.082. "
        "prior-1, 72 days before: 0.41; 0.39 to 0.43 (90 %); unchanged since, +0.052. "
        "img-1, current film: 0.462; 0.44 to 0.48 (90 %)"
    )
    marks = drawing.having("mark")
    places = [
        float(circle.attributes["cx"])
        for mark in marks
        for circle in mark.walk()
        if circle.tag == "circle"
    ]
    assert places == sorted(places)
    assert len(drawing.having("bar")) == len(marks) == 3
    days = [text(node) for node in drawing.having("day")]
    assert days == ["0", "72", "428"]


def test_what_is_not_plotted_is_said(followed: Sample) -> None:
    shown = text(section(page(followed), "timeline"))
    assert "Not plotted, as the date is not known: prior-3." in shown


def test_what_is_not_comparable_stands_apart_from_the_line(followed: Sample) -> None:
    films = tuple(
        film.model_copy(update={"days_before": 200}) if film.handle == "prior-3" else film
        for film in followed.report.films
    )
    plot = page(followed, followed.with_(films=films)).having("plot")[0]
    assert [mark.classes[-1] for mark in plot.having("mark")] == ["prior", "apart", "prior", "now"]
    (course,) = plot.having("course")
    assert len(course.attributes["points"].split()) == 3


def test_films_without_a_date_give_a_table_and_no_plot(followed: Sample) -> None:
    films = tuple(film.model_copy(update={"days_before": None}) for film in followed.report.films)
    root = page(followed, followed.with_(films=films))
    assert len(rows(root)) == 2
    assert not root.having("plot")


def test_one_prior_gives_a_difference_view_and_no_timeline(followed: Sample) -> None:
    films = followed.report.films[:2]
    kept = {film.handle for film in films}
    evidence = tuple(
        item
        for item in followed.report.evidence
        if item.image in kept and (item.against is None or item.against in kept)
    )
    root = page(followed, followed.with_(films=films, evidence=evidence))
    assert not root.having("timeline")
    assert len(root.having("difference")) == 1


def test_each_prior_has_its_difference_view_with_a_legend_in_words(followed: Sample) -> None:
    root = page(followed)
    shown = section(root, "differences")
    assert "is no diagnosis" in text(shown)
    figures = shown.having("difference")
    assert len(figures) == 3
    for place, figure in enumerate(figures, start=1):
        (picture,) = [node for node in figure.walk() if node.tag == "img"]
        assert picture.attributes["src"].startswith("data:image/png;base64,")
        assert f"denser than on prior-{place}" in picture.attributes["alt"]
        assert "orange: denser now" in text(figure)
        assert "blue: clearer now" in text(figure)
    assert outside(root) == []


def test_a_difference_view_is_no_overlay_of_its_film(followed: Sample) -> None:
    root = page(followed)
    assert len(root.having("mask")) == 5
    assert not root.having("remarks")


def png(size: tuple[int, int] = (256, 256), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, "PNG")
    return buffer.getvalue()


def drawn(followed: Sample, digest: str) -> Report:
    """The report where the view against prior-1 is another file."""
    evidence = tuple(
        item.model_copy(update={"artifacts": {"difference": digest}})
        if item.against == "prior-1" and item.artifacts
        else item
        for item in followed.report.evidence
    )
    return followed.with_(evidence=evidence)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"<svg/>", "the picture is no PNG", id="svg"),
        pytest.param(png()[:60], "the picture is damaged", id="cut"),
        pytest.param(png(mode="L"), "the picture is not in colour", id="grey"),
        pytest.param(png((256, 200)), "the picture was not made for this film", id="size"),
        pytest.param(None, "the file is not in the trace", id="missing"),
    ],
)
def test_what_is_no_difference_view_is_named(
    followed: Sample, data: bytes | None, why: str
) -> None:
    digest = followed.files.put(data) if data is not None else "0" * 64
    first, *others = page(followed, drawn(followed, digest)).having("difference")
    assert f"Not shown: {why}." in text(first)
    assert not [node for node in first.walk() if node.tag == "img"]
    assert all([node for node in one.walk() if node.tag == "img"] for one in others)


def test_films_that_could_not_be_laid_over_one_another_show_no_colours(followed: Sample) -> None:
    (sizes,) = [item for item in followed.report.evidence if item.code == "prior_comparison"]
    apart = sizes.model_copy(
        update={"id": "e99", "category": "density", "reasons": ("not_overlaid",)}
    )
    evidence = (*followed.report.evidence, apart)
    figure = page(followed, followed.with_(evidence=evidence)).having("difference")[-1]
    assert "Not shown: the films could not be laid over one another." in text(figure)
    assert [chip.attributes["data-ev"] for chip in figure.having("chip")] == ["e99"]


def test_difference_views_stay_small(followed: Sample) -> None:
    """Of noise, which no compression helps."""
    bands = [Image.effect_noise((512, 512), 60) for _ in range(3)]
    buffer = io.BytesIO()
    Image.merge("RGB", bands).save(buffer, "PNG")
    bare = len(to_html(drawn(followed, "0" * 64), followed.files))
    source = to_html(drawn(followed, followed.files.put(buffer.getvalue())), followed.files)
    assert "data:image/jpeg" in source
    assert len(source) - bare < 250_000


def test_markdown_and_text_have_the_table_and_ris_does_not(followed: Sample) -> None:
    (line,) = [
        line
        for line in to_markdown(followed.report).splitlines()
        if line.startswith("| Cardiothoracic ratio")
    ]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[2] == r"0.38; 0.36 to 0.40 (90 %); larger since, +0.082 \[e13, e14\]"
    plain = " ".join(to_text(followed.report).split())
    assert "Cardiothoracic ratio: - prior-3, date not known: 0.40;" in plain
    assert "- img-1, current film: 0.462; 0.44 to 0.48 (90 %) [e7]" in plain
    assert "since" not in to_ris(followed.report)


def test_german_has_words_for_all_of_it(followed: Sample) -> None:
    german = in_language(followed.report, "de")
    root = page(followed, german)
    shown = text(section(root, "timeline")) + text(section(root, "differences"))
    for words in (
        "Zeitlicher Verlauf",
        "428 Tage davor",
        "seither größer, +0,082",
        "seither dichter",
        "nicht vergleichbar",
        "Tage vor der aktuellen Aufnahme",
        "Nicht im Diagramm, da das Datum nicht bekannt ist: prior-3.",
        "orange: jetzt dichter",
        "Grauwert der Lungen, Differenz",
    ):
        assert words in shown
    assert not re.search(r"\b(?:since|before|current|denser|film)\b", shown)


@settings(max_examples=40, deadline=None)
@given(made=reports())
def test_any_report_is_shown(made: Report) -> None:
    def gone(digest: str) -> bytes:
        raise LookupError(digest)

    root = Page(to_html(made, gone)).root
    for drawing in root.having("plot"):
        assert "nan" not in drawing.text
    assert to_markdown(made)
    assert to_text(made)
