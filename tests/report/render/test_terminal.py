"""The report on a terminal and in a pipe."""

from __future__ import annotations

import io
import re

from rich.console import Console

from cxr_agent.report.model import Report
from cxr_agent.report.render import render_terminal, to_text

from .conftest import Sample

SGR = re.compile(r"\x1b\[[0-9;]*m")


def shown(report: Report, *, terminal: bool, width: int = 80) -> str:
    console = Console(
        file=io.StringIO(), force_terminal=terminal, width=width, color_system="standard"
    )
    render_terminal(report, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_pipe_gets_plain_text(sample: Sample) -> None:
    text = shown(sample.report, terminal=False)
    assert text == to_text(sample.report) + "\n"
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_terminal_gets_the_same_content(sample: Sample) -> None:
    text = shown(sample.report, terminal=True)
    assert SGR.search(text)
    plain = SGR.sub("", text)
    assert max(map(len, plain.splitlines())) <= 80
    flat = " ".join(plain.split())
    for sentence in sample.report.sentences():
        assert f"{sentence.text} [{', '.join(sentence.evidence)}]" in flat
    assert "Cardiothoracic ratio 0.46 0.44 to 0.48 (90 %) limit 0.50" in flat
    assert "absent, 0.462" in flat


def test_a_classified_finding_has_probability_and_limits(classified: Sample) -> None:
    piped = " ".join(to_text(classified.report).split())
    assert (
        "e12 pneumothorax absent; probability 0.071; limits: present above 0.61, absent below "
        "0.24; classify_findings 1.0, step 5" in piped
    )
    assert "limit 0.50; measure_ctr" in piped
    plain = SGR.sub("", shown(classified.report, terminal=True, width=100)).splitlines()
    (place,) = [i for i, line in enumerate(plain) if line.split()[:1] == ["e12"]]
    cells = [part for line in plain[place : place + 3] for part in re.split(r"\s{2,}", line)]
    assert "probability 0.071" in cells
    assert any(cell.startswith("limits: present above") for cell in cells)


def test_evidence_ids_are_dim(sample: Sample) -> None:
    assert "\x1b[2m [e6]" in shown(sample.report, terminal=True)


def test_text_is_readable_when_very_narrow(sample: Sample) -> None:
    assert "\x1b" in shown(sample.report, terminal=True, width=40)


def test_partial_is_said_in_both(sample: Sample) -> None:
    for terminal in (True, False):
        assert "Partial report" in shown(sample.with_(status="partial"), terminal=terminal)


def test_hostile_text_styles_nothing(hostile: Report) -> None:
    piped = shown(hostile, terminal=False)
    assert "[bold red]x[/bold red]" in " ".join(piped.split())
    assert not set(piped) & set("\x1b\x00\x07\x9b\u202e")
    styled = shown(hostile, terminal=True)
    assert "\x1b[31mred" not in styled
    assert "\x1b]8" not in styled
    assert not set(SGR.sub("", styled)) & set("\x1b\x00\x07\x9b\u202e")


def test_bare_report(sample: Sample) -> None:
    bare = sample.with_(
        technique=(),
        findings=(),
        impression=(),
        limitations=(),
        dropped=(),
        history="",
        evidence=(),
        films=(),
    )
    text = shown(bare, terminal=False)
    assert "HISTORY" not in text
    assert "FINDINGS" not in text
    assert "EXAM" in shown(bare, terminal=True)
