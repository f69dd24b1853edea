"""The HTML report: complete, self-contained, and deaf to hostile text."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from cxr_agent.errors import TraceError
from cxr_agent.report.model import NOTICE, Report
from cxr_agent.report.render import to_html
from cxr_agent.toolbox.artifacts import heatmap_png

from .conftest import HOSTILE, Sample, drawing
from .page import Node, Page, outside


@pytest.fixture
def page(sample: Sample) -> Node:
    return Page(to_html(sample.report, sample.files)).root


def test_asks_for_nothing(page: Node, sample: Sample) -> None:
    assert outside(page) == []
    source = re.sub(r"data:image/[a-z]+;base64,[A-Za-z0-9+/=]+", "", to_html(*_args(sample)))
    assert not re.search(r"//|url\(|@import|<link|<iframe|<base", source)


def test_policy_knows_the_one_script(page: Node) -> None:
    (policy,) = [
        node.attributes["content"]
        for node in page.walk()
        if node.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    (script,) = [node for node in page.walk() if node.tag == "script"]
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert f"script-src 'sha256-{digest}'" in policy


def test_every_sentence_has_chips_that_resolve(page: Node, sample: Sample) -> None:
    cards = {node.attributes["id"] for node in page.having("card")}
    assert cards == {f"card-{item.id}" for item in sample.report.evidence}
    sentences = page.having("sentence")
    assert len(sentences) == len(sample.report.sentences())
    assert all(node.having("chip") for node in sentences)
    for chip in page.having("chip"):
        assert chip.attributes["href"].removeprefix("#") in cards


def test_text_is_all_there(page: Node, sample: Sample) -> None:
    (report,) = page.having("report")
    for sentence in sample.report.sentences():
        assert sentence.text in report.text
    assert "Comparison" not in report.text
    assert page.text.count(NOTICE) == 2
    assert "Not let out by the gates (1)" in report.text
    for fact in ("20261124T201500Z-1a2b3c4d", "protocol 1", "cxr-agent 0.1.0"):
        assert fact in page.text


def test_card_can_be_followed_back(page: Node) -> None:
    (card,) = [node for node in page.having("card") if node.attributes["id"] == "card-e8"]
    for fact in ("absent", "0.462", "0.44 to 0.48 (90 %)", "0.50", "convention for adult PA"):
        assert fact in card.text
    for fact in ("measure_ctr 1.0, step 3", "anatomy", "a" * 12, "img-1", "b" * 12):
        assert fact in card.text


def test_overlays_have_switches_and_light_up(page: Node) -> None:
    masks, lines = page.having("mask"), page.having("lines")
    assert (len(masks), len(lines)) == (5, 1)
    assert lines[0].attributes["data-ev"] == "e7 e8"
    heart = next(node for node in masks if node.attributes["data-ev"].startswith("e3"))
    assert heart.attributes["data-ev"] == "e3 e7 e8"  # same place as the heart
    styles = "".join(node.text for node in page.walk() if node.tag == "style")
    for overlay in (*masks, *lines):
        (name,) = [name for name in overlay.classes if name.startswith("o-")]
        (switch,) = [node for node in page.walk() if node.attributes.get("data-overlay") == name]
        assert "checked" in switch.attributes
        rule = f"#{switch.attributes['id']}:not(:checked)) .{name}:not(.hot) {{ display: none; }}"
        assert rule in styles
    assert len({node.attributes["style"] for node in page.having("swatch")[:5]}) == 5


def test_masks_are_coloured_over_nothing(page: Node) -> None:
    for overlay in page.having("mask"):
        for node in overlay.children:
            data = base64.b64decode(node.attributes["href"].partition(",")[2])
            with Image.open(io.BytesIO(data)) as picture:
                assert picture.size == (512, 512)
                colours = picture.convert("RGBA").getcolors()
            assert colours is not None
            assert sorted(colour[3] for _, colour in colours) == [0, 255]
            assert len(data) < 8_000


def test_lines_are_rebuilt(page: Node) -> None:
    points = [node.attributes.get("points") for node in page.having("lines")[0].walk()]
    assert "180,330 256,330" in points
    assert [node.text for node in page.having("tag")] == [
        "heart, right part",
        "heart, left part",
        "thorax",
    ]


def test_large_film_stays_small(sample: Sample) -> None:
    noise = Image.effect_noise((1024, 1024), 60)
    buffer = io.BytesIO()
    noise.save(buffer, "PNG")
    film = sample.report.films[0].model_copy(
        update={"display": sample.files.put(buffer.getvalue())}
    )
    source = to_html(sample.with_(films=(film,)), sample.files)
    assert len(source) < 1_500_000
    assert "lossy 8-bit copy" in source


def test_maps_are_off_at_first_and_light_up(classified: Sample) -> None:
    root = Page(to_html(classified.report, classified.files)).root
    styles = "".join(node.text for node in root.walk() if node.tag == "style")
    (maps,) = root.having("maps")
    labels = [" ".join(node.text.split()) for node in maps.walk() if node.tag == "label"]
    assert labels == ["pleural effusion 0.87, present", "consolidation 0.43, uncertain"]
    assert [node.attributes["data-ev"] for node in root.having("heat")] == ["e10", "e11"]
    for overlay, switch in zip(root.having("heat"), root.having("t-map"), strict=True):
        name = switch.attributes["data-overlay"]
        assert name in overlay.classes
        assert "checked" not in switch.attributes
        rule = f"#{switch.attributes['id']}:not(:checked)) .{name}:not(.hot) {{ display: none; }}"
        assert rule in styles
    assert len(root.having("mask")) == 5
    assert not root.having("remarks")


def test_a_map_never_goes_without_its_score_and_meaning(classified: Sample) -> None:
    root = Page(to_html(classified.report, classified.files)).root
    (caption,) = root.having("caption")
    assert " ".join(caption.text.split()) == (
        "Pleural effusion 0.87, present: insertion minus deletion 0.31. "
        "Consolidation 0.43, uncertain: insertion minus deletion not measured. "
        "A map shows what the classifier used, not where disease is."
    )
    assert (
        "insertion minus deletion 0.31; a map shows what the classifier used, not where disease is"
        in card(root, "e10")
    )
    assert "map shows" not in card(root, "e12")


def test_a_card_shows_probability_and_both_limits(classified: Sample) -> None:
    root = Page(to_html(classified.report, classified.files)).root
    for identity, probability in (("e10", "0.874"), ("e11", "0.432"), ("e12", "0.071")):
        assert f"Probability{probability}" in card(root, identity)
        assert "Limitspresent above 0.61, absent below 0.24" in card(root, identity)
    assert "Threshold0.50" in card(root, "e8")
    (row,) = [n for n in root.walk() if n.tag == "tr" and n.attributes.get("data-ev") == "e12"]
    assert "probability 0.071" in row.text
    assert "present above 0.61, absent below 0.24" in row.text


def test_equal_maps_have_a_switch_each(classified: Sample) -> None:
    (digest,) = classified.report.cited("e10").artifacts.values()
    evidence = tuple(
        item.model_copy(update={"artifacts": {"saliency_consolidation": digest}})
        if item.id == "e11"
        else item
        for item in classified.report.evidence
    )
    root = Page(to_html(classified.with_(evidence=evidence), classified.files)).root
    assert [node.attributes["data-ev"] for node in root.having("heat")] == ["e10", "e11"]


@pytest.mark.parametrize(
    ("mode", "size", "why"),
    [
        ("RGB", (64, 64), "the map is not 8-bit grey"),
        ("L", (300, 300), "the map is larger than 256 pixels"),
        ("L", (64, 60), "the map was not made for this film"),
        (None, (0, 0), "the picture is no PNG"),
    ],
)
def test_what_is_no_map_is_named_and_not_shown(
    classified: Sample, mode: str | None, size: tuple[int, int], why: str
) -> None:
    buffer = io.BytesIO(b"<svg/>")
    if mode is not None:
        Image.new(mode, size).save(buffer, "PNG")
    root = with_map(classified, classified.files.put(buffer.getvalue()))
    (remarks,) = root.having("remarks")
    assert remarks.text.strip() == f"Not shown: the map of pleural effusion: {why}."
    assert [node.attributes["data-ev"] for node in root.having("heat")] == ["e11"]
    assert "map shows" not in card(root, "e10")


def test_a_map_that_is_not_in_the_trace_is_named(classified: Sample) -> None:
    (remarks,) = with_map(classified, "0" * 64).having("remarks")
    assert "the map of pleural effusion: the file is not in the trace" in remarks.text


def test_maps_ask_for_nothing_and_change_no_policy(classified: Sample, sample: Sample) -> None:
    def policy(report: Report) -> str:
        root = Page(to_html(report, classified.files)).root
        assert outside(root) == []
        (meta,) = [n for n in root.walk() if "http-equiv" in n.attributes]
        return meta.attributes["content"]

    assert policy(classified.report) == policy(sample.report)


def test_many_maps_stay_small(classified: Sample) -> None:
    """The worst case: a film and fourteen maps of noise, which no compression helps."""
    noise = io.BytesIO()
    Image.effect_noise((1024, 1024), 60).save(noise, "PNG")
    display = classified.files.put(noise.getvalue())
    film = classified.report.films[0].model_copy(update={"display": display})
    random = np.random.default_rng(0)
    maps = [
        classified.report.cited("e10").model_copy(
            update={
                "id": f"e{place}",
                "artifacts": {
                    "saliency_pleural_effusion": classified.files.put(
                        heatmap_png(random.random((256, 256), dtype=np.float32))
                    )
                },
            }
        )
        for place in range(20, 34)
    ]
    report = classified.with_(films=(film,), evidence=(*classified.report.evidence, *maps))
    source = to_html(report, classified.files)
    assert len(Page(source).root.having("heat")) == 16
    assert len(source) < 1_500_000


def test_missing_and_foreign_files_are_named(
    sample: Sample, blank_png: Callable[[int, int], bytes]
) -> None:
    wrong = sample.files.put(blank_png(8, 8))
    other = sample.files.put(drawing(64, 64))
    changes = {"e1": {"m": "0" * 64}, "e2": {"m": wrong}, "e3": {"m": other}, "e4": {"m": other}}
    evidence = tuple(
        item.model_copy(update={"artifacts": changes.get(item.id, item.artifacts)})
        for item in sample.report.evidence
    )
    root = Page(to_html(sample.with_(evidence=evidence), sample.files)).root
    remarks = "".join(node.text for node in root.having("remarks"))
    assert "right lung: the file is not in the trace" in remarks
    assert "left lung: the mask was not made for this film" in remarks
    assert "heart: the drawing was not made for this film" in remarks


def test_readable_without_any_file(sample: Sample) -> None:
    def gone(digest: str) -> bytes:
        raise TraceError("gone", digest)

    root = Page(to_html(sample.report, gone)).root
    assert "The film cannot be shown." in root.text
    assert len(root.having("sentence")) == len(sample.report.sentences())


def test_partial_has_a_banner(sample: Sample) -> None:
    root = Page(to_html(sample.with_(status="partial"), sample.files)).root
    assert any(node.tag == "p" and "partial" in node.classes for node in root.walk())


def test_prior_gets_a_tab_and_loose_evidence_a_card(sample: Sample) -> None:
    prior = sample.report.films[0].model_copy(update={"handle": "prior-1", "days_before": 1})
    lost = sample.report.evidence[0].model_copy(update={"id": "e99", "image": "img-9"})
    report = sample.with_(
        films=(prior, sample.report.films[0]), evidence=(*sample.report.evidence, lost)
    )
    root = Page(to_html(report, sample.files)).root
    (tabs,) = root.having("tabs")
    assert " ".join(tabs.text.split()) == "img-1 prior-1, 1 day before"
    assert len([n for n in root.walk() if n.attributes.get("id") == "card-e99"]) == 1


def test_hostile_text_stays_text(hostile: Report, sample: Sample) -> None:
    source = to_html(hostile, sample.files)
    root = Page(source).root
    assert len([node for node in root.walk() if node.tag == "script"]) == 1
    assert not [node for node in root.walk() if node.tag == "img"]
    assert not [name for n in root.walk() for name in n.attributes if name.startswith("on")]
    assert outside(root) == []
    assert "{{7*7}} {% raw %}" in root.text
    assert "49" not in root.having("history")[0].text
    assert not set(source) & (set(HOSTILE) & set("\x1b\x00\x9b\u202e\u2069\x07"))
    assert all("href" not in node.attributes for node in root.having("missing"))


def test_import_is_cheap() -> None:
    code = (
        "import sys, cxr_agent.report.render;"
        "print([m for m in ('rich', 'jinja2', 'PIL', 'numpy', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def card(root: Node, identity: str) -> str:
    """The text of one evidence card, without the spaces between its parts."""
    (found,) = [node for node in root.walk() if node.attributes.get("id") == f"card-{identity}"]
    return re.sub(r"\n\s*", "", found.text)


def with_map(classified: Sample, digest: str) -> Node:
    """The page where the map of the effusion is another file."""
    evidence = tuple(
        item.model_copy(update={"artifacts": {"saliency_pleural_effusion": digest}})
        if item.id == "e10"
        else item
        for item in classified.report.evidence
    )
    return Page(to_html(classified.with_(evidence=evidence), classified.files)).root


def _args(sample: Sample) -> tuple[Report, Callable[[str], bytes]]:
    return sample.report, sample.files
