"""The HTML report: complete, self-contained, and deaf to hostile text."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from PIL import Image

from cxr_agent.errors import TraceError
from cxr_agent.report.model import NOTICE, Report
from cxr_agent.report.render import to_html

from .conftest import HOSTILE, Sample, drawing

VOID = {"meta", "input", "br", "link", "img", "image", "polyline", "rect"}


@dataclass
class Node:
    tag: str
    attributes: dict[str, str]
    children: list[Node] = field(default_factory=list)
    text: str = ""

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    def walk(self) -> list[Node]:
        return [self, *(node for child in self.children for node in child.walk())]

    def having(self, name: str) -> list[Node]:
        return [node for node in self.walk() if name in node.classes]


class Page(HTMLParser):
    """A tree that fails on tags which do not match."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.root = Node("", {})
        self._open = [self.root]
        self.feed(source)
        assert self._open == [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for node in self._open:
            node.text += data


@pytest.fixture
def page(sample: Sample) -> Node:
    return Page(to_html(sample.report, sample.files)).root


def outside(root: Node) -> list[str]:
    """Attribute values that could make a browser ask for something."""
    found = []
    for node in root.walk():
        for name, value in node.attributes.items():
            if name in {"src", "href", "srcset", "action", "poster", "data", "style"}:
                found += [] if value.startswith(("data:image/", "#")) else [f"{name}={value}"]
    return [entry for entry in found if "//" in entry or "url(" in entry or "style=" not in entry]


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


def _args(sample: Sample) -> tuple[Report, Callable[[str], bytes]]:
    return sample.report, sample.files
